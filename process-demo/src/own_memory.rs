//! What one process writes to its memory, no other process sees: each has a copy of every variable.
//! Threads share theirs.
//!
//! You will see a counter that is raised once in every child and is still 0 in the parent, and the
//! same counter raised by as many threads.
//!
//! Try it: let the parent add up what its children say. How else could it know?

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::judge;

/// What starts this program as a child that counts.
pub const CHILD: Hidden = Hidden::new("count", count);

pub const ABOUT: &str = "A counter in children, in the parent and in threads";

static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// The child: raises its counter, and says what it is then.
fn count(_: &[String]) -> Result<()> {
    COUNTER.fetch_add(1, SeqCst);
    child::tell(COUNTER.load(SeqCst));
    Ok(())
}

pub fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks.min(100);
    let before = COUNTER.load(SeqCst);
    let mut said = Vec::new();
    for _ in 0..n {
        let ended = child::run(&mut child::this_program(CHILD.name)?, Duration::from_secs(20))?;
        said.push(ended.stdout.trim().to_string());
    }
    let after_children = COUNTER.load(SeqCst) - before;
    scope(|scope| {
        for _ in 0..n {
            Builder::new().spawn_scoped(scope, || COUNTER.fetch_add(1, SeqCst))?;
        }
        anyhow::Ok(())
    })?;
    let after_threads = COUNTER.load(SeqCst) - before - after_children;
    let finding = judge::own_memory(n, &said, after_children, after_threads)
        .on("P5", "Processes have memory of their own, threads share it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}
