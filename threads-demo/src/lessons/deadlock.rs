//! Two threads that take the same two locks in opposite orders can wait for each other forever. If
//! every thread takes the locks in the same order, they cannot wait in a circle.
//!
//! You will see a child that hangs until it is killed, and one that ends.
//!
//! Try it: `let _second = second.try_lock();` does not wait for the lock, so both children end.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::scope;
use std::time::Duration;

use anyhow::Result;
use shared::os::child::{ChildExit, ChildMode};
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "deadlock",
    "Two locks, taken in two orders",
    &["T10"],
    run,
    include_str!("deadlock.rs"),
)
.child_modes(&[CHILD]);

/// A child that may hang.
const CHILD: ChildMode = ChildMode::new("lock-both", lock_both);

fn run(_: &Lab) -> Result<Evidence> {
    let crossed = CHILD.run(&["crossed"], Duration::from_secs(2))?;
    let ordered = CHILD.run(&["ordered"], Duration::from_secs(60))?;
    let finding = check(crossed.exit, ordered.exit)
        .on("T10", "Threads that wait for each other's locks hang");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: two threads, each of which needs both locks.
fn lock_both(args: &[String]) -> Result<()> {
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let holders = Holders::default();
    let crossed = args.first().is_some_and(|order| order == "crossed");
    // The line that matters: in which order the second thread takes the locks.
    let (first, second) = if crossed { (&b, &a) } else { (&a, &b) };
    // In the same order, the other thread cannot come, so the wait for it is short.
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
        // Chance alone brings both threads here at once only now and then. So each waits until the
        // other holds its first lock, too, or for `patience`.
        let mut holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *holders += 1;
        self.1.notify_all();
        drop(self.1.wait_timeout_while(holders, patience, |holders| *holders < 2));
        let _second = second.lock().unwrap_or_else(PoisonError::into_inner);
    }
}

/// How the child ended that takes the locks in opposite orders, and the one with a single order.
fn check(crossed: ChildExit, ordered: ChildExit) -> Check {
    let reason = match (crossed, ordered) {
        (ChildExit::TimedOut, ChildExit::Code(0)) => (
            Verdict::Holds,
            "the child with opposite orders hung and was killed; the other one ended",
        ),
        (_, ChildExit::Code(0)) => (Verdict::Fails, "the child with opposite orders did not hang"),
        _ => (Verdict::Fails, "the child with one order did not end by itself"),
    };
    let word = |exit| match exit {
        ChildExit::TimedOut => "hangs".to_string(),
        ChildExit::Code(0) => "ends".to_string(),
        other => other.to_string(),
    };
    let died = |exit: &ChildExit| !matches!(exit, ChildExit::TimedOut | ChildExit::Code(0));
    let died = [crossed, ordered].into_iter().find(died);
    let measured = format!("crossed {}, ordered {}", word(crossed), word(ordered));
    Check::new("crossed hangs, ordered ends", measured, reason)
        .unless(died.map(|exit| format!("a child {exit}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn only_opposite_orders_may_hang() {
        let (hangs, ends, dies) = (ChildExit::TimedOut, ChildExit::Code(0), ChildExit::Code(101));
        for (crossed, ordered, verdict, because) in [
            (hangs, ends, Holds, "the child with opposite orders hung"),
            (ends, ends, Fails, "the child with opposite orders did not"),
            (hangs, hangs, Fails, "the child with one order did not"),
            (ends, hangs, Fails, "the child with one order did not"),
            (dies, ends, NotShown, "a child exited with code 101"),
            (hangs, dies, NotShown, "a child exited with code 101"),
        ] {
            let check = check(crossed, ordered);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
        assert_eq!(check(ends, dies).measured, "crossed ends, ordered exited with code 101");
    }
}
