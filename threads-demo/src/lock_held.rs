//! A lock that is held while its thread waits for something else keeps all others waiting, too: ten
//! threads then take as long as none.
//!
//! You will see a stair although every task has a thread, and a block once the lock is given back
//! before the wait.
//!
//! Try it: `drop(count)` before the request in the trap.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

use anyhow::Result;
use shared::judge;
use shared::lab::{Evidence, Lab};
use shared::report::Run;

pub const ABOUT: &str = "A lock that is held during a wait makes threads queue up";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let sum = lab.delay_ms.map(|delay| delay * lab.tasks as f64);
    let held = counted(lab, "lock-held", sum, true)?;
    let released = counted(lab, "lock-released", lab.delay_ms, false)?;
    let finding = judge::waits_overlap(&held, &released)
        .on("T10", "A lock held during a wait makes all others wait");
    Ok(Evidence::new(vec![held, released], vec![finding]))
}

/// Each thread counts itself under a lock, and waits for its answer.
fn counted(lab: &Lab, model: &str, predicted: Option<f64>, hold: bool) -> Result<Run> {
    let activity = lab.blocking()?;
    let count = Mutex::new(0);
    lab.run(model, predicted, |_| {
        scope(|scope| {
            let mut threads = Vec::new();
            for id in 0..lab.tasks {
                let (activity, count) = (&activity, &count);
                let thread = Builder::new().name(format!("Thread-{}", id + 1));
                let thread = thread.spawn_scoped(scope, move || {
                    let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                    *count += 1;
                    if hold {
                        return activity.get(id); // The trap: the lock is held until it returns.
                    }
                    drop(count); // The cure.
                    activity.get(id)
                });
                threads.push(thread?);
            }
            // One that panicked is missing.
            Ok(threads.into_iter().flat_map(|thread| thread.join()).collect())
        })
    })
}
