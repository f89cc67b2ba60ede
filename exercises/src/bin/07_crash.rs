//! 07 crash: a pool of k worker processes survives the death of one.
//!
//! Each of k threads has a worker process, and takes tasks from one queue. One task kills
//! its worker. Here, that ends the whole pool.
//!
//! Make each task end as `Done` or as `Lost`, and keep k workers alive.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::crash::{self, Outcome, Worker};

fn run(tasks: Vec<usize>, k: usize, start: fn() -> Worker) -> Vec<Outcome> {
    let queue = Mutex::new(tasks.into_iter());
    let next = || queue.lock().unwrap().next();
    let work = || {
        let mut worker = start();
        let mut outcomes = Vec::new();
        while let Some(id) = next() {
            worker.ask(id).unwrap();
            outcomes.push(Outcome::Done(id));
        }
        outcomes
    };
    thread::scope(|scope| {
        let handles: Vec<_> = (0..k).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    })
}

pub fn main() -> ExitCode {
    crash::main(run)
}
