//! Every program starts as one process with one thread, and while that thread waits, nothing else
//! happens. If a second thread does the waiting, the first one is free.
//!
//! You will see how many processes and threads a fresh program consists of, and how many steps the main
//! thread took while the server kept another thread waiting.
//!
//! Try it: add `client.get(1);` to the `while` loop. The main thread then waits itself, and takes a
//! step or two in place of millions.

use std::io::{self, BufRead};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use shared::http::{Client, Server};
use shared::os::child::{self, ChildMode};
use shared::os::proc;
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
.uses(&["delay", "timeout"])
.child_modes(&[CHILD]);

/// A child that has just started. A thread that watches its stdin would be counted, too.
const CHILD: ChildMode = ChildMode::new("bare", wait_for_end).reads_stdin();

fn run(lab: &Lab) -> Result<Evidence> {
    let (server, client) = (lab.server()?, lab.client()?);
    let (mut task, mut steps) = (None, 0);
    for _ in 0..10 {
        (task, steps) = wait_on_another_thread(server, &client, true)?;
        if steps > 0 {
            break; // Otherwise other programs left this thread no time during the request.
        }
    }
    // A fresh program, because this one has other threads by now.
    let mut fresh = CHILD.spawn(&[])?;
    fresh.stdout.read_line(&mut String::new())?;
    let counted = count(fresh.child.id());
    drop(fresh.stdin); // It ends.
    fresh.child.wait()?;
    let findings = vec![
        check_fresh(counted).on("T4", "A program has at least one process and one thread"),
        check_steps(task.as_ref(), steps)
            .unless(too_short(lab.delay_ms))
            .on("T3", "While one thread waits, another one works"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// Makes a request on a second thread. If this thread is `free`, it counts how often it sees the
/// request under way; otherwise it waits, too.
fn wait_on_another_thread(
    server: &Server,
    client: &Client,
    free: bool,
) -> Result<(Option<Task>, usize)> {
    let counters = server.reset_counters();
    scope(|scope| {
        let thread = Builder::new().name("Thread-1".into());
        let waiting = thread.spawn_scoped(scope, || client.get(0));
        let waiting = waiting.context("cannot start a thread")?;
        let mut steps = 0;
        while free && !waiting.is_finished() {
            // 1 while the server has the request and has not answered it, otherwise 0.
            steps += counters.in_flight.load(Relaxed);
        }
        Ok((waiting.join().ok(), steps))
    })
}

/// The child: does nothing until its stdin ends.
fn wait_for_end(_: &[String]) -> Result<()> {
    child::write_line("started");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Has the OS count the process `pid` and its children, and its threads. `None` outside Linux.
fn count(pid: u32) -> Option<(usize, usize)> {
    let (mut processes, mut threads) = (1, 0);
    for thread in proc::threads(pid)? {
        let children = proc::read(&format!("{thread}/children"))?;
        processes += children.split_whitespace().count();
        threads += 1;
    }
    Some((processes, threads))
}

/// How many processes and threads the OS counted of a fresh program.
fn check_fresh(counted: Option<(usize, usize)>) -> Check {
    let measured = match counted {
        Some((processes, threads)) => format!("{processes} process, {threads} thread"),
        None => "unknown".into(),
    };
    let unknown = "this operating system does not report a program's threads and children";
    Check::exactly(
        "1 process, 1 thread",
        measured,
        "the OS counted the threads and the children of a program that had just started",
    )
    .unless(counted.is_none().then_some(unknown))
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use shared::os::child::TimedChild;

    use super::*;
    use crate::lessons::arm;
    use Verdict::*;

    /// Counts a child until it has come to `enough`, or for some seconds, and ends it.
    fn counted(mut child: TimedChild, enough: (usize, usize)) -> Option<(usize, usize)> {
        let reached = |(processes, threads)| processes >= enough.0 && threads >= enough.1;
        let give_up = Instant::now() + Duration::from_secs(20);
        let counted = loop {
            let counted = count(child.id());
            if counted.is_some_and(reached) || Instant::now() > give_up {
                break counted;
            }
        };
        drop(child.stdin.take());
        child.wait().unwrap();
        counted
    }

    #[test]
    #[ignore = "run by second_process_or_thread_fails"]
    fn child_with_two_threads() {
        if arm::setting().is_some() {
            scope(|scope| scope.spawn(|| wait_for_end(&[])).join().unwrap().unwrap());
        }
    }

    #[test]
    fn second_process_or_thread_fails() {
        let start = |name, args: &[&str]| {
            TimedChild::spawn(Command::new(name).args(args).stdin(Stdio::piped())).unwrap()
        };
        let threads = arm::spawn_test("lessons::meanwhile::tests::child_with_two_threads", "");
        for (counted, verdict) in [
            (counted(start("cat", &[]), (1, 1)), Holds),
            (counted(start("sh", &["-c", "cat; true"]), (2, 1)), Fails),
            (counted(threads, (1, 2)), Fails),
            (count(0), NotShown),
        ] {
            assert_eq!(check_fresh(counted).verdict, verdict, "{counted:?}");
        }
    }

    #[test]
    fn main_thread_that_waits_fails() {
        let server = arm::server();
        for (path, free, verdict) in [
            ("/delay/100", true, Holds),
            ("/delay/100", false, Fails),
            ("/status/400", true, NotShown),
        ] {
            let client = arm::client(&server, path);
            let (task, steps) = wait_on_another_thread(&server, &client, free).unwrap();
            assert_eq!(check_steps(task.as_ref(), steps).verdict, verdict, "{path} {steps}");
        }
        assert_eq!(check_steps(None, 1).verdict, NotShown);
    }
}
