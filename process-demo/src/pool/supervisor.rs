//! A supervisor hands its worker one task after another, and replaces the worker when it is lost. Each
//! has its own thread, the first one the caller's. `Worker::answer` turns a worker's death into a failed
//! task.

use std::panic::{AssertUnwindSafe, catch_unwind};
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
/// So many workers were lost before they answered that none seems able to answer.
pub fn run(
    size: usize,
    ids: &[usize],
    retries: usize,
    start: impl Fn(&str) -> Result<Worker> + Sync,
    request: impl Fn(usize) -> Request + Sync,
) -> Result<Vec<Task>> {
    let queue = Mutex::new(TaskQueue::new(ids, size, retries));
    let name = |place| format!("Worker-{place}");
    let supervise = |place, worker| supervise(&name(place), worker, &queue, &start, &request);
    let obtain =
        |place| start(&name(place)).inspect_err(|error| lock(&queue).refuse(format!("{error:#}")));
    scope(|scope| {
        // Before the others, so that at least one worker gets what it needs.
        let Ok(first) = obtain(1) else { return };
        let mut supervisors = Vec::new();
        for place in 2..=size.min(ids.len()) {
            let Ok(worker) = obtain(place) else { break };
            let thread = Builder::new().name(format!("supervisor {place}"));
            match thread.spawn_scoped(scope, move || supervise(place, worker)) {
                Ok(supervisor) => supervisors.push(supervisor),
                Err(error) => lock(&queue).refuse(format!("cannot start a thread: {error}")),
            }
        }
        // A supervisor that panics leaves its task in the queue, and the others go on.
        let _ = catch_unwind(AssertUnwindSafe(|| supervise(1, first)));
        for supervisor in supervisors {
            let _ = supervisor.join();
        }
    });
    queue.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// Has one worker after another run tasks until none is waiting.
fn supervise(
    name: &str,
    worker: Worker,
    queue: &Mutex<TaskQueue>,
    start: impl Fn(&str) -> Result<Worker>,
    request: impl Fn(usize) -> Request,
) {
    let mut worker = Some(worker);
    while lock(queue).has_work() {
        let usable = worker.take().filter(Worker::is_usable); // Any other is killed here.
        let mut ready = match usable.map_or_else(|| start(name), Ok) {
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
