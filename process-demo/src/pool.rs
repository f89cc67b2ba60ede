//! A pool of k workers that serves any number of tasks: one thread minds each worker, hands it one
//! task after another, and replaces it when it is lost. Who has what is in the [`Book`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, scope};

use anyhow::Result;
use shared::cli::Opt;
use shared::lab::Lab;
use shared::report::Task;

use crate::book::Book;
use crate::worker::{Request, Worker};

pub const OPTIONS: &[Opt] = &[Opt {
    name: "retries",
    value: "N",
    help: "In notebook, the pool: how often a task is tried again whose worker was lost [default: 0]",
    check: |text| match text.parse::<usize>() {
        Ok(0..=10) => Ok(()),
        _ => Err("expected a whole number from 0 to 10".into()),
    },
    writes: false,
}];

/// What the command line says of `--retries`.
///
/// # Errors
/// None: it has been checked with the rest of the command line.
pub fn retries(lab: &Lab) -> Result<usize> {
    Ok(lab.options.get(OPTIONS[0].name).map_or(Ok(0), str::parse)?)
}

/// What came of the tasks, and the most memory that the workers had, in KiB.
pub struct Served {
    pub tasks: Vec<Task>,
    pub peak_rss_kib: u64,
}

struct Pool<Start, Ask> {
    start: Start,
    ask: Ask,
    book: Mutex<Book>,
    peak_rss_kib: Mutex<u64>,
}

/// Has `size` workers that `start` starts carry out tasks 0 to `count`, each as `ask` says. The
/// workers that can be started do the work of those that cannot.
///
/// # Errors
/// Not even one worker could be started, or none lived to answer.
pub fn serve(
    size: usize,
    count: usize,
    retries: usize,
    start: impl Fn(&str) -> Result<Worker> + Sync,
    ask: impl Fn(usize) -> Request + Sync,
) -> Result<Served> {
    let pool = Pool {
        start,
        ask,
        book: Mutex::new(Book::new(count, size, retries)),
        peak_rss_kib: Mutex::new(0),
    };
    scope(|scope| {
        let mut minders = Vec::new();
        for place in 0..size.min(count) {
            let pool = &pool;
            let minder = Builder::new().name(format!("minder {}", place + 1));
            match minder.spawn_scoped(scope, move || pool.mind(place)) {
                Ok(minder) => minders.push(minder),
                Err(error) => lock(&pool.book).refused(format!("cannot start a thread: {error}")),
            }
        }
        for minder in minders {
            let _ = minder.join(); // One that panicked leaves its task to `close`.
        }
    });
    let book = pool.book.into_inner();
    Ok(Served {
        tasks: book.unwrap_or_else(PoisonError::into_inner).close()?,
        peak_rss_kib: *lock(&pool.peak_rss_kib),
    })
}

impl<Start, Ask> Pool<Start, Ask>
where
    Start: Fn(&str) -> Result<Worker>,
    Ask: Fn(usize) -> Request,
{
    /// Has one worker after another carry out tasks until there are no more.
    fn mind(&self, place: usize) {
        let name = format!("Worker-{}", place + 1);
        let mut worker: Option<Worker> = None;
        while lock(&self.book).has_work() {
            let usable = worker.take_if(|worker| worker.is_usable());
            self.end(worker.take());
            let mut ready = match usable.map_or_else(|| (self.start)(&name), Ok) {
                Ok(ready) => ready,
                Err(error) => return lock(&self.book).refused(format!("{error:#}")),
            };
            // In a statement of its own, so that the lock is not held while the worker is at it.
            let taken = lock(&self.book).take(place);
            if let Some(id) = taken {
                ready.ask((self.ask)(id));
                let task = ready.answer();
                let mut book = lock(&self.book);
                match ready.is_lost() {
                    false => book.answered(place, task),
                    true if ready.could_not_start() => {
                        book.not_begun(place, id, task.error.unwrap_or_default());
                    }
                    true => book.lost(place, task),
                }
            }
            worker = Some(ready);
        }
        self.end(worker);
    }

    fn end(&self, worker: Option<Worker>) {
        if let Some(mut worker) = worker {
            // What it ended with no longer matters: it has no task.
            let _ = worker.wait();
            *lock(&self.peak_rss_kib) += worker.peak_rss_kib;
        }
    }
}

/// Nobody panics while the data is half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
