//! Every program starts as one process with one thread, and while that thread waits, nothing else
//! happens. If a second thread does the waiting, the first one is free.
//!
//! You will see how many threads a program starts with, and how many steps the main thread took while
//! the server kept another thread waiting.
//!
//! Try it: add `client.get(0);` to the `while` loop. The main thread then waits itself, and takes
//! hardly a step.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::os::child::{self, ChildMode};
use shared::os::usage::os_threads;
use shared::report::{Outcome, Verdict};
use shared::verdict::{Check, too_short};
use shared::{Evidence, Lab, Lesson, Task};

pub const LESSON: Lesson = Lesson::new(
    "meanwhile",
    "What a program starts with, and what it can do while another thread waits",
    &["T3", "T4"],
    run,
    include_str!("meanwhile.rs"),
)
.needs_embedded_server()
.child_modes(&[CHILD]);

/// A child that counts its threads. A thread that watches its stdin would be counted, too.
const CHILD: ChildMode = ChildMode::new("bare", count_threads).reads_stdin();

fn run(lab: &Lab) -> Result<Evidence> {
    // A fresh program, because this one has other threads by now.
    let fresh = CHILD.run(&[], Duration::from_secs(20))?;
    let (mut task, mut steps) = (None, 0);
    for _ in 0..10 {
        (task, steps) = wait_on_another_thread(lab)?;
        if steps > 0 {
            break; // Otherwise other programs left this thread no time during the request.
        }
    }
    let findings = vec![
        check_fresh(&fresh.stdout).on("T4", "A program has at least one process and one thread"),
        check_steps(task.as_ref(), steps)
            .unless(too_short(lab.delay_ms))
            .on("T3", "While one thread waits, another one works"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// Makes a request on a second thread, and counts how often this thread sees it under way.
fn wait_on_another_thread(lab: &Lab) -> Result<(Option<Task>, usize)> {
    let (client, counters) = (lab.client()?, lab.server()?.reset_counters());
    scope(|scope| {
        let thread = Builder::new().name("Thread-1".into());
        let waiting = thread.spawn_scoped(scope, || client.get(0));
        let waiting = waiting.context("cannot start a thread")?;
        let mut steps = 0;
        while !waiting.is_finished() {
            // 1 while the server has the request and has not answered it, otherwise 0.
            steps += counters.in_flight.load(Relaxed);
        }
        Ok((waiting.join().ok(), steps))
    })
}

/// The child: writes how many threads it has.
fn count_threads(_: &[String]) -> Result<()> {
    match os_threads() {
        Some(1) => child::write_line("1 process, 1 thread"),
        Some(threads) => child::write_line(format!("1 process, {threads} threads")),
        None => child::write_line("1 process"),
    }
    Ok(())
}

/// What a fresh program wrote about itself.
fn check_fresh(wrote: &str) -> Check {
    let unknown = wrote.trim() == "1 process";
    Check::exactly(
        "1 process, 1 thread",
        wrote.trim(),
        "the OS counted the threads of a program that had just started",
    )
    .unless(unknown.then_some("this operating system does not report the thread count"))
}

/// How many steps the main thread took while the server held the other thread's request.
fn check_steps(task: Option<&Task>, steps: usize) -> Check {
    let done = task.is_some_and(|task| task.outcome == Outcome::Done);
    let reason = match steps > 0 {
        true => (Verdict::Holds, "the main thread took them while the server held the request"),
        false => (Verdict::Fails, "the main thread took no step before the request was over"),
    };
    Check::new("steps: more than 0", format!("steps: {steps}"), reason)
        .unless((!done).then_some("the request was not answered"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn fresh_program_has_one_thread() {
        for (wrote, verdict) in [
            ("1 process, 1 thread\n", Holds),
            ("1 process, 2 threads\n", Fails),
            ("", Fails),
            ("1 process\n", NotShown),
        ] {
            assert_eq!(check_fresh(wrote).verdict, verdict, "{wrote:?}");
        }
    }

    #[test]
    fn steps_count_during_answered_requests() {
        let (done, failed) = (Task::done(0, 0.0), Task::failed(0, ""));
        for (task, steps, verdict) in [
            (Some(&done), 1, Holds),
            (Some(&done), 0, Fails),
            (Some(&failed), 1, NotShown),
            (None, 1, NotShown),
        ] {
            assert_eq!(check_steps(task, steps).verdict, verdict, "{task:?} {steps}");
        }
    }
}
