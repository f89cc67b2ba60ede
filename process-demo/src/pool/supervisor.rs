//! A supervisor is a thread that hands its worker one task after another, and replaces the worker when
//! it is lost. `Worker::answer` turns a worker's death into a failed task.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope};

use anyhow::Result;
use shared::Task;

use crate::pool::task_queue::TaskQueue;
use crate::pool::worker::{Request, Worker};

/// Runs the tasks `ids` on `size` workers, which `start` starts, with a `request` for each task. If
/// some workers cannot be started, the others do their share.
///
/// # Errors
/// No worker could be started, or all died before they answered.
pub fn run(
    size: usize,
    ids: &[usize],
    retries: usize,
    start: impl Fn(&str) -> Result<Worker> + Sync,
    request: impl Fn(usize) -> Request + Sync,
) -> Result<Vec<Task>> {
    let queue = Mutex::new(TaskQueue::new(ids, size, retries));
    let work = |place| supervise(place, &queue, &start, &request);
    scope(|scope| {
        let mut supervisors = Vec::new();
        for place in 1..=size.min(ids.len()) {
            let thread = Builder::new().name(format!("supervisor {place}"));
            match thread.spawn_scoped(scope, move || work(place)) {
                Ok(supervisor) => supervisors.push(supervisor),
                Err(error) => lock(&queue).refuse(format!("cannot start a thread: {error}")),
            }
        }
        for supervisor in supervisors {
            let _ = supervisor.join(); // One that panicked leaves its task in the queue.
        }
    });
    queue.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// Has one worker after another run tasks until none is waiting.
fn supervise(
    place: usize,
    queue: &Mutex<TaskQueue>,
    start: impl Fn(&str) -> Result<Worker>,
    request: impl Fn(usize) -> Request,
) {
    let name = format!("Worker-{place}");
    let mut worker: Option<Worker> = None;
    while lock(queue).has_work() {
        let usable = worker.take().filter(Worker::is_usable); // Any other is killed here.
        let mut ready = match usable.map_or_else(|| start(&name), Ok) {
            Ok(ready) => ready,
            Err(error) => return lock(queue).refuse(format!("{error:#}")),
        };
        // A statement of its own, so that the lock is not held while the worker is busy.
        let taken = lock(queue).take();
        if let Some(id) = taken {
            ready.ask(&request(id));
            let task = ready.answer();
            let mut queue = lock(queue);
            match ready.is_lost() {
                true if task.refused => queue.requeue(task),
                true => queue.fail(task),
                false => queue.complete(task),
            }
        }
        worker = Some(ready);
    }
    // Its exit code no longer matters: it has no task.
    let _ = worker.map(Worker::close);
}

/// No thread panics while it holds the lock, so the data is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
