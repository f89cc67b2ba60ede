//! Adding one takes two steps, a read and a write. If all threads read before one writes, all
//! additions but one are lost, although every access is atomic. (Without atomics or a lock, the
//! program would not even compile: Rust rejects data that several threads write.)
//!
//! You will see a counter after one addition in each thread: in two steps, in one, under a lock.
//!
//! Try it: delete the line `all_have_read.wait();`. Usually no addition is lost then, so a test would
//! not find the bug.

use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "race",
    "Threads that read before the others have written",
    &["T10"],
    run,
    include_str!("race.rs"),
);

fn run(lab: &Lab) -> Result<Evidence> {
    let threads = lab.tasks.min(100);
    let check = check(threads, two_steps(threads), one_step(threads)?, locked(threads)?);
    let finding = check.on("T10", "Threads lose updates of shared data if not careful");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The trap: a load, then a store. The barrier makes every thread load before one of them stores.
fn two_steps(threads: usize) -> usize {
    let counter = AtomicUsize::new(0);
    let all_have_read = Barrier::new(threads);
    scope(|scope| {
        for _ in 0..threads {
            let thread = Builder::new().spawn_scoped(scope, || {
                let read = counter.load(Ordering::SeqCst);
                all_have_read.wait();
                counter.store(read + 1, Ordering::SeqCst);
            });
            if let Err(error) = thread {
                // The threads at the barrier would wait for this one forever.
                eprintln!("{}: cannot start a thread: {error}", env!("CARGO_PKG_NAME"));
                exit(3);
            }
        }
    });
    counter.into_inner()
}

/// A cure: both steps in one.
fn one_step(threads: usize) -> Result<usize> {
    let counter = AtomicUsize::new(0);
    in_threads(threads, || {
        counter.fetch_add(1, Ordering::SeqCst);
    })?;
    Ok(counter.into_inner())
}

/// Another cure: two steps, but no other thread comes in between.
fn locked(threads: usize) -> Result<usize> {
    let counter = Mutex::new(0);
    in_threads(threads, || {
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        let read = *counter;
        *counter = read + 1;
    })?;
    Ok(counter.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn in_threads(threads: usize, add_one: impl Fn() + Sync) -> Result<()> {
    scope(|scope| {
        for _ in 0..threads {
            let thread = Builder::new().spawn_scoped(scope, &add_one);
            thread.context("cannot start a thread")?;
        }
        Ok(())
    })
}

/// What the counter came to after one addition in each of `threads`.
fn check(threads: usize, two_steps: usize, one_step: usize, locked: usize) -> Check {
    let reason = if threads < 2 {
        (Verdict::NotShown, "a single thread has no other to race with".into())
    } else if two_steps < threads && one_step == threads && locked == threads {
        let lost = threads - two_steps;
        (Verdict::Holds, format!("two steps lost {lost} of {threads} additions, the cures none"))
    } else {
        (Verdict::Fails, "two steps lost no addition, or a cure lost one".into())
    };
    Check::new(
        format!("two steps 1, one step {threads}, lock {threads}"),
        format!("two steps {two_steps}, one step {one_step}, lock {locked}"),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn only_two_steps_may_lose_additions() {
        for (threads, two_steps, one_step, locked, verdict, because) in [
            (10, 3, 10, 10, Holds, "two steps lost 7 of 10"),
            (10, 9, 10, 10, Holds, "two steps lost 1 of 10"),
            (2, 1, 2, 2, Holds, "two steps lost 1 of 2"),
            (10, 10, 10, 10, Fails, "two steps lost no"),
            (10, 1, 9, 10, Fails, "two steps lost no"),
            (10, 1, 10, 9, Fails, "two steps lost no"),
            (1, 1, 1, 1, NotShown, "a single thread"),
        ] {
            let check = check(threads, two_steps, one_step, locked);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
    }
}
