//! A guard of `std::sync::Mutex` that lives across an await is still held while other tasks run.
//! The next task that locks the mutex blocks the thread that would have to release it. For a task
//! with such a guard, `tokio::spawn` does not compile, because the guard must not move to another
//! thread. `join!` runs it, as here, and clippy warns of it.
//! You will see a child that hangs, and two cures: tokio's Mutex, which yields instead of blocking,
//! and a guard that is dropped before the await. The second one is usually the better.
//! Try it: swap the first two lines of `held`, so that the await comes before the lock: that child
//! ends like the others, and both findings fail.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::os::child::{ChildMode, TimedChild, write_line};
use shared::os::proc;
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::join;
use tokio::runtime::Builder;
use tokio::task::yield_now;

pub const LESSON: Lesson = Lesson::new(
    "lock-across-await",
    "A lock that is still held while its task awaits",
    &["T10", "A6"],
    run,
    include_str!("lock_across_await.rs"),
)
.uses(&[])
.child_modes(&[CHILD]);

/// A child that may hang.
const CHILD: ChildMode = ChildMode::new("two-tasks-one-lock", two_tasks);

fn run(_: &Lab) -> Result<Evidence> {
    let mut arms = Vec::new();
    for lock in ["std", "tokio", "dropped"] {
        let mut child = CHILD.spawn(&[lock])?;
        let end = watch(&mut child.child)?;
        let mut printed = String::new();
        child.stdout.read_to_string(&mut printed)?;
        arms.push(Arm { end, steps: steps(&printed) });
    }
    let findings = vec![
        check_ends(&arms).on("T10", "A lock held across an await waits for its own thread"),
        check_steps(&arms).on("A6", "A task that blocks on a lock stops all tasks of its thread"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// The child: two tasks that need the same lock, and one that does not.
fn two_tasks(args: &[String]) -> Result<()> {
    // With I/O enabled, an idle event loop waits in epoll, not in a futex as a lock does.
    let rt = Builder::new_current_thread().enable_all().build()?;
    let (std, tokio) = (Mutex::new(0), tokio::sync::Mutex::new(0));
    rt.block_on(async {
        match args.first().map_or("", String::as_str) {
            "std" => drop(join!(held(&std), held(&std), third())),
            "tokio" => drop(join!(yielding(&tokio), yielding(&tokio), third())),
            _ => drop(join!(dropped(&std), dropped(&std), third())),
        }
    });
    Ok(())
}

#[expect(clippy::await_holding_lock, reason = "the trap of this lesson")]
async fn held(counter: &Mutex<u32>) {
    let mut guard = counter.lock().unwrap_or_else(PoisonError::into_inner);
    yield_now().await; // The trap: the guard lives on, and the other task runs into it.
    *guard += 1;
}

async fn yielding(counter: &tokio::sync::Mutex<u32>) {
    let mut guard = counter.lock().await; // One cure: the other task waits here, and yields.
    yield_now().await;
    *guard += 1;
}

async fn dropped(counter: &Mutex<u32>) {
    *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1; // The other: dropped at the `;`.
    yield_now().await;
}

/// A task that needs no lock.
async fn third() {
    for _ in 0..3 {
        write_line(STEP);
        yield_now().await;
    }
}

/// Children whose guard lives across the await: of std's Mutex, of tokio's; and with std's dropped.
fn check_ends(arms: &[Arm]) -> Check {
    let ends: Vec<End> = arms.iter().map(|arm| arm.end).collect();
    let reason = match ends[..] {
        [End::Ended, ..] => (Verdict::Fails, "a guard that lived across an await hung nothing"),
        [_, End::Blocked, _] | [_, _, End::Blocked] => (Verdict::Fails, "a cure hung as well"),
        [End::Blocked, End::Ended, End::Ended] => {
            (Verdict::Holds, "by the OS, the first one's main thread waits for a lock (futex)")
        }
        [End::TooLong, End::Ended, End::Ended] => {
            (Verdict::Holds, "the first one had not ended after five seconds, the others had")
        }
        _ => (Verdict::NotShown, DELAYED),
    };
    let word = |arm: &Arm| if arm.end == End::Ended { "ends" } else { "hangs" }.to_string();
    Check::new("held hangs, tokio's ends, dropped ends", words(arms, word), reason)
}

/// How far their third tasks came.
fn check_steps(arms: &[Arm]) -> Check {
    let late = arms.iter().skip(1).any(|arm| arm.end == End::TooLong);
    Check::exactly(
        "held 0, tokio's 3, dropped 3 of 3 steps",
        words(arms, |arm| arm.steps.to_string()) + " of 3 steps",
        "the child's third task needs no lock, but its thread was blocked",
    )
    .unless(late.then_some(DELAYED))
}

const DELAYED: &str = "something else delayed the children";

fn words(arms: &[Arm], word: impl Fn(&Arm) -> String) -> String {
    let named = ["held", "tokio's", "dropped"].iter().zip(arms);
    named.map(|(name, arm)| format!("{name} {}", word(arm))).collect::<Vec<_>>().join(", ")
}

const STEP: &str = "one step of the third task";

fn steps(printed: &str) -> usize {
    printed.lines().filter(|line| *line == STEP).count()
}

/// A child with its lock, and how far its third task came.
#[derive(Debug)]
struct Arm {
    end: End,
    steps: usize,
}

/// How a child ended, or why it cannot.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Ended,
    /// Its main thread waits for a lock in the kernel. Its only other thread watches stdin.
    Blocked,
    /// It took longer than five seconds, and the OS does not say why.
    TooLong,
}

/// Waits until a child ends or is known to hang, and kills it then.
fn watch(child: &mut TimedChild) -> Result<End> {
    let (begun, mut looks) = (Instant::now(), 0);
    let end = loop {
        if let Some(exit) = child.try_wait()? {
            exit.success()?;
            return Ok(End::Ended);
        }
        let waits_in = proc::read(&format!("{0}/task/{0}/wchan", child.id())); // Only on Linux.
        let in_futex = waits_in.is_some_and(|name| name.starts_with("futex"));
        looks = if in_futex { looks + 1 } else { 0 };
        if looks == 5 {
            break End::Blocked;
        } else if begun.elapsed() > Duration::from_secs(5) {
            break End::TooLong;
        }
        thread::sleep(Duration::from_millis(10));
    };
    child.kill()?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    #[cfg(target_os = "linux")]
    use std::process::{Command, Stdio};

    #[cfg(target_os = "linux")]
    const MODE: &str = "LOCK_TEST_MODE";

    /// A child with this lock: the test below, started again.
    #[cfg(target_os = "linux")]
    fn arm(lock: &str) -> Arm {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.arg("lessons::lock_across_await::tests::swapped_locks_fail");
        again.args(["--exact", "--nocapture", "--quiet", "--test-threads=1"]).env(MODE, lock);
        let child = TimedChild::spawn(again.stdout(Stdio::piped()).stdin(Stdio::null()));
        let mut child = child.unwrap();
        let end = watch(&mut child).unwrap();
        let mut printed = String::new();
        child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        Arm { end, steps: steps(&printed) }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn swapped_locks_fail() {
        if let Ok(lock) = std::env::var(MODE) {
            return two_tasks(&[lock]).unwrap();
        }
        for (locks, verdicts) in [
            (["std", "tokio", "dropped"], [Holds, Holds]),
            (["dropped", "tokio", "dropped"], [Fails, Fails]),
            (["std", "std", "dropped"], [Fails, Fails]),
            (["std", "tokio", "std"], [Fails, Fails]),
        ] {
            let arms = locks.map(arm);
            let found = [check_ends(&arms), check_steps(&arms)].map(|check| check.verdict);
            assert_eq!(found, verdicts, "{arms:#?}");
        }
    }

    #[test]
    fn time_alone_refutes_nothing() {
        use End::*;
        for (ends, verdict, because) in [
            ([Blocked, Ended, Ended], Holds, "futex"),
            ([TooLong, Ended, Ended], Holds, "five seconds"),
            ([TooLong, TooLong, Ended], NotShown, "delayed"),
            ([Blocked, Ended, TooLong], NotShown, "delayed"),
            ([TooLong, Ended, Blocked], Fails, "a cure"),
            ([Ended, TooLong, Ended], Fails, "hung nothing"),
        ] {
            let check = check_ends(&ends.map(|end| Arm { end, steps: 3 }));
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }
}
