//! Two threads that need the same two locks, and take them in opposite order, wait for each other
//! for ever. Taken in one order everywhere, the locks cannot be waited for in a circle.
//!
//! You will see a child that hangs until it is killed, and one that does not.
//!
//! Try it: `try_lock` for the second lock, and give the first one back if it fails.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::scope;
use std::time::Duration;

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::judge;

/// What starts this program as a child that may hang.
pub const CHILD: Hidden = Hidden::new("lock-both", lock_both).watching_stdin();
pub const ABOUT: &str = "Two locks, taken in two orders";

pub fn run(_: &Lab) -> Result<Evidence> {
    let end_of = |order: &str, deadline| {
        let mut child = child::this_program(CHILD.name)?;
        Ok::<_, anyhow::Error>(child::run_watching(child.arg(order), deadline)?.end)
    };
    let crossed = end_of("crossed", Duration::from_secs(2))?;
    let ordered = end_of("ordered", Duration::from_secs(60))?;
    let finding = judge::deadlock(crossed, ordered);
    Ok(Evidence::new(
        Vec::new(),
        vec![finding.on("T10", "Threads that wait for each other's locks hang")],
    ))
}

/// The child: two threads, each of which needs both locks.
pub fn lock_both(words: &[String]) -> Result<()> {
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let holders = Holders::default();
    let crossed = words.first().is_some_and(|order| order == "crossed");
    // The line that matters: in which order the second thread takes the locks.
    let (first, second) = if crossed { (&b, &a) } else { (&a, &b) };
    // In one order the other thread cannot come, and need not be waited for.
    let patience = Duration::from_millis(if crossed { 60_000 } else { 500 });
    scope(|scope| {
        scope.spawn(|| holders.take(&a, &b, patience));
        scope.spawn(|| holders.take(first, second, patience));
    });
    Ok(())
}

/// How many threads hold their first lock.
#[derive(Default)]
struct Holders(Mutex<usize>, Condvar);

impl Holders {
    fn take(&self, first: &Mutex<()>, second: &Mutex<()>, patience: Duration) {
        let _first = first.lock().unwrap_or_else(PoisonError::into_inner);
        // Chance would bring both here at once now and then. This makes it certain: each waits for
        // the other, and in vain, for a while, if the other cannot come.
        let mut holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *holders += 1;
        self.1.notify_all();
        let alone = |holders: &mut usize| *holders < 2;
        drop(self.1.wait_timeout_while(holders, patience, alone));
        let _second = second.lock().unwrap_or_else(PoisonError::into_inner);
    }
}
