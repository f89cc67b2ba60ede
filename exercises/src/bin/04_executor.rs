//! 04 executor: a pool of k threads for n requests, like a ThreadPoolExecutor.
//!
//! A thread for each request works, but a thousand requests would need a thousand threads.
//! Start only k threads, and let each take the next id as soon as it has an answer. One
//! request takes long: the others must not wait for it. The answers may come in any order.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, executor};

fn pool(site: &Site, n: usize, k: usize) -> Vec<Answer> {
    let _ = k; // Not used yet.
    thread::scope(|scope| {
        let handles: Vec<_> = (0..n).map(|id| scope.spawn(move || site.ask(id))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

pub fn main() -> ExitCode {
    executor::main(pool)
}
