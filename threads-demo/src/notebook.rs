//! Threads let waits overlap: ten waits of 100 ms take a second in sequence, but 100 ms when each has
//! its own thread. A pool of k threads needs n / k rounds, rounded up.
//!
//! You will see one task after another, a block of all at once, and k threads with n / k tasks each.
//!
//! Try it: `--workers 5`; or `-n 100 --delay 10ms`; or join only the first thread, by
//! `ids.iter().zip(threads).take(1)`, and read what the report says about the other nine.

use std::sync::{Mutex, mpsc};
use std::thread::{Builder, scope};

use anyhow::{Result, ensure};
use shared::http::Client;
use shared::{Evidence, Lab, Lesson, Task, verdict};

pub const LESSON: Lesson = Lesson::new(
    "notebook",
    "Requests in sequence, then a thread each, then a pool of threads",
    &["T1", "T2", "T12"],
    run,
    include_str!("notebook.rs"),
);

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, client) = (lab.workers, lab.client()?);
    let sequential = lab.run("sequential", lab.sum_ms(), |ids| Ok(in_sequence(&client, ids)))?;
    let threads =
        lab.run("threads", lab.each_ms(), |ids| Ok(thread_per_task(lab, &client, ids)))?;
    let pool = lab.run("thread-pool", lab.rounds_ms(k), |ids| thread_pool(k, &client, ids))?;
    let findings = vec![
        verdict::overlap(&sequential, &threads).on("T1", "Threads let waits overlap"),
        verdict::thread_each(&threads).on("T2", "Each is an operating-system thread"),
        verdict::pool(k, &threads, &pool).on("T12", "A pool of k runs k at once, never more"),
    ];
    Ok(Evidence::new(vec![sequential, threads, pool], findings))
}

/// Runs every task on this thread. Each call waits for its answer.
fn in_sequence(client: &Client, ids: &[usize]) -> Vec<Task> {
    ids.iter().map(|&id| client.get(id)).collect()
}

/// Starts a thread for each task, then waits for all of them.
fn thread_per_task(lab: &Lab, client: &Client, ids: &[usize]) -> Vec<Task> {
    scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            // Python's `Thread(...).start()`: it returns at once.
            threads.push(thread.spawn_scoped(scope, move || client.get(id)));
        }
        lab.count_threads(); // By now, all of them wait for the server.
        let mut tasks = Vec::new();
        for (&id, thread) in ids.iter().zip(threads) {
            tasks.push(Task::join(id, thread)); // It returned, panicked, or was refused.
        }
        tasks
    })
}

/// Starts k threads that take tasks from a queue, like Python's `ThreadPoolExecutor(k)`.
fn thread_pool(k: usize, client: &Client, ids: &[usize]) -> Result<Vec<Task>> {
    let (submit, queue) = mpsc::channel();
    let queue = Mutex::new(queue);
    // A worker holds the lock until `recv` returns a task, and releases it before the task runs.
    let take = || queue.lock().ok().and_then(|queue| queue.recv().ok());
    let work = || {
        let mut done = Vec::new();
        while let Some(id) = take() {
            done.push(Task::catch_panic(id, || client.get(id)));
        }
        done
    };
    scope(|scope| {
        let mut workers = Vec::new();
        for worker in 1..=k {
            let thread = Builder::new().name(format!("Worker-{worker}"));
            workers.extend(thread.spawn_scoped(scope, work)); // If refused, the others do its share.
        }
        ensure!(!workers.is_empty(), "cannot start a thread: the OS refused every worker");
        ids.iter().try_for_each(|&id| submit.send(id))?; // `executor.submit`
        drop(submit); // `executor.shutdown`: the workers leave once the queue is empty.
        Ok(workers.into_iter().flat_map(|worker| worker.join()).flatten().collect())
    })
}
