//! An await yields if what it awaits is not ready, and a task that waits there can be stopped:
//! `abort` stops it, or a timeout drops it. Its connection closes, and the server sees that.
//! You will see tasks stopped in the middle of a one-minute wait.
//! Try it: write `spawned.iter().step_by(2)` in place of `spawned.iter()`, and run it with
//! `--timeout 3s`: the other tasks run into that timeout, which is a failure, and A4 is not shown.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::http::AsyncClient;
use shared::http::server::Counters;
use shared::os::clock::now_ms;
use shared::report::{Outcome, Run, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub const LESSON: Lesson = Lesson::new(
    "cancel",
    "Tasks stopped from outside, and by a timeout",
    &["A4"],
    run,
    include_str!("cancel.rs"),
)
.uses(&["tasks", "timeout", "trace"]);

fn run(lab: &Lab) -> Result<Evidence> {
    let second = Duration::from_secs(1);
    let (aborted, by_abort) = stop(lab, "abort", Duration::MAX, JoinHandle::abort)?;
    let (timed_out, by_timeout) = stop(lab, "timeout", second, |_| ())?;
    let finding =
        check(lab.tasks, &by_abort, &by_timeout).on("A4", "Tasks can be stopped where they await");
    Ok(Evidence::new(vec![aborted, timed_out], vec![finding]))
}

/// Starts tasks that would wait for a minute, and stops them.
fn stop(lab: &Lab, model: &str, limit: Duration, abort: Abort) -> Result<(Run, Stopped)> {
    let client = AsyncClient::new(&lab.target_at("/delay/60000")?)?;
    let (server, mut stopped) = (lab.server()?, Stopped::default());
    let mut run = lab.run(model, None, |ids| {
        let tasks;
        (tasks, stopped) = stopped_tasks(&client, &server.counters(), ids, limit, abort)?;
        Ok(tasks)
    })?;
    run.expected_losses = run.cancelled;
    Ok((run, stopped))
}

type Abort = fn(&JoinHandle<Task>);

/// Stops tasks after `limit`, or by `abort` once the server has all of their requests.
fn stopped_tasks(
    client: &AsyncClient,
    counters: &Counters,
    ids: &[usize],
    limit: Duration,
    abort: Abort,
) -> Result<(Vec<Task>, Stopped)> {
    let start_ms = now_ms();
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut spawned = Vec::new();
        for &id in ids {
            let client = client.clone();
            spawned.push(tokio::spawn(async move {
                // When the time is up, `timeout` drops the request.
                let outcome = timeout(limit, client.get(id)).await;
                outcome.unwrap_or_else(|_| Task::cancelled(id, start_ms, "dropped by a timeout"))
            }));
        }
        until(|| counters.hits.load(Relaxed) == ids.len()).await;
        let asked = Instant::now();
        spawned.iter().for_each(abort); // From outside.
        let mut tasks = Vec::new();
        for (&id, task) in ids.iter().zip(spawned) {
            tasks.push(task.await.unwrap_or_else(|_| Task::cancelled(id, start_ms, "aborted")));
        }
        until(|| counters.waiting() == 0).await;
        let (requests, disconnects) = (&counters.hits, &counters.disconnects);
        let (requests, disconnects) = (requests.load(Relaxed), disconnects.load(Relaxed));
        let cancelled = tasks.iter().filter(|task| task.outcome == Outcome::Cancelled).count();
        Ok((tasks, Stopped { requests, cancelled, disconnects, after: asked.elapsed() }))
    })
}

/// `n` tasks that were aborted, and `n` that ran into a timeout.
fn check(n: usize, abort: &Stopped, timeout: &Stopped) -> Check {
    let both = [abort, timeout];
    let reason = if both.iter().all(|stopped| [stopped.disconnects, stopped.cancelled] == [n; 2]) {
        let ms = abort.after.as_secs_f64() * 1000.0;
        (Verdict::Holds, format!("the server saw the last disconnect {ms:.1} ms after the abort"))
    } else if both.iter().any(|stopped| stopped.disconnects < stopped.requests) {
        (Verdict::Fails, "the server still had requests of stopped tasks".into())
    } else if both.iter().any(|stopped| stopped.cancelled < n) {
        (Verdict::NotShown, "some tasks ended by themselves".into())
    } else {
        (Verdict::NotShown, "some tasks were stopped before they had reached the server".into())
    };
    Check::new(
        format!("clients gone: {n} by abort, {n} by timeout"),
        format!("clients gone: {} by abort, {} by timeout", abort.disconnects, timeout.disconnects),
        reason,
    )
}

/// What the server saw of tasks that were stopped.
#[derive(Debug, Default)]
struct Stopped {
    requests: usize,
    /// Tasks that were stopped, and did not end by themselves.
    cancelled: usize,
    disconnects: usize,
    /// From the abort, or from the last arrival, until the server had seen all disconnects.
    after: Duration,
}

/// Waits until a condition is true, at most five seconds.
async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() && begun.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(1)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;

    #[test]
    fn every_stopped_client_must_be_gone() {
        let stopped = |(requests, cancelled, disconnects)| {
            let after = Duration::from_millis(90);
            Stopped { requests, cancelled, disconnects, after }
        };
        let all = (10, 10, 10);
        for (one, verdict, because) in [
            (all, Holds, "90.0 ms after the abort"),
            ((10, 10, 9), Fails, "still had requests"),
            ((10, 10, 0), Fails, "still had requests"),
            ((9, 10, 8), Fails, "still had requests"),
            ((9, 10, 9), NotShown, "before they had reached"),
            ((0, 10, 0), NotShown, "before they had reached"),
            ((10, 5, 10), NotShown, "ended by themselves"),
        ] {
            for (abort, timeout) in [(one, all), (all, one), (one, one)] {
                let check = check(10, &stopped(abort), &stopped(timeout));
                assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
            }
        }
    }

    #[test]
    fn tasks_left_alone_fail() {
        let server = arm::server();
        let stopped = |path, limit, abort| {
            let client = AsyncClient::new(&arm::target(&server, path)).unwrap();
            let counters = server.reset_counters();
            stopped_tasks(&client, &counters, &[0, 1], limit, abort).unwrap().1
        };
        let aborted = || stopped("/delay/60000", Duration::MAX, JoinHandle::abort);
        let timed_out = || stopped("/delay/60000", Duration::from_secs(1), |_| ());
        let left_alone = || stopped("/delay/50", Duration::MAX, |_| ());
        for (abort, timeout, verdict) in [
            (aborted(), timed_out(), Holds),
            (left_alone(), timed_out(), Fails),
            (aborted(), left_alone(), Fails),
        ] {
            assert_eq!(check(2, &abort, &timeout).verdict, verdict, "{abort:?}, {timeout:?}");
        }
    }
}
