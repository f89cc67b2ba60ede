//! Two threads that take the same two locks in opposite orders can wait for each other forever. If
//! every thread takes the locks in the same order, they cannot wait in a circle. Both compile.
//! You will see a child whose threads all wait for a lock, so that none can release one, and a child
//! that ends. On Linux, the OS tells what each thread waits for: a futex, of which a lock is made.
//! Try it: `let _second = second.try_lock();` does not wait for the lock. Both children end, and the
//! finding fails.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared::os::child::{ChildExit, ChildMode, TimedChild};
use shared::os::proc;
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
.uses(&[])
.child_modes(&[CHILD]);

/// A child that may hang.
const CHILD: ChildMode = ChildMode::new("lock-both", |args| {
    lock_both(args.first().is_some_and(|order| order == "crossed"))
});

fn run(_: &Lab) -> Result<Evidence> {
    // Their pipes stay open to the end: a child ends with its stdin.
    let (crossed, ordered) = (CHILD.spawn(&["crossed"])?, CHILD.spawn(&["ordered"])?);
    let crossed = watch(crossed.child, PATIENCE)?;
    let ordered = watch(ordered.child, Duration::from_secs(60))?;
    let finding =
        check(crossed, ordered).on("T10", "Threads that wait for each other's locks hang");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: two threads, each of which needs both locks, again and again.
fn lock_both(crossed: bool) -> Result<()> {
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let take = |first: &Mutex<()>, second: &Mutex<()>| {
        for _ in 0..100 {
            let _first = first.lock().unwrap_or_else(PoisonError::into_inner);
            sleep(Duration::from_millis(1)); // Time for the other thread to take a lock, too.
            let _second = second.lock().unwrap_or_else(PoisonError::into_inner);
        }
    };
    // The line that matters: in which order the second thread takes the locks.
    let (first, second) = if crossed { (&b, &a) } else { (&a, &b) };
    scope(|scope| {
        for (first, second) in [(&a, &b), (first, second)] {
            let thread = Builder::new().spawn_scoped(scope, move || take(first, second));
            thread.context("cannot start a thread")?;
        }
        Ok(())
    })
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    ByItself(ChildExit),
    /// All of its threads waited for locks, and it was killed.
    Deadlocked,
    /// It ran for this long, and was killed.
    TimedOut(Duration),
}

/// How long a child may take to hang. Only where the OS does not tell, time has to.
const PATIENCE: Duration = Duration::from_secs(if cfg!(target_os = "linux") { 10 } else { 2 });

/// Waits until the child ends, until no thread of it can ever go on, or until patience ends.
fn watch(mut child: TimedChild, patience: Duration) -> Result<End> {
    let (began, mut before) = (Instant::now(), None);
    let end = loop {
        if let Some(exit) = child.try_wait()? {
            return Ok(End::ByItself(exit));
        }
        let now = threads_that_wait(child.id());
        if now.is_some() && now == before {
            break End::Deadlocked;
        }
        if began.elapsed() > patience {
            break End::TimedOut(patience);
        }
        before = now;
        sleep(Duration::from_millis(10));
    };
    child.kill()?;
    Ok(end)
}

/// How the child ended that takes the locks in opposite orders, and the one with a single order.
fn check(crossed: End, ordered: End) -> Check {
    let done = End::ByItself(ChildExit::Code(0));
    let reason = match (crossed, ordered) {
        _ if ordered == End::Deadlocked || matches!(ordered, End::TimedOut(_)) => {
            (Verdict::Fails, "the child with one order did not end by itself".into())
        }
        (End::Deadlocked, _) => {
            let why = "by the OS, each thread of the child with opposite orders waits in a futex";
            (Verdict::Holds, why.into())
        }
        (End::TimedOut(patience), _) => {
            let why = format!("only time tells: it had not ended after {} s", patience.as_secs());
            let verdict =
                if cfg!(target_os = "linux") { Verdict::NotShown } else { Verdict::Holds };
            (verdict, why)
        }
        _ => (Verdict::Fails, "the child with opposite orders did not hang".into()),
    };
    let word = |end| match end {
        End::Deadlocked | End::TimedOut(_) => "hangs".to_string(),
        End::ByItself(ChildExit::Code(0)) => "ends".to_string(),
        End::ByItself(other) => other.to_string(),
    };
    let measured = format!("crossed {}, ordered {}", word(crossed), word(ordered));
    let died = |end: &End| matches!(end, End::ByItself(_)) && *end != done;
    let died = [crossed, ordered].into_iter().find(died);
    Check::new("crossed hangs, ordered ends", measured, reason)
        .unless(died.map(|end| format!("a child {}", word(end))))
}

/// How often each thread of the process has begun to wait, if by proc(5) all wait for a lock (or for
/// stdin) now. Twice the same answer: no thread has gone on in between, so at one moment all waited.
fn threads_that_wait(pid: u32) -> Option<Vec<String>> {
    let mut waits = Vec::new();
    for thread in proc::threads(pid)? {
        let read = |file| proc::read(&format!("{thread}/{file}"));
        let (place, status) = (read("wchan")?, read("status")?);
        if !place.contains("futex") && !place.contains("pipe") {
            return None;
        }
        waits.push(status.lines().find(|line| line.starts_with("voluntary_ctxt"))?.to_string());
    }
    (waits.len() >= 2).then_some(waits)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;

    #[test]
    #[ignore = "run by only_opposite_orders_hang"]
    fn child_with_locks() {
        let Some(order) = arm::setting() else { return };
        shared::os::child::exit_with_stdin().unwrap();
        lock_both(order == "crossed").unwrap();
    }

    #[test]
    fn only_opposite_orders_hang() {
        let watch = |order| {
            let child = arm::spawn_test("lessons::deadlock::tests::child_with_locks", order);
            watch(child, Duration::from_secs(60)).unwrap()
        };
        let (crossed, ordered) = (watch("crossed"), watch("ordered"));
        let (late, dies) = (End::TimedOut(PATIENCE), End::ByItself(ChildExit::Code(101)));
        for (first, second, verdict, because) in [
            (crossed, ordered, Holds, "by the OS, each thread"),
            (ordered, ordered, Fails, "the child with opposite orders did not"),
            (crossed, crossed, Fails, "the child with one order did not"),
            (ordered, crossed, Fails, "the child with one order did not"),
            (late, ordered, NotShown, "only time tells: it had not ended after 10 s"),
            (dies, ordered, NotShown, "a child exited with code 101"),
            (crossed, dies, NotShown, "a child exited with code 101"),
        ] {
            let check = check(first, second);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
        assert_eq!(check(ordered, dies).measured, "crossed ends, ordered exited with code 101");
    }
}
