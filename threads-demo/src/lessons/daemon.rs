//! When `main` returns, the process ends, and so does every thread that `main` has not joined, whatever
//! it was doing. Python calls such threads daemons; in Rust, all threads but scoped ones are like that.
//!
//! You will see how many requests are answered when `main` does not join its threads, and when it does.
//!
//! Try it: add `std::thread::sleep(Duration::from_millis(300));` before the last `Ok(())` of the child,
//! and pass `--delay 100ms`. The requests are then answered before `main` returns.

use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::http::Client;
use shared::http::target::{Target, parse_url};
use shared::os::child::{ChildExit, ChildMode};
use shared::progress::Show;
use shared::report::Verdict;
use shared::verdict::{Check, too_short};
use shared::{Evidence, ExitError, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "daemon",
    "Threads that main does not join end with it",
    &["T11"],
    run,
    include_str!("daemon.rs"),
)
.needs_embedded_server()
.delay_ms(1000)
.child_modes(&[CHILD]);

/// A child that may leave its threads behind.
const CHILD: ChildMode = ChildMode::new("leave", leave);

fn run(lab: &Lab) -> Result<Evidence> {
    let (detached, joined) =
        (requests_of_child(lab, "detached")?, requests_of_child(lab, "joined")?);
    let finding = check(lab.tasks, detached, joined)
        .unless(too_short(lab.delay_ms))
        .on("T11", "Threads that main does not join end with it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How the child ended, and how many of its requests were answered.
fn requests_of_child(lab: &Lab, way: &str) -> Result<(ChildExit, usize)> {
    let counters = lab.server()?.reset_counters();
    let (tasks, url) = (lab.tasks.to_string(), lab.target()?.url);
    let timeout_ms = lab.delay_ms.unwrap_or(0.0) as u64 + 20_000;
    let args = [way, &tasks, url.as_str(), &timeout_ms.to_string()];
    let exit = CHILD.run(&args, Duration::from_millis(timeout_ms + 20_000))?.exit;
    // The server notices a little later that a client is gone.
    counters.wait_until(Duration::from_secs(5), |counters| counters.waiting() == 0);
    Ok((exit, counters.answered()))
}

/// The child: a request in each thread, then the end of main.
fn leave(args: &[String]) -> Result<()> {
    let [way, tasks, url, timeout_ms] = args else {
        return Err(ExitError::Usage("internal mode, used by the lesson daemon".into()).into());
    };
    let url = parse_url(url).map_err(ExitError::Usage)?;
    let timeout = Duration::from_millis(timeout_ms.parse()?);
    let client = Client::new(&Target { url, timeout, show: Show::Nothing, embedded: false })?;
    let mut threads = Vec::new();
    for id in 0..tasks.parse()? {
        let client = client.clone();
        let thread = Builder::new().spawn(move || client.get(id));
        threads.push(thread.context("cannot start a thread")?);
    }
    // The line that matters.
    if way == "joined" {
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
    Ok(())
}

/// How a child with `n` requests in threads ended, and how many of them were answered: if it does not
/// join its threads, and if it does.
fn check(n: usize, detached: (ChildExit, usize), joined: (ChildExit, usize)) -> Check {
    let reason = match (detached.1 < n, joined.1 == n) {
        (true, true) => (Verdict::Holds, "main returned first, and its process ended"),
        (false, _) => (Verdict::Fails, "the threads that main did not join were answered, too"),
        (_, false) => (Verdict::Fails, "main joined the threads, and some were not answered"),
    };
    let crashed = [detached.0, joined.0].into_iter().find(|exit| *exit != ChildExit::Code(0));
    Check::new(
        format!("answered: detached fewer than {n}, joined {n} of {n}"),
        format!("answered: detached {} of {n}, joined {} of {n}", detached.1, joined.1),
        reason,
    )
    .unless(crashed.map(|exit| format!("a child {exit}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn unjoined_threads_lose_their_answers() {
        let ended = ChildExit::Code(0);
        for (detached, joined, verdict, because) in [
            ((ended, 9), (ended, 10), Holds, "main returned first"),
            ((ended, 10), (ended, 10), Fails, "the threads that main did not join"),
            ((ended, 10), (ended, 9), Fails, "the threads that main did not join"),
            ((ended, 0), (ended, 9), Fails, "main joined the threads"),
            ((ended, 0), (ChildExit::TimedOut, 10), NotShown, "a child hung"),
            ((ChildExit::Signal(6), 0), (ended, 10), NotShown, "a child was killed by signal 6"),
        ] {
            let check = check(10, detached, joined);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
    }
}
