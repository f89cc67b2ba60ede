//! A supervisor hands its worker one task after another, and replaces the worker when it is lost. Each
//! has its own thread, the first one the caller's. `Worker::answer` turns a worker's death into a failed
//! task.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::os::child::DEADLINE;
use shared::{Task, progress};

use crate::pool::task_queue::TaskQueue;
use crate::pool::worker::{Request, Worker};

/// So many workers in a row may be lost before they greet. Then their place in the pool is given up.
const MAX_STARTS: u32 = 10;

/// The pause after the first of them. It grows by as much for each: all take two seconds.
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
    let queue = Mutex::new(TaskQueue::new(ids, size, retries));
    let start = |place| start(&format!("Worker-{place}"), place);
    let supervise = |place, worker| supervise(worker, &queue, || start(place), &request);
    let obtain =
        |place| start(place).inspect_err(|error| lock(&queue).refuse(format!("{error:#}")));
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
    worker: Worker,
    queue: &Mutex<TaskQueue>,
    start: impl Fn() -> Result<Worker>,
    request: impl Fn(usize) -> Request,
) {
    let has_work = || lock(queue).has_work();
    let (mut worker, mut lost_starts, mut give_up) = (Some(worker), 0, Instant::now() + DEADLINE);
    while has_work() {
        let usable = worker.take().filter(Worker::is_usable); // Any other is killed here.
        let mut ready = match usable.map_or_else(&start, Ok) {
            Ok(ready) => ready,
            Err(error) => return lock(queue).refuse(format!("{error:#}")),
        };
        // It gets no task before it has greeted, because its host may be down.
        if let Err(lost) = ready.greet(give_up, has_work) {
            lost_starts += 1;
            sleep(PAUSE * lost_starts);
            if lost_starts == MAX_STARTS || Instant::now() >= give_up {
                let why = lost.error.unwrap_or_default();
                progress::reduce_concurrency(&why);
                return lock(queue).give_up(why);
            }
            continue;
        }
        (lost_starts, give_up) = (0, Instant::now() + DEADLINE);
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
