//! A pool of k workers that serves any number of tasks: one thread minds each worker, hands it one
//! task after another, and replaces it when it is gone.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope};

use anyhow::{Error, Result};
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

struct Pool<'a> {
    target: &'a Target,
    queue: Mutex<Range<usize>>,
    served: Mutex<Served>,
}

/// Has `size` workers carry out tasks 0 to `count`. The workers that can be started do the work of
/// those that cannot.
///
/// # Errors
/// Not even one worker could be started.
pub fn serve(size: usize, count: usize, target: &Target) -> Result<Served> {
    let pool = Pool {
        target,
        queue: Mutex::new(0..count),
        served: Mutex::default(),
    };
    let mut refused: Vec<Error> = Vec::new();
    scope(|scope| {
        let mut minders = Vec::new();
        for slot in 0..size.min(count) {
            let pool = &pool;
            let minder = Builder::new().name(format!("minder {}", slot + 1));
            match minder.spawn_scoped(scope, move || pool.mind(slot)) {
                Ok(minder) => minders.push(minder),
                Err(error) => refused.push(error.into()),
            }
        }
        // One that panicked leaves its task without an outcome, which the stopwatch counts as lost.
        let ended = minders.into_iter().filter_map(|minder| minder.join().ok());
        refused.extend(ended.filter_map(Result::err));
    });
    let served = pool
        .served
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match refused.pop() {
        Some(error) if served.tasks.is_empty() => Err(error),
        _ => Ok(served),
    }
}

impl Pool<'_> {
    /// Has one worker carry out tasks until there are no more.
    fn mind(&self, slot: usize) -> Result<()> {
        let name = format!("Worker-{}", slot + 1);
        let mut worker = start(&name, self.target.show)?;
        // A closure, so that the lock is held for taking a task and not while the worker is at it.
        let take = || lock(&self.queue).next();
        while let Some(id) = take() {
            if !worker.is_usable() {
                lock(&self.served).peak_rss_kib += worker.peak_rss_kib;
                worker = match start(&name, self.target.show) {
                    Ok(worker) => worker,
                    Err(error) => {
                        lock(&self.served)
                            .tasks
                            .push(Task::failed(id, format!("{error:#}")));
                        return Ok(());
                    }
                };
            }
            worker.ask(Request::new(id, self.target));
            let task = worker.answer();
            lock(&self.served).tasks.push(task);
        }
        worker.wait()?;
        lock(&self.served).peak_rss_kib += worker.peak_rss_kib;
        Ok(())
    }
}

/// Nobody panics while the data is half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
