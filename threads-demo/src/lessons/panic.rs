//! A thread that panics ends alone: `join` returns its message, and the other threads go on. But
//! whatever ends the process ends all of its threads.
//!
//! You will see one task panic, and then, in a child each, how many of nine threads survive a tenth
//! that panics, exits, aborts, or overflows its stack.
//!
//! Try it: replace `panic!(...)` by `std::process::exit(0)`. The program ends without a report.

use std::hint::black_box;
use std::process::{abort, exit};
use std::sync::Barrier;
use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::{Result, ensure};
use shared::http::Client;
use shared::os::child::{self, ChildExit, ChildMode};
use shared::report::{Run, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};

pub const LESSON: Lesson = Lesson::new(
    "panic",
    "One thread dies: which others go on?",
    &["T7"],
    run,
    include_str!("panic.rs"),
)
.child_modes(&[CHILD]);

/// A child in which one of ten threads dies.
const CHILD: ChildMode = ChildMode::new("die", die);

/// Exit code of a child mode, and so of this one, if the OS refuses it a thread.
const REFUSED: i32 = 3;

fn run(lab: &Lab) -> Result<Evidence> {
    let (client, victim) = (lab.client()?, lab.tasks / 2);
    let threads = lab.run("threads", lab.each_ms(), |ids| Ok(one_panics(&client, victim, ids)))?;
    let threads = Run { expected_losses: 1, ..threads };
    let mut survivors = Vec::new();
    for way in ["panic", "exit", "abort", "overflow"] {
        let output = CHILD.run(&[way], Duration::from_secs(20))?;
        let refused = output.exit == ChildExit::Code(REFUSED);
        ensure!(!refused, "a child cannot start ten threads: the OS refused one");
        survivors.push((way, output.stdout.lines().count()));
    }
    let finding =
        check(&threads, &survivors).on("T7", "A thread that dies leaves the others alone");
    Ok(Evidence::new(vec![threads], vec![finding]))
}

/// Starts a thread for each task. The victim's thread panics.
fn one_panics(client: &Client, victim: usize, ids: &[usize]) -> Vec<Task> {
    scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            threads.push(thread.spawn_scoped(scope, move || {
                if id == victim {
                    panic!("gives up, on purpose"); // The trap.
                }
                client.get(id)
            }));
        }
        let mut tasks = Vec::new();
        for (&id, thread) in ids.iter().zip(threads) {
            let end = thread.map(|thread| thread.join()); // The cure: it returns the panic.
            tasks.push(Task::from_thread(id, end));
        }
        tasks
    })
}

/// The child: nine threads wait until a tenth has died, then write that they are alive.
fn die(args: &[String]) -> Result<()> {
    let way = args.first().map_or("", String::as_str);
    let died = Barrier::new(10);
    scope(|scope| {
        for _ in 0..9 {
            let survivor = Builder::new().spawn_scoped(scope, || {
                died.wait();
                child::write_line("alive");
            });
            // The threads at the barrier would wait for this one forever.
            survivor.unwrap_or_else(|_| exit(REFUSED));
        }
        let victim = Builder::new().spawn_scoped(scope, || match way {
            "exit" => exit(1),
            "abort" => abort(),
            "overflow" => overflow(0),
            _ => panic!("on purpose"),
        });
        let _ = victim.unwrap_or_else(|_| exit(REFUSED)).join(); // Returns only after a panic.
        died.wait();
    });
    Ok(())
}

/// Calls itself until the stack is full.
#[expect(unconditional_recursion)]
fn overflow(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(overflow(depth + 1)) + frame[0]
}

/// One task of `run` panics. `survivors` are the ways in which one of ten threads died, and how many
/// of the nine others went on.
fn check(run: &Run, survivors: &[(&str, usize)]) -> Check {
    let others = run.tasks.len() - 1;
    let expected = |way: &str| if way == "panic" { 9 } else { 0 };
    let as_expected = survivors.iter().all(|&(way, count)| count == expected(way));
    // Failures that the panic did not cause, such as timeouts.
    let unrelated = run.tasks.iter().filter_map(|task| task.error.as_ref());
    let unrelated = unrelated.filter(|error| !error.starts_with("panicked: ")).count();
    let reason = if others == 0 {
        (Verdict::NotShown, "a single task has no others")
    } else if unrelated > 0 {
        (Verdict::NotShown, "some requests got no answer")
    } else if as_expected && run.done == others {
        (Verdict::Holds, "a panic ends its thread; the other three end the process")
    } else {
        (Verdict::Fails, "the survivors differ from the prediction")
    };
    let line = |done: usize, count: &dyn Fn(&(&str, usize)) -> usize| {
        let ways = survivors.iter().map(|way| format!("{} {}", way.0, count(way)));
        format!("tasks done: {done}; survivors: {}", ways.collect::<Vec<_>>().join(", "))
    };
    let predicted = line(others, &|way| expected(way.0));
    Check::new(predicted, line(run.done, &|way| way.1), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    fn panicking(tasks: usize, count: usize) -> Run {
        losing(seen(tasks, tasks), count, "panicked: on purpose")
    }

    #[test]
    fn only_a_panic_leaves_survivors() {
        for (run, panic, abort, verdict, because) in [
            (panicking(10, 1), 9, 0, Holds, "a panic ends"),
            (panicking(2, 1), 9, 0, Holds, "a panic ends"),
            (panicking(10, 0), 9, 0, Fails, "the survivors differ"),
            (panicking(10, 2), 9, 0, Fails, "the survivors differ"),
            (panicking(10, 1), 8, 0, Fails, "the survivors differ"),
            (panicking(10, 1), 9, 1, Fails, "the survivors differ"),
            (panicking(1, 1), 9, 0, NotShown, "a single task"),
            (losing(seen(10, 10), 1, "operation timed out"), 9, 0, NotShown, "some requests"),
        ] {
            let check = check(&run, &[("panic", panic), ("abort", abort)]);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
    }

    #[test]
    fn survivors_are_named_by_cause() {
        let check = check(&panicking(10, 2), &[("panic", 8), ("abort", 1)]);
        assert_eq!(check.predicted, "tasks done: 9; survivors: panic 9, abort 0");
        assert_eq!(check.measured, "tasks done: 8; survivors: panic 8, abort 1");
    }
}
