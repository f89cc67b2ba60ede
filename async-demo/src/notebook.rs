//! Async tasks let waits overlap on a single thread: a task that has to wait at an `.await` yields
//! to the others, so x + y + z becomes max(x, y, z).
//! You will see one task after another, a block of all at once, and k at a time, all on the thread `main`.
//! Try it: `-n 100 --delay 20ms`; or write `Semaphore::new(1)` in `k_at_once`, and see the
//! first run again.

use std::sync::Arc;

use anyhow::Result;
use shared::http::AsyncClient;
use shared::{Evidence, Lab, Lesson, Task, verdict};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

const ABOUT: &str = "Requests in sequence, then all at once, then k at a time";
pub const LESSON: Lesson =
    Lesson::new("notebook", ABOUT, &["A1", "A2", "A4"], run, include_str!("notebook.rs"));

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, client) = (lab.workers, lab.async_client()?); // A `ClientSession`.
    let mut rt = event_loop()?;
    let sequential =
        lab.run("sequential", lab.sum_ms(), |ids| rt.block_on(in_sequence(&client, ids)))?;
    rt = event_loop()?; // A new one: the connections of the old one close with it.
    let all = lab.run("async", lab.each_ms(), |ids| rt.block_on(all_at_once(lab, &client, ids)))?;
    rt = event_loop()?;
    let limited =
        lab.run("async-limit", lab.rounds_ms(k), |ids| rt.block_on(k_at_once(k, &client, ids)))?;
    let findings = vec![
        verdict::overlap(&sequential, &all).on("A1", "Async lets waits overlap"),
        verdict::no_more_threads(&all).on("A2", "One thread runs all tasks"),
        verdict::pool(k, &all, &limited).on("A4", "At most k run at once, where asked"),
    ];
    Ok(Evidence::new(vec![sequential, all, limited], findings))
}

/// Its `block_on`, like `asyncio.run`, runs all tasks on the thread that calls it.
fn event_loop() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

async fn in_sequence(client: &AsyncClient, ids: &[usize]) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for &id in ids {
        tasks.push(client.get(id).await); // It yields, but there is no other task yet.
    }
    Ok(tasks)
}

/// Spawns every task, then awaits all of them.
async fn all_at_once(lab: &Lab, client: &AsyncClient, ids: &[usize]) -> Result<Vec<Task>> {
    let mut spawned = Vec::new();
    for &id in ids {
        let client = client.clone(); // Shares the connections.
        let task = async move { client.get(id).await }; // Calling `async def`: nothing runs yet.
        spawned.push((id, tokio::spawn(task))); // `asyncio.create_task`: scheduled, not started.
    }
    yield_now().await; // `asyncio.sleep(0)`: each task runs to its first await.
    lab.count_threads();
    gather(spawned).await
}

/// The same, but a task makes its request only while it holds one of k permits. To bound the tasks,
/// too, call `acquire_owned` before the spawn, and move the permit into the task.
async fn k_at_once(k: usize, client: &AsyncClient, ids: &[usize]) -> Result<Vec<Task>> {
    let permits = Arc::new(Semaphore::new(k)); // `asyncio.Semaphore(k)`.
    let mut spawned = Vec::new();
    for &id in ids {
        let (client, permits) = (client.clone(), permits.clone());
        let task = async move {
            let _permit = permits.acquire().await; // `async with`, to the end of this block.
            client.get(id).await
        };
        spawned.push((id, tokio::spawn(task)));
    }
    gather(spawned).await
}

/// `asyncio.gather`: awaits the tasks in order, while all of them run.
async fn gather(spawned: Vec<(usize, JoinHandle<Task>)>) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for (id, task) in spawned {
        let outcome = task.await; // An error if the task panicked.
        tasks.push(outcome.unwrap_or_else(|error| Task::failed(id, error.to_string())));
    }
    Ok(tasks)
}
