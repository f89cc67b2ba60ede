//! Async tasks let waits overlap on a single thread: at each `.await` a task that must wait gives
//! way to the others, so that x + y + z becomes max(x, y, z).
//! You will see a stair, then a block, all by the thread `main`, then a stair with steps of k.
//! Try it: `-n 1000`; or await each task where it is spawned, and see the block become a stair.

use std::sync::Arc;

use anyhow::Result;
use shared::judge;
use shared::lab::{Evidence, Lab};
use shared::report::Task;
use shared::stopwatch::ThreadCount;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

pub const ABOUT: &str = "Requests one after another, then all at once, then a few at a time";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k, at_once) = (lab.tasks, lab.workers, lab.at_once(1)); // A connection each.
    // It runs on the thread that calls `block_on`, and on no other.
    let event_loop = Builder::new_current_thread().enable_all().build()?;

    // One after another. The prediction is the sum of all delays.
    let mut activity = lab.non_blocking()?;
    let sum = lab.delay_ms.map(|delay| delay * n as f64);
    let sequential = lab.run("sequential", sum, |_| {
        let get = |id| event_loop.block_on(activity.get(id));
        Ok((0..n).map(get).collect())
    })?;

    // All at once. The prediction is the longest delay.
    activity = lab.non_blocking()?; // The one before takes its connections along.
    let longest = lab.delay_ms.unwrap_or(sequential.mean_task_ms());
    let mut count = ThreadCount::default();
    let all = lab.run("async", longest, |run| {
        event_loop.block_on(async {
            let places = Arc::new(Semaphore::new(at_once)); // As a rule, one for each.
            let mut spawned = Vec::new();
            for id in 0..n {
                let (activity, places) = (activity.clone(), places.clone());
                // New: the task is only planned; it starts when this one gives way.
                spawned.push(tokio::spawn(async move {
                    let _place = places.acquire().await;
                    activity.get(id).await
                }));
            }
            yield_now().await;
            count = run.count_threads();
            Ok(join(spawned).await)
        })
    })?;

    // A few at a time: only a task that holds one of k permits goes on.
    activity = lab.non_blocking()?;
    let rounds = longest * n.div_ceil(k) as f64;
    let limited = lab.run("async-limit", rounds, |_| {
        event_loop.block_on(async {
            let permits = Arc::new(Semaphore::new(k));
            let mut spawned = Vec::new();
            for id in 0..n {
                let (activity, permits) = (activity.clone(), permits.clone());
                spawned.push(tokio::spawn(async move {
                    let _permit = permits.acquire().await;
                    activity.get(id).await
                }));
            }
            Ok(join(spawned).await)
        })
    })?;

    let findings = vec![
        judge::waits_overlap(&sequential, &all).on("A1", "Async lets waits overlap"),
        judge::no_more_threads(&all, count, lab.target()?.is_named())
            .on("A2", "One thread carries out all tasks"),
        judge::pool_is_full(k, &all, &limited).on("A4", "At most k run at once where asked"),
    ];
    Ok(Evidence::new(vec![sequential, all, limited], findings))
}

/// New: awaits one task after another, while all of them go on.
pub async fn join(spawned: Vec<JoinHandle<Task>>) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (id, task) in spawned.into_iter().enumerate() {
        // A task that panicked has no outcome of its own.
        let outcome = task.await;
        tasks.push(outcome.unwrap_or_else(|error| Task::failed(id, error.to_string())));
    }
    tasks
}
