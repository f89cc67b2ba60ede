//! No process sees what another writes to its variables, while threads share theirs. A process that
//! is started, like all here, has new memory. Python's `Process` can also fork, which copies the
//! parent's memory, locks included: one that another thread holds is never released in the child.
//! (So Python 3.14 no longer forks unless it is told to.)
//! You will see a counter that is 41 in the parent, incremented by children, by threads and by
//! Python's forked children, which also try to take a lock.
//! Try it: set the counter to 1000 in place of 41. Each started child still counts to 1.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{Builder, scope};

use anyhow::Result;
use shared::os::child::{self, ChildExit, ChildMode, DEADLINE};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "own-memory",
    "A counter in children, in the parent, in threads and after a fork",
    &["P5"],
    run,
    include_str!("own_memory.rs"),
)
.uses(&["tasks"])
.at_most(100)
.child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("count", count);

static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// The child: increments its counter, and says the result.
fn count(_: &[String]) -> Result<()> {
    child::write_line(increment());
    Ok(())
}

/// Relaxed is enough: whoever reads the sum has joined the threads first.
fn increment() -> usize {
    COUNTER.fetch_add(1, Relaxed) + 1
}

fn run(lab: &Lab) -> Result<Evidence> {
    COUNTER.store(41, Relaxed);
    let started = || Ok(CHILD.run(&[], DEADLINE)?.success()?.trim().to_string());
    let counts = counts(lab.tasks, started, || _ = increment())?;
    let forked = forked(FORK);
    let findings = vec![
        separate(&counts).on("P5", "Processes have memory of their own, threads share it"),
        copied(forked.as_deref()).on("P5", "A forked process begins with a copy of the memory"),
        locked(forked.as_deref()).on("P5", "A lock held by another thread stays locked in a fork"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

struct Counts {
    /// The parent's counter before all.
    before: usize,
    /// What each child said.
    children: Vec<String>,
    /// The parent's counter after the children, and after as many threads.
    after_children: usize,
    after_threads: usize,
}

/// Has `n` children and `n` threads increment the counter.
fn counts(n: usize, child: impl Fn() -> Result<String>, thread: fn()) -> Result<Counts> {
    let before = COUNTER.load(Relaxed);
    let children = (0..n).map(|_| child()).collect::<Result<Vec<_>>>()?;
    let after_children = COUNTER.load(Relaxed);
    scope(|scope| {
        for _ in 0..n {
            Builder::new().spawn_scoped(scope, thread)?;
        }
        anyhow::Ok(())
    })?;
    Ok(Counts { before, children, after_children, after_threads: COUNTER.load(Relaxed) })
}

/// Judges what children and threads did to the parent's counter.
fn separate(counts: &Counts) -> Check {
    let Counts { before, children, after_children, after_threads } = counts;
    let n = children.len();
    let ones = children.iter().filter(|counter| *counter == "1").count();
    let says = |ones, after_children: usize, after_threads: usize| {
        format!(
            "1 in each of {ones} children, {after_children} in their parent, \
             {after_threads} after {n} threads"
        )
    };
    Check::exactly(
        says(n, *before, before + n),
        says(ones, *after_children, *after_threads),
        format!("{before} in the parent before: each child started anew, the threads shared"),
    )
    .unless(children.contains(&String::new()).then_some("a child did not say its counter"))
}

/// Forks while the lock is free, and while another thread holds it. Without the timeout, the second
/// child would hang for ever: none of its threads can release its copy of the lock.
const FORK: &str = r#"
import os, threading

# The lesson holds the other end of stdin. When the lesson ends, so does this.
threading.Thread(target=lambda: (os.read(0, 1), os._exit(3)), daemon=True).start()
counter, lock = 41, threading.Lock()

def forked():
    global counter
    output, input = os.pipe()
    if os.fork() == 0:
        counter += 1
        took = lock.acquire(timeout=0.2)
        os.write(input, f"{counter} {took}".encode())
        os._exit(0)
    os.wait()
    return f"{counter} {os.read(output, 99).decode()}"

print(forked())
held, done = threading.Event(), threading.Event()
def hold():
    with lock:
        held.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
print(forked())
done.set()
"#;

/// What Python says, without the user's settings and packages. `None` if there is none that forks.
fn forked(script: &str) -> Option<String> {
    let ask = |name| {
        let mut command = Command::new(name);
        command.args(["-I", "-c", script]);
        let output = child::run_tethered(&mut command, DEADLINE).ok()?;
        (output.exit == ChildExit::Code(0)).then_some(output.stdout)
    };
    ["python3", "python"].into_iter().find_map(ask)
}

/// Judges the counters of Python and of its forked child.
fn copied(forked: Option<&str>) -> Check {
    let says = |parent: &str, child: &str| format!("{parent} in the parent, {child} in its child");
    let measured = words(forked).map(|[parent, child, ..]| says(parent, child));
    of_python(says("41", "42"), measured, "the child counted on from its parent's number")
}

/// Judges whether a forked child took the lock that was free, and the one that a thread held.
fn locked(forked: Option<&str>) -> Check {
    let says = |free: &str, held: &str| format!("taken: {free} if free, {held} if held");
    let measured = words(forked).map(|[_, _, free, .., held]| says(free, held));
    of_python(
        says("True", "False"),
        measured,
        "the thread that would release it is not in the child",
    )
}

/// The words of both lines.
fn words(forked: Option<&str>) -> Option<[&str; 6]> {
    forked?.split_whitespace().collect::<Vec<_>>().try_into().ok()
}

fn of_python(predicted: String, measured: Option<String>, because: &str) -> Check {
    let none = measured.is_none().then_some("no python3 that can fork answered on this machine");
    Check::exactly(predicted, measured.unwrap_or("unknown".into()), because).unless(none)
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    #[cfg(unix)]
    fn spawned(words: &[&str]) -> Result<String> {
        let output = child::run(Command::new(words[0]).args(&words[1..]), DEADLINE)?;
        Ok(output.stdout.trim().to_string())
    }

    #[test]
    #[cfg(unix)]
    fn shared_or_copied_memory_fails() {
        COUNTER.store(41, Relaxed);
        let started = || spawned(&["echo", "1"]);
        let shared = || Ok(increment().to_string()); // A call in this process, not a child.
        let copied = || Ok((COUNTER.load(Relaxed) + 1).to_string()); // A fork.
        let silent = || Ok(String::new());
        for (counts, verdict) in [
            (counts(3, started, || _ = increment()), Holds),
            (counts(3, shared, || _ = increment()), Fails),
            (counts(3, copied, || _ = increment()), Fails),
            (counts(3, started, || ()), Fails), // The threads do not share it.
            (counts(3, silent, || _ = increment()), NotShown),
        ] {
            let check = separate(&counts.unwrap());
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }

    #[test]
    fn pythons_words_decide() {
        for (said, copies, locks) in [
            (Some("41 42 True\n41 42 False\n"), Holds, Holds),
            (Some("41 1 True\n41 1 False\n"), Fails, Holds),
            (Some("42 42 True\n43 43 False\n"), Fails, Holds),
            (Some("41 42 True\n41 42 True\n"), Holds, Fails),
            (Some("41 42 False\n41 42 False\n"), Holds, Fails),
            (Some("41 42 True\n"), NotShown, NotShown),
            (None, NotShown, NotShown),
        ] {
            assert_eq!((copied(said).verdict, locked(said).verdict), (copies, locks), "{said:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn lock_released_before_the_fork_fails() {
        let Some(said) = forked(FORK) else { return };
        assert_eq!((copied(Some(&said)).verdict, locked(Some(&said)).verdict), (Holds, Holds));
        let released = FORK.replace("done.wait()", "pass").replace("held.wait()", "thread.join()");
        assert_eq!(locked(forked(&released).as_deref()).verdict, Fails);
        // A call in place of the fork shares the counter.
        let called = FORK.replace("if os.fork() == 0:", "if True:").replace("os._exit(0)", "pass");
        let called = called.replace("os.wait()", "lock.locked() and lock.release()");
        assert_eq!(copied(forked(&called).as_deref()).verdict, Fails);
    }
}
