//! The thread pool's queue of threads-demo under a scheduler that tries many orders of its steps. The
//! lesson itself cannot run under it, since its threads are the system's and wait for a server. So
//! here is the same queue, step for step, on the scheduler's own threads, channel and lock.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::sync::{Arc, Mutex, mpsc};
use shuttle::{check_random, thread};

const TASKS: usize = 5;
const WORKERS: usize = 3;

/// How many orders are tried.
const ORDERS: usize = 2_000;

type Queue = Arc<Mutex<mpsc::Receiver<usize>>>;

/// How a worker of the lesson takes a task.
fn take(queue: &Queue) -> Option<usize> {
    queue.lock().ok().and_then(|queue| queue.recv().ok())
}

/// The lesson's pool; `shut_down` says whether the queue is ended as it should be.
fn pool(take: impl Fn(&Queue) -> Option<usize> + Copy + Send + 'static, shut_down: bool) {
    let (submit, queue) = mpsc::channel();
    let queue = Arc::new(Mutex::new(queue));
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let queue = queue.clone();
        workers.push(thread::spawn(move || {
            let mut done = Vec::new();
            while let Some(id) = take(&queue) {
                thread::yield_now(); // The activity: the others may run meanwhile.
                done.push(id);
            }
            done
        }));
    }
    for id in 0..TASKS {
        submit.send(id).unwrap();
    }
    let submit = (!shut_down).then_some(submit); // Dropped here, or at the very end.
    let done: Vec<usize> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let ids: HashSet<usize> = done.iter().copied().collect();
    assert_eq!((done.len(), ids), (TASKS, (0..TASKS).collect()));
    drop(submit);
}

/// Would be wrong: a task that nobody takes, that two workers take, or a worker that never ends, in
/// whatever order the threads run.
#[test]
fn every_task_is_taken_once_and_every_worker_ends() {
    check_random(|| pool(take, true), ORDERS);
}

/// Would be wrong: a check that lets mistakes through. These two are planted: a queue that is not
/// ended, and a worker that goes home when the queue is empty for the moment.
#[test]
fn the_check_finds_planted_mistakes() {
    let found =
        |planted: fn()| catch_unwind(AssertUnwindSafe(|| check_random(planted, ORDERS))).is_err();
    assert!(found(|| pool(take, false)), "a queue without an end");
    assert!(
        found(|| pool(|queue| queue.lock().ok()?.try_recv().ok(), true)),
        "a worker that leaves too early"
    );
    assert!(!found(|| pool(take, true)));
}
