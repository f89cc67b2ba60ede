//! A new worker for each task.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::crash::{self, Outcome, Worker};

fn run(tasks: Vec<usize>, k: usize, start: fn() -> Worker) -> Vec<Outcome> {
    let queue = Mutex::new(tasks.into_iter());
    let next = || queue.lock().unwrap().next();
    let work = || {
        let mut outcomes = Vec::new();
        while let Some(id) = next() {
            let mut worker = start();
            match worker.ask(id) {
                Ok(()) => outcomes.push(Outcome::Done(id)),
                Err(_) => outcomes.push(Outcome::Lost(id)),
            }
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
