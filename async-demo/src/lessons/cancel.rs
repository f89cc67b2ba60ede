//! A task that yields at an `await` can be stopped there: `abort` stops it, or a timeout drops it.
//! Its connection closes, and the server sees that.
//!
//! You will see tasks stopped in the middle of a wait of a minute.
//!
//! Try it: abort `spawned.iter().step_by(2)`, and see the other tasks run into `--timeout`.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::os::clock::now_ms;
use shared::report::{Run, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

pub const LESSON: Lesson = Lesson::new(
    "cancel",
    "Tasks stopped from outside, and by a timeout",
    &["A4"],
    run,
    include_str!("cancel.rs"),
)
.needs_embedded_server();

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let (aborted, by_abort) = stop(lab, &rt, "abort", None)?;
    let limit = Duration::from_secs(1);
    let (timed_out, by_timeout) = stop(lab, &rt, "timeout", Some(limit))?;
    let finding =
        check(lab.tasks, &by_abort, &by_timeout).on("A4", "Tasks can be stopped where they await");
    Ok(Evidence::new(vec![aborted, timed_out], vec![finding]))
}

/// Starts tasks that would wait for a minute, and stops them: after `limit`, or else by abort.
fn stop(lab: &Lab, rt: &Runtime, model: &str, limit: Option<Duration>) -> Result<(Run, Stopped)> {
    let server = lab.server()?;
    let client = lab.async_client()?.at(lab.target_at("/delay/60000")?.url);
    let mut stopped = Stopped::default();
    let mut run = lab.run(model, None, |ids| {
        rt.block_on(async {
            let (counters, start_ms) = (server.counters(), now_ms());
            let mut spawned = Vec::new();
            for &id in ids {
                let client = client.clone();
                spawned.push(tokio::spawn(async move {
                    let limit = limit.unwrap_or(Duration::MAX);
                    // When the time is up, `timeout` drops the request.
                    let outcome = timeout(limit, client.get(id)).await;
                    outcome
                        .unwrap_or_else(|_| Task::cancelled(id, start_ms, "dropped by a timeout"))
                }));
            }
            until(|| counters.hits.load(Relaxed) == ids.len()).await;
            let asked = Instant::now();
            if limit.is_none() {
                spawned.iter().for_each(|task| task.abort()); // From outside.
            }
            let mut tasks = Vec::new();
            for (&id, task) in ids.iter().zip(spawned) {
                tasks.push(task.await.unwrap_or_else(|_| Task::cancelled(id, start_ms, "aborted")));
            }
            until(|| counters.disconnects.load(Relaxed) == ids.len()).await;
            stopped.disconnects = counters.disconnects.load(Relaxed);
            stopped.requests = counters.hits.load(Relaxed);
            stopped.after = asked.elapsed();
            Ok(tasks)
        })
    })?;
    run.expected_losses = run.cancelled;
    Ok((run, stopped))
}

/// Waits until a condition is true, at most five seconds.
async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() && begun.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(1)).await;
    }
}

/// What the server saw of tasks that were stopped.
#[derive(Debug, Default)]
struct Stopped {
    requests: usize,
    disconnects: usize,
    /// From the abort, or from the last arrival, until the server had seen all disconnects.
    after: Duration,
}

/// `n` tasks that were aborted, and `n` that ran into a timeout.
fn check(n: usize, abort: &Stopped, timeout: &Stopped) -> Check {
    let both = [abort, timeout];
    let reason = if both.iter().all(|stopped| stopped.disconnects == n) {
        let ms = abort.after.as_secs_f64() * 1000.0;
        (Verdict::Holds, format!("the server saw the last disconnect {ms:.1} ms after the abort"))
    } else if both.iter().any(|stopped| stopped.disconnects < stopped.requests) {
        (Verdict::Fails, "the server still had requests of stopped tasks".into())
    } else {
        (Verdict::NotShown, "some tasks were stopped before they had reached the server".into())
    };
    Check::new(
        format!("clients gone: {n} by abort, {n} by timeout"),
        format!("clients gone: {} by abort, {} by timeout", abort.disconnects, timeout.disconnects),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn every_stopped_client_must_be_gone() {
        let stopped = |(requests, disconnects)| {
            let after = Duration::from_millis(90);
            Stopped { requests, disconnects, after }
        };
        let all = (10, 10);
        for (one, verdict, because) in [
            (all, Holds, "90.0 ms after the abort"),
            ((10, 9), Fails, "still had requests"),
            ((10, 0), Fails, "still had requests"),
            ((9, 8), Fails, "still had requests"),
            ((9, 9), NotShown, "before they had reached"),
            ((0, 0), NotShown, "before they had reached"),
        ] {
            for (abort, timeout) in [(one, all), (all, one), (one, one)] {
                let check = check(10, &stopped(abort), &stopped(timeout));
                assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
            }
        }
    }
}
