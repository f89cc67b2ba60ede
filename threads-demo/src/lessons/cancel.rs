//! A thread cannot be stopped from outside. It can be asked to stop, by a flag that it checks now and
//! then; a thread that never checks the flag runs to its end. Nor is it known in which order threads
//! finish.
//!
//! You will see two threads with the same list of requests, both asked to stop after the first
//! request. One checks the flag, the other does not.
//!
//! Try it: check the flag only before every third request (`checks && id % 3 == 0 && ...`).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{Builder, scope};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared::report::{Run, Task, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson};

use crate::notebook::thread_per_task;

pub const LESSON: Lesson = Lesson::new(
    "cancel",
    "A thread that checks a stop flag, and one that does not",
    &["T9"],
    run,
    include_str!("cancel.rs"),
)
.needs_embedded_server();

fn run(lab: &Lab) -> Result<Evidence> {
    let ignores = ask_to_stop(lab, false)?;
    let checks = ask_to_stop(lab, true)?;
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let client = lab.client()?;
        // All wait equally long, so chance decides which thread is first.
        let round = |ids: &[usize]| Ok(thread_per_task(lab, &client, ids));
        rounds.push(lab.run("threads", lab.each_ms(), round)?);
    }
    let findings = vec![
        check_stop(lab.tasks, &ignores, &checks)
            .unless(too_short(lab.delay_ms))
            .on("T9", "A thread stops only when it checks the flag"),
        check_order(&rounds, lab.cores)
            .on("T9", "Threads do not finish in the order in which they start"),
    ];
    Ok(Evidence::new(rounds, findings))
}

/// What a thread did that was asked to stop.
struct Stopped {
    /// Requests that it made in all.
    requests: usize,
    /// Whether it had made all of them when it was asked.
    too_late: bool,
    /// How long it went on after it was asked.
    after: Duration,
}

/// Starts a thread that makes all requests, and asks it to stop after the first.
fn ask_to_stop(lab: &Lab, checks: bool) -> Result<Stopped> {
    let (client, n, stop) = (lab.client()?, lab.tasks, AtomicBool::new(false));
    let counters = lab.server()?.reset_counters();
    scope(|scope| {
        let thread = Builder::new().name("Asked".into()).spawn_scoped(scope, || {
            for id in 0..n {
                // The line that matters.
                if checks && stop.load(Relaxed) {
                    break;
                }
                client.get(id);
            }
        });
        let thread = thread.context("cannot start a thread")?;
        counters.wait_until(Duration::from_secs(60), |counters| counters.hits.load(Relaxed) > 0);
        let too_late = counters.answered() == n;
        let asked = Instant::now();
        stop.store(true, Relaxed);
        let _ = thread.join();
        Ok(Stopped { requests: counters.hits.load(Relaxed), too_late, after: asked.elapsed() })
    })
}

/// Two threads with `n` requests to make, both asked to stop after the first.
fn check_stop(n: usize, ignores: &Stopped, checks: &Stopped) -> Check {
    let describe = |stopped: &Stopped| {
        let after = stopped.after.as_secs_f64() * 1000.0;
        format!("{} of {n}, {after:.0} ms more", stopped.requests)
    };
    let measured = format!("ignored {}; checked {}", describe(ignores), describe(checks));
    let reason = if ignores.requests < n {
        (Verdict::Fails, "a thread stopped without checking the flag")
    } else if checks.requests < n {
        (Verdict::Holds, "the server counted each thread's requests")
    } else {
        (Verdict::Fails, "a thread checked the flag and went on")
    };
    Check::new(format!("requests with the flag ignored {n}, checked fewer"), measured, reason)
        .unless((n < 3).then_some("fewer than 3 requests are over before a thread can stop"))
        .unless(checks.too_late.then_some("all requests were over when the thread was asked"))
}

/// Do threads finish in another order than they start, in some of the `rounds` at least?
fn check_order(rounds: &[Run], cores: usize) -> Check {
    let mut orders = Vec::new();
    for round in rounds {
        let mut finished: Vec<&Task> = round.tasks.iter().collect();
        finished.sort_by(|a, b| a.end_ms.total_cmp(&b.end_ms));
        orders.push(finished.iter().map(|task| task.id).collect::<Vec<_>>());
    }
    let kept = orders.iter().filter(|order| order.is_sorted()).count();
    let reason = match kept < orders.len() {
        true => (Verdict::Holds, "the OS decides which thread finishes first"),
        false if cores == 1 => (Verdict::NotShown, "one core ran the threads in turn"),
        false => (Verdict::Fails, "every round kept the order"),
    };
    let few = orders.iter().any(|order| order.len() < 8);
    Check::new(
        format!("order kept in fewer than {} rounds", orders.len()),
        format!("order kept in {kept}"),
        reason,
    )
    .unless(few.then_some("fewer than 8 threads may keep the order by chance"))
    .unless(lost(&rounds.iter().collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::sample;

    fn stopped(requests: usize, ms: u64) -> Stopped {
        Stopped { requests, too_late: false, after: Duration::from_millis(ms) }
    }

    #[test]
    fn only_checked_flag_stops_a_thread() {
        for (n, ignores, checks, verdict, because) in [
            (10, 10, 9, Holds, "the server counted"),
            (3, 3, 2, Holds, "the server counted"),
            (10, 9, 9, Fails, "a thread stopped"),
            (10, 10, 10, Fails, "a thread checked"),
            (2, 2, 1, NotShown, "fewer than 3"),
        ] {
            let check = check_stop(n, &stopped(ignores, 900), &stopped(checks, 50));
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
        let measured = "ignored 10 of 10, 900 ms more; checked 9 of 10, 50 ms more";
        assert_eq!(check_stop(10, &stopped(10, 900), &stopped(9, 50)).measured, measured);
    }

    #[test]
    fn late_stop_shows_nothing() {
        let late = Stopped { too_late: true, ..stopped(10, 0) };
        let check = check_stop(10, &late, &late);
        assert!(check.verdict == NotShown && check.because.starts_with("all requests were over"));
    }

    #[test]
    fn one_changed_order_is_enough() {
        // A run whose tasks finish in this order.
        let finishing = |ids: &[usize]| {
            let mut run = sample::seen(ids.len(), ids.len());
            for (place, &id) in ids.iter().enumerate() {
                run.tasks[id].end_ms = place as f64;
            }
            run
        };
        let kept = || finishing(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let changed = || finishing(&[0, 1, 2, 4, 3, 5, 6, 7]);
        let seven = || finishing(&[1, 0, 2, 3, 4, 5, 6]);
        for (rounds, cores, verdict, because) in [
            (vec![kept(), changed(), kept()], 1, Holds, "the OS decides"),
            (vec![kept(), kept()], 2, Fails, "every round"),
            (vec![kept(), kept()], 1, NotShown, "one core"),
            (vec![seven(), changed()], 2, NotShown, "fewer than 8"),
            (vec![sample::losing(kept(), 1, "refused"), changed()], 2, NotShown, "1 of 8 tasks"),
        ] {
            let check = check_order(&rounds, cores);
            assert!(check.verdict == verdict && check.because.starts_with(because), "{check:#?}");
        }
        assert_eq!(check_order(&[kept(), changed(), kept()], 1).measured, "order kept in 2");
    }
}
