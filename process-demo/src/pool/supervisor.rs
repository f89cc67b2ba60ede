//! A supervisor hands its worker one task after another, and replaces the worker when it is lost. Each
//! has its own thread, the first one the caller's. `Worker::answer` turns a worker's death into a failed
//! task.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use shared::os::child::DEADLINE;
use shared::{Task, progress};

use crate::pool::task_queue::TaskQueue;
use crate::pool::worker::{Request, Worker};

/// So many workers in a row may be lost before they greet. Then their place in the pool is given up.
const MAX_STARTS: u32 = 10;

/// The pause after the first of them. It grows by as much for each: all nine take 2.25 s.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs the tasks `ids` on `size` workers, which `start` starts by their names and numbers from 1, with
/// a `request` for each task. If some workers cannot be started, the others do their share.
///
/// # Errors
/// So many workers were lost before they answered that none seems able to answer.
pub fn run(
    size: usize,
    ids: &[usize],
    retries: usize,
    start: impl Fn(&str, usize) -> Result<Worker> + Sync,
    request: impl Fn(usize) -> Request + Sync,
) -> Result<Vec<Task>> {
    run_patiently(DEADLINE, size, ids, retries, start, request)
}

/// The same. A place in the pool is given up if no worker greets there within `patience`.
pub fn run_patiently(
    patience: Duration,
    size: usize,
    ids: &[usize],
    retries: usize,
    start: impl Fn(&str, usize) -> Result<Worker> + Sync,
    request: impl Fn(usize) -> Request + Sync,
) -> Result<Vec<Task>> {
    let queue = Mutex::new(TaskQueue::new(ids, size, retries));
    let pool = Pool { patience, queue, changed: Condvar::new() };
    let start = |place| start(&format!("Worker-{place}"), place);
    let supervise = |place, worker| pool.supervise(worker, || start(place), &request);
    let obtain = |place| start(place).inspect_err(|error| pool.refuse(error));
    scope(|scope| {
        // Before the others, so that at least one worker gets what it needs.
        let Ok(first) = obtain(1) else { return };
        for place in 2..=size.min(ids.len()) {
            let Ok(worker) = obtain(place) else { break };
            let thread = Builder::new().name(format!("supervisor {place}"));
            let spawned = thread.spawn_scoped(scope, move || supervise(place, worker));
            if let Err(error) = spawned {
                pool.refuse(&anyhow!("cannot start a thread: {error}"));
            }
        }
        supervise(1, first);
    });
    pool.queue.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// What the supervisors share.
struct Pool {
    patience: Duration,
    queue: Mutex<TaskQueue>,
    /// A task in flight was completed, has failed, or waits again.
    changed: Condvar,
}

impl Pool {
    /// Has one worker after another run tasks, until none is waiting or can come back.
    fn supervise(
        &self,
        worker: Worker,
        start: impl Fn() -> Result<Worker>,
        request: impl Fn(usize) -> Request,
    ) {
        let (mut worker, mut lost_starts, mut give_up) = (Some(worker), 0, None);
        while self.wait_for_work() {
            let usable = worker.take().filter(Worker::is_usable); // Any other ends here.
            let mut ready = match usable.map_or_else(&start, Ok) {
                Ok(ready) => ready,
                Err(error) => return self.refuse(&error),
            };
            // From the first start on, not while a worker was busy or idle.
            let deadline = *give_up.get_or_insert_with(|| Instant::now() + self.patience);
            // It gets no task before it has greeted, because its host may be down.
            if let Err(lost) = ready.greet(deadline, || self.lock().has_work()) {
                lost_starts += 1;
                if lost_starts == MAX_STARTS || Instant::now() >= deadline {
                    let why = lost.error.unwrap_or_default();
                    progress::reduce_concurrency(&why);
                    return self.lock().give_up(why);
                }
                sleep(PAUSE * lost_starts);
                continue;
            }
            (lost_starts, give_up) = (0, None);
            // A statement of its own, so that the lock is not held while the worker is busy.
            let taken = self.lock().take();
            if let Some(id) = taken {
                // If it panicked with the task in flight, the others would wait for that for ever.
                let task = Task::catch_panic(id, || {
                    ready.ask(&request(id));
                    ready.answer()
                });
                let mut queue = self.lock();
                match ready.is_lost() {
                    true if task.refused => queue.requeue(task),
                    true => queue.fail(task),
                    false => queue.complete(task),
                }
                self.changed.notify_all();
            }
            worker = Some(ready);
        }
        // Its exit code no longer matters: it has no task.
        let _ = worker.map(Worker::close);
    }

    /// Waits for a task that another worker may lose. Returns whether one is waiting now.
    fn wait_for_work(&self) -> bool {
        let waited = self.changed.wait_while(self.lock(), |queue| queue.may_get_work());
        waited.unwrap_or_else(PoisonError::into_inner).has_work()
    }

    /// The OS refuses a worker, or the thread for its supervisor.
    fn refuse(&self, error: &Error) {
        self.lock().refuse(format!("{error:#}"));
    }

    /// No thread panics while it holds the lock, so the data is whole.
    fn lock(&self) -> MutexGuard<'_, TaskQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
