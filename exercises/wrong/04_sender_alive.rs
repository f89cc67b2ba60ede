//! The sender is never dropped, so `recv` never fails.

use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::thread;

use exercises::{Answer, Site, executor};

fn pool(site: &Site, n: usize, k: usize) -> Vec<Answer> {
    let (sender, receiver) = mpsc::channel();
    (0..n).for_each(|id| sender.send(id).unwrap());
    let queue = Mutex::new(receiver);
    let work = || {
        let mut answers = Vec::new();
        loop {
            let next = queue.lock().unwrap().recv();
            let Ok(id) = next else { return answers };
            answers.push(site.ask(id));
        }
    };
    thread::scope(|scope| {
        let handles: Vec<_> = (0..k).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    })
}

pub fn main() -> ExitCode {
    executor::main(pool)
}
