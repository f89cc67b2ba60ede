//! When `main` returns, the process ends, and so does every thread that `main` has not joined, whatever
//! it was doing. Python calls such threads daemons. Scoped threads are none: their scope joins them.
//!
//! You will see how many requests are answered when `main` does not join its threads, and when it does.
//! The later a thread starts, the longer its request takes.
//!
//! Try it: `requests_of_child(lab, 1)?` in place of `requests_of_child(lab, lab.tasks)?` joins the first
//! thread only. Its request is answered, the others are lost with `main`, and the finding fails.

use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::http::Client;
use shared::http::server::Counters;
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
.uses(&["tasks", "delay"])
.delay_ms(1000)
.child_modes(&[CHILD]);

/// A child that may leave its threads behind.
const CHILD: ChildMode = ChildMode::new("leave", leave);

fn run(lab: &Lab) -> Result<Evidence> {
    let detached = requests_of_child(lab, 0)?;
    let joined = requests_of_child(lab, lab.tasks)?;
    let finding = check(lab.tasks, detached, joined)
        .unless(too_short(lab.delay_ms))
        .on("T11", "Threads that main does not join end with it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How a child ended that joins so many threads, and how many of its requests were answered.
fn requests_of_child(lab: &Lab, joins: usize) -> Result<(ChildExit, usize)> {
    let (server, delay_ms) = (lab.server()?, lab.delay_ms.unwrap_or_default() as usize);
    let counters = server.reset_counters();
    let args = format!("{} {joins} {} {delay_ms}", server.url(""), lab.tasks);
    let args: Vec<&str> = args.split(' ').collect();
    let exit = CHILD.run(&args, Duration::from_millis(delay_ms as u64 + 40_000))?.exit;
    Ok((exit, answered(&counters)))
}

/// How many requests were answered, once the server has noticed that the client is gone.
fn answered(counters: &Counters) -> usize {
    counters.wait_until(Duration::from_secs(5), |counters| counters.waiting() == 0);
    counters.answered()
}

/// The child: a request in each thread, then the end of main.
fn leave(args: &[String]) -> Result<()> {
    let [server, joins, tasks, delay_ms] = args else {
        return Err(ExitError::Usage("internal mode, used by the lesson daemon".into()).into());
    };
    let (tasks, delay_ms): (usize, usize) = (tasks.parse()?, delay_ms.parse()?);
    let timeout = Duration::from_millis(delay_ms as u64 + 20_000);
    let url = |path: String| parse_url(&format!("{server}{path}")).map_err(ExitError::Usage);
    let target = Target { url: url("/".into())?, timeout, show: Show::Nothing, embedded: false };
    let client = Client::new(&target)?;
    let mut threads = Vec::new();
    for id in 0..tasks {
        // The last request takes `delay_ms`, the first a small part of it.
        let client = client.at(url(format!("/delay/{}", delay_ms * (id + 1) / tasks))?);
        let thread = Builder::new().spawn(move || client.get(id));
        threads.push(thread.context("cannot start a thread")?);
    }
    for thread in threads.into_iter().take(joins.parse()?) {
        let _ = thread.join(); // The line that matters.
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
    use crate::lessons::arm;
    use Verdict::*;

    #[test]
    #[ignore = "run by unjoined_threads_lose_their_answers"]
    fn child_with_threads() {
        let Some(args) = arm::setting() else { return };
        leave(&args.split(' ').map(String::from).collect::<Vec<_>>()).unwrap();
    }

    #[test]
    fn unjoined_threads_lose_their_answers() {
        let server = arm::server();
        let child = |joins: usize| {
            let counters = server.reset_counters();
            let args = format!("{} {joins} 4 1600", server.url(""));
            let name = "lessons::daemon::tests::child_with_threads";
            let mut child = arm::spawn_test(name, &args);
            (child.wait().unwrap(), answered(&counters))
        };
        let [none, first, all] = [0, 1, 4].map(child);
        let (hung, aborted) = ((ChildExit::TimedOut, 4), (ChildExit::Signal(6), 0));
        for (detached, joined, verdict, because) in [
            (none, all, Holds, "main returned first"),
            (all, all, Fails, "the threads that main did not join"),
            (none, first, Fails, "main joined the threads"),
            (none, hung, NotShown, "a child hung"),
            (aborted, all, NotShown, "a child was killed by signal 6"),
        ] {
            let check = check(4, detached, joined);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
        assert!((1..4).contains(&first.1), "{first:?}");
    }
}
