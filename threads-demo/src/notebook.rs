//! Threads let waits overlap: ten waits of 100 ms take a second one after another, but 100 ms when
//! each has a thread of its own. A pool of k threads needs n / k rounds, rounded up.
//! You will see the same ten requests as a stair, as a block, and as a stair with steps of k.
//! Try it: `--workers 5`, or `-n 100`; then wait for the first thread only and see what is reported.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::Builder;

use anyhow::{Context, Result};
use shared::judge;
use shared::lab::{Evidence, Lab};
use shared::report::Task;
use shared::stopwatch::ThreadCount;

pub const ABOUT: &str = "Requests one after another, then a thread each, then a pool of threads";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k, at_once) = (lab.tasks, lab.workers, lab.at_once(1)); // A connection each.

    // One after another. The prediction is the sum of all delays.
    let mut activity = lab.blocking()?;
    let sum = lab.delay_ms.map(|delay| delay * n as f64);
    let sequential =
        lab.run("sequential", sum, |_| Ok((0..n).map(|id| activity.get(id)).collect()))?;

    // All at once. The prediction is the longest delay.
    activity = lab.blocking()?; // The one before takes its connections along.
    let longest = lab.delay_ms.unwrap_or(sequential.mean_task_ms());
    let mut count = ThreadCount::default();
    let threads = lab.run("threads", longest, |run| {
        let mut tasks = Vec::new();
        // Goes round once, unless the system allows fewer at once.
        while tasks.len() < n {
            let mut started = Vec::new();
            for id in tasks.len()..n.min(tasks.len() + at_once) {
                let activity = activity.clone();
                let thread = Builder::new().name(format!("Thread-{}", id + 1));
                // New: start a thread for this task, and go on at once.
                let handle = thread.spawn(move || activity.get(id));
                if handle.is_err() && lab.can_do_with(started.len()) {
                    break;
                }
                started.push((id, handle.context("cannot start a thread")?));
            }
            count = run.count_threads();
            for (id, handle) in started {
                let outcome = handle.join(); // New: wait until it ends, well or in a panic.
                tasks.push(outcome.unwrap_or_else(|panic| Task::panicked(id, panic)));
            }
        }
        Ok(tasks)
    })?;

    // Through a pool: k threads take one task after another from a queue.
    activity = lab.blocking()?;
    let pool = lab.run("thread-pool", longest * n.div_ceil(k) as f64, |_| {
        let (submit, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Vec::new();
        for worker in 0..k {
            let (activity, queue) = (activity.clone(), queue.clone());
            let thread = Builder::new().name(format!("Worker-{}", worker + 1));
            let handle = thread.spawn(move || {
                let mut done = Vec::new();
                // Only taking a task needs the lock; the others are not kept waiting.
                while let Some(id) = queue.lock().ok().and_then(|queue| queue.recv().ok()) {
                    // A task that panics does not take the worker along.
                    done.push(Task::catch_panic(id, || activity.get(id)));
                }
                done
            });
            if handle.is_err() && lab.can_do_with(worker) {
                break; // The others do its work.
            }
            workers.push(handle.context("cannot start a thread")?);
        }
        (0..n).try_for_each(|id| submit.send(id))?;
        drop(submit); // Shutdown: the queue ends here, and with it the workers' loops.
        let done = workers.into_iter().filter_map(|worker| worker.join().ok());
        Ok(done.flatten().collect())
    })?;

    let findings = vec![
        judge::waits_overlap(&sequential, &threads).on("T1", "Threads let waits overlap"),
        judge::thread_each(&threads, count).on("T2", "Each is a thread of the system"),
        judge::pool_is_full(k, &threads, &pool).on("T12", "A pool of k runs k at once, never more"),
    ];
    Ok(Evidence::new(vec![sequential, threads, pool], findings))
}
