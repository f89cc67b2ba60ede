//! A thread that panics ends alone: `join` returns its message, and the other threads go on, unless it
//! is the main thread, or the program is built with `panic = "abort"`. Python's `sys.exit()` ends one
//! thread, too; the counterpart of `std::process::exit`, which ends all, is `os._exit()`.
//! You will see one task panic, and, in a child, which of nine threads survive a tenth that panics
//! while it holds a lock. The lock is then poisoned: `lock().unwrap()` panics, too.
//! Try it: `std::process::exit(0);` in place of the first `panic!(...)`. The program ends without a report.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use shared::http::Client;
use shared::os::child::{self, ChildMode, DEADLINE};
use shared::report::{Run, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};

pub const LESSON: Lesson = Lesson::new(
    "panic",
    "One thread panics: which others go on?",
    &["T7"],
    run,
    include_str!("panic.rs"),
)
.uses(&["tasks", "delay", "url", "timeout", "trace"])
.child_modes(&[CHILD]);

/// A child, because each panic writes its message to stderr.
const CHILD: ChildMode = ChildMode::new("poison", poison);

fn run(lab: &Lab) -> Result<Evidence> {
    let (client, victim) = (lab.client()?, lab.tasks / 2);
    let threads = lab.run("threads", lab.each_ms(), |ids| Ok(one_panics(&client, victim, ids)))?;
    let threads = Run { expected_losses: 1, ..threads };
    let output = CHILD.run(&[], DEADLINE)?;
    let survivors: Vec<usize> =
        output.success()?.lines().filter_map(|line| line.parse().ok()).collect();
    let survivors = survivors.try_into().ok().context("a child did not say how many survived")?;
    let findings = vec![
        check(&threads).on("T7", "A thread that panics leaves the others alone"),
        check_poison(survivors)
            .on("T7", "A panic with a lock held reaches all threads that unwrap the lock"),
    ];
    Ok(Evidence::new(vec![threads], findings))
}

/// Starts a thread for each task. The victim's thread panics.
fn one_panics(client: &Client, victim: usize, ids: &[usize]) -> Vec<Task> {
    let work = |id| {
        if id == victim {
            panic!("gives up, on purpose"); // The trap.
        }
        client.get(id)
    };
    scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            threads.push(thread.spawn_scoped(scope, move || work(id)));
        }
        // The cure: `join` returns the panic.
        let threads = ids.iter().zip(threads);
        threads.map(|(&id, thread)| Task::join(id, thread)).collect()
    })
}

/// The child: writes how many threads survive the panic of another.
fn poison(_: &[String]) -> Result<()> {
    for (holds, unwraps) in ARMS {
        child::write_line(survivors(holds, unwraps)?);
    }
    Ok(())
}

/// Whether the panicking thread holds the lock, and whether the others `unwrap` what `lock` returns.
const ARMS: [(bool, bool); 3] = [(true, true), (true, false), (false, true)];

/// A thread panics. Then nine others lock the same mutex: how many of them survive?
fn survivors(holds: bool, unwraps: bool) -> Result<usize> {
    let count = Mutex::new(0);
    let add_one = || match unwraps {
        true => *count.lock().unwrap() += 1, // The trap.
        false => *count.lock().unwrap_or_else(PoisonError::into_inner) += 1, // The cure.
    };
    scope(|scope| {
        let victim = Builder::new().spawn_scoped(scope, || {
            let _held = holds.then(|| count.lock());
            panic!("on purpose");
        });
        let _ = victim.context("cannot start a thread")?.join();
        let others = [(); 9].map(|()| Builder::new().spawn_scoped(scope, add_one));
        let alive = others.map(|other| Ok(usize::from(other?.join().is_ok())));
        alive.into_iter().sum()
    })
}

/// One task of `run` panics.
fn check(run: &Run) -> Check {
    let others = run.tasks.len() - 1;
    // Failures that the panic did not cause, such as timeouts.
    let unrelated = run.tasks.iter().filter_map(|task| task.error.as_ref());
    let unrelated = unrelated.filter(|error| !error.starts_with("panicked: ")).count();
    let reason = if others == 0 {
        (Verdict::NotShown, "a single task has no others")
    } else if unrelated > 0 {
        (Verdict::NotShown, "some requests got no answer")
    } else if run.done == others {
        (Verdict::Holds, "the panic ended its thread, and `join` returned its message")
    } else if run.done > others {
        (Verdict::Fails, "no thread panicked")
    } else {
        (Verdict::Fails, "other threads ended, too")
    };
    Check::new(format!("tasks done: {others}"), format!("tasks done: {}", run.done), reason)
}

/// How many of nine threads survived in each of [`ARMS`].
fn check_poison(survivors: [usize; 3]) -> Check {
    let line = |[unwrap, into_inner, released]: [usize; 3]| {
        format!(
            "survivors of 9: unwrap {unwrap}, into_inner {into_inner}; lock not held {released}"
        )
    };
    let because = "a panic poisons the locks that its thread holds, and only those";
    Check::exactly(line([0, 9, 9]), line(survivors), because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;

    #[test]
    fn panic_that_reaches_others_fails() {
        let server = arm::server();
        let client = arm::client(&server, "/delay/10");
        let threads = |victim, n| arm::measure(&server, n, |ids| one_panics(&client, victim, ids));
        let one_thread = arm::measure(&server, 4, |ids| {
            let task = |&id| {
                assert!(id < 2, "on purpose");
                client.get(id)
            };
            let all = || ids.iter().map(task).collect::<Vec<_>>();
            let panic = scope(|scope| scope.spawn(all).join()).unwrap_err();
            ids.iter().map(|&id| Task::panicked(id, &*panic)).collect()
        });
        let broken = arm::client(&server, "/status/400");
        let unanswered = arm::measure(&server, 4, |ids| one_panics(&broken, 2, ids));
        for (run, verdict) in [
            (threads(2, 4), Holds),
            (threads(4, 4), Fails), // No victim.
            (one_thread, Fails),
            (threads(0, 1), NotShown),
            (unanswered, NotShown),
        ] {
            let check = check(&run);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }

    #[test]
    fn only_held_and_unwrapped_lock_kills() {
        let count = |(holds, unwraps)| survivors(holds, unwraps).unwrap();
        let arms = |arms: [(bool, bool); 3]| check_poison(arms.map(count));
        assert_eq!(arms(ARMS).verdict, Holds);
        for place in 0..3 {
            let mut broken = ARMS;
            broken[place].0 = !broken[place].0;
            // In the second arm, the others ask for the value all the same: nothing changes.
            let verdict = if place == 1 { Holds } else { Fails };
            assert_eq!(arms(broken).verdict, verdict, "{broken:?}");
        }
        assert_eq!(arms([(true, true), (true, true), (false, true)]).verdict, Fails);
    }
}
