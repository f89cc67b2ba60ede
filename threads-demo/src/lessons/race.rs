//! Adding one takes two steps, a read and a write. A thread that writes what it read before another
//! thread wrote loses the other's addition, although each access is atomic or under a lock.
//! You will see how many of 100,000 additions a thread are lost: in two steps, under a lock for each
//! step, in one step, and under one lock for both.
//! Try it: in `OneLock`, `drop(counter); gap(); let mut counter = lock(&mutex);` in place of `gap();`.
//! The lock is released in the gap, it loses additions, and the finding fails.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{Builder, scope, yield_now};

use anyhow::{Context, Result};
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "race",
    "Threads that add to one counter, with and without a gap between read and write",
    &["T10"],
    run,
    include_str!("race.rs"),
)
.uses(&["tasks"])
.at_most(100);

/// Additions of each thread. With a few only, the threads would run in sequence.
const ADDITIONS: usize = 100_000;

fn run(lab: &Lab) -> Result<Evidence> {
    let threads = lab.tasks;
    let arms = [Arm::TwoSteps, Arm::TwoLocks, Arm::OneStep, Arm::OneLock];
    let mut lost = [0; 4];
    for (lost, arm) in lost.iter_mut().zip(arms) {
        *lost = threads * ADDITIONS - count(threads, arm)?;
    }
    let finding =
        check(threads, lost).on("T10", "Threads lose updates of shared data if not careful");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// Ways to add one.
#[derive(Debug, Clone, Copy)]
enum Arm {
    /// The trap: another thread may write between the load and the store.
    TwoSteps,
    /// A cure: both steps in one.
    OneStep,
    /// The trap again: another thread may take the lock in between.
    TwoLocks,
    /// The other cure: the lock is held for both steps.
    OneLock,
}

/// What the counter comes to. `Relaxed` is enough for it: the end of the scope joins the threads, and
/// `join` makes their writes visible here, as a `Mutex` does for its next holder.
fn count(threads: usize, arm: Arm) -> Result<usize> {
    let (atomic, mutex) = (AtomicUsize::new(0), Mutex::new(0));
    let add_one = |number: usize| {
        // The OS may give the core to another thread anywhere. Here, all arms ask it to.
        let gap = || number.is_multiple_of(10_000).then(yield_now);
        match arm {
            Arm::TwoSteps => {
                let read = atomic.load(Relaxed);
                gap();
                atomic.store(read + 1, Relaxed);
            }
            Arm::OneStep => {
                gap();
                atomic.fetch_add(1, Relaxed);
            }
            Arm::TwoLocks => {
                let read = *lock(&mutex); // Released at the end of the line.
                gap();
                *lock(&mutex) = read + 1;
            }
            Arm::OneLock => {
                let mut counter = lock(&mutex);
                let read = *counter;
                gap();
                *counter = read + 1;
            }
        }
    };
    let start = RwLock::new(());
    scope(|scope| {
        let _closed = start.write(); // Until all threads wait to read, so that they begin at once.
        for _ in 0..threads {
            let thread = Builder::new().spawn_scoped(scope, || {
                drop(start.read());
                (0..ADDITIONS).for_each(add_one);
            });
            thread.context("cannot start a thread")?;
        }
        anyhow::Ok(())
    })?;
    Ok(atomic.into_inner() + *lock(&mutex))
}

/// How many additions are lost in two steps, under two locks, in one step, and under one lock.
fn check(threads: usize, lost: [usize; 4]) -> Check {
    let [two_steps, two_locks, one_step, one_lock] = lost;
    let reason = if one_step + one_lock > 0 {
        (Verdict::Fails, "a cure lost additions")
    } else if threads < 2 {
        (Verdict::NotShown, "a single thread has no other to race with")
    } else if two_steps == 0 || two_locks == 0 {
        (Verdict::NotShown, "no thread came between the two steps of another")
    } else {
        (Verdict::Holds, "all threads began at once, and only a cure left no gap between its steps")
    };
    let measured = format!(
        "two steps {two_steps}, two locks {two_locks}, one step {one_step}, one lock {one_lock}"
    );
    Check::new(
        "lost: two steps some, two locks some, one step 0, one lock 0",
        format!("lost of {}: {measured}", threads * ADDITIONS),
        reason,
    )
}

fn lock(mutex: &Mutex<usize>) -> MutexGuard<'_, usize> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arm::*;
    use Verdict::*;

    #[test]
    fn cure_without_its_cure_fails() {
        for (arms, verdict, because) in [
            ([TwoSteps, TwoLocks, OneStep, OneLock], Holds, "all threads began"),
            ([TwoSteps, TwoLocks, TwoSteps, OneLock], Fails, "a cure lost"),
            ([TwoSteps, TwoLocks, OneStep, TwoLocks], Fails, "a cure lost"),
            ([OneStep, TwoLocks, OneStep, OneLock], NotShown, "no thread came"),
            ([TwoSteps, OneLock, OneStep, OneLock], NotShown, "no thread came"),
        ] {
            let check = check(10, arms.map(|arm| 10 * ADDITIONS - count(10, arm).unwrap()));
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
        assert_eq!(check(1, [0; 4]).verdict, NotShown);
    }
}
