//! A pool of k workers that serves any number of tasks: one thread minds each worker, hands it one
//! task after another, and replaces it when it is gone.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use shared::lab::Target;
use shared::report::Task;

use crate::notebook::start;
use crate::worker::Request;

/// What came of the tasks, and the most memory that the workers had, in KiB.
#[derive(Default)]
pub struct Served {
    pub tasks: Vec<Task>,
    pub peak_rss_kib: u64,
}

/// Has `size` workers carry out tasks 0 to `count`.
///
/// # Errors
/// Not even one worker could be started.
pub fn serve(size: usize, count: usize, target: &Target) -> Result<Served> {
    let queue = Mutex::new(0..count);
    scope(|scope| {
        let mut minders = Vec::new();
        for slot in 0..size.min(count) {
            let minder = Builder::new().name(format!("minder {}", slot + 1));
            let queue = &queue;
            minders.push(minder.spawn_scoped(scope, move || mind(slot, queue, target))?);
        }
        let mut all = Served::default();
        let mut refused = None;
        for minder in minders {
            match minder.join() {
                Ok(Ok(served)) => {
                    all.tasks.extend(served.tasks);
                    all.peak_rss_kib += served.peak_rss_kib;
                }
                Ok(Err(error)) => refused = Some(error),
                // Its task is counted as lost with the others that have no outcome.
                Err(_) => {}
            }
        }
        // The workers that did start have done the work of those that did not.
        match refused {
            Some(error) if all.tasks.is_empty() => Err(error),
            _ => Ok(all),
        }
    })
}

fn mind(slot: usize, queue: &Mutex<Range<usize>>, target: &Target) -> Result<Served> {
    let name = format!("Worker-{}", slot + 1);
    let mut served = Served::default();
    let mut worker = start(&name)?;
    // A closure, so that the lock is held for taking a task and not while the worker is at it.
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some(id) = take() {
        if !worker.is_usable() {
            served.peak_rss_kib += worker.peak_rss_kib;
            worker = match start(&name) {
                Ok(replacement) => replacement,
                Err(error) => {
                    served.tasks.push(Task::failed(id, format!("{error:#}")));
                    return Ok(served);
                }
            };
        }
        worker.ask(Request::new(id, target));
        let task = worker.answer();
        target.show.line(&task);
        served.tasks.push(task);
    }
    worker.wait().context("cannot wait for a worker")?;
    served.peak_rss_kib += worker.peak_rss_kib;
    Ok(served)
}
