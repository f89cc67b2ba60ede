//! A task gives way at each `await`, and there it can be stopped: by `abort`, or by a timeout that
//! drops it. Its connection is closed, and the server sees that.
//!
//! You will see tasks stopped in the middle of a wait of a minute.
//!
//! Try it: abort only every second task.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Url;
use shared::lab::{Evidence, Lab};
use shared::report::{Run, Task};
use shared::stopwatch::now_ms;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

use crate::judge::{self, Stopped};

pub const ABOUT: &str = "Tasks stopped from outside, and by a timeout";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let (aborted, by_abort) = stop(lab, &event_loop, "abort", None)?;
    let limit = Duration::from_secs(1);
    let (timed_out, by_timeout) = stop(lab, &event_loop, "timeout", Some(limit))?;
    let finding = judge::cancel(lab.tasks, &by_abort, &by_timeout)
        .on("A4", "Tasks can be stopped at any await");
    Ok(Evidence::new(vec![aborted, timed_out], vec![finding]))
}

/// Starts tasks that would wait for a minute, and stops them: after `limit`, or by abort.
fn stop(lab: &Lab, on: &Runtime, model: &str, limit: Option<Duration>) -> Result<(Run, Stopped)> {
    let server = lab.server()?;
    let activity = lab.non_blocking()?.at(Url::parse(&server.url("/delay/60000"))?);
    let mut stopped = Stopped::default();
    let mut run = lab.run(model, None, |_| {
        on.block_on(async {
            let start_ms = now_ms();
            let mut spawned = Vec::new();
            for id in 0..lab.tasks {
                let activity = activity.clone();
                spawned.push(tokio::spawn(async move {
                    let limit = limit.unwrap_or(Duration::MAX);
                    let outcome = timeout(limit, activity.get(id)).await; // New: drops it then.
                    outcome
                        .unwrap_or_else(|_| Task::cancelled(id, start_ms, "dropped by a timeout"))
                }));
            }
            let seen = server.seen();
            until(|| seen.hits.load(Relaxed) == lab.tasks).await;
            let asked = Instant::now();
            if limit.is_none() {
                spawned.iter().for_each(|task| task.abort()); // New: from outside.
            }
            let mut tasks = Vec::new();
            for (id, task) in spawned.into_iter().enumerate() {
                tasks.push(task.await.unwrap_or_else(|_| Task::cancelled(id, start_ms, "aborted")));
            }
            until(|| seen.disconnects.load(Relaxed) == lab.tasks).await;
            stopped.disconnects = seen.disconnects.load(Relaxed);
            stopped.requests = seen.hits.load(Relaxed);
            stopped.after = asked.elapsed();
            Ok(tasks)
        })
    })?;
    run.lost_on_purpose = run.cancelled;
    Ok((run, stopped))
}

/// Gives way until something is so, for five seconds at most.
async fn until(so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() && begun.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(1)).await;
    }
}
