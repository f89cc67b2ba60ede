//! 03 lock-held: count under a lock, wait without it.
//!
//! Ten threads count themselves under a lock, then each waits for its answer. The count
//! is right, and yet the threads wait one after the other. Change as little as possible,
//! so that all ten wait at the same time and the count stays right.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::lock_held::{self, Counter};
use exercises::{Answer, Site};

fn ask_counted(site: &Site, n: usize) -> (Counter, Vec<Answer>) {
    let count = Mutex::new(Counter::default());
    let ask = |id| {
        let mut count = count.lock().unwrap();
        *count += 1;
        site.ask(id)
    };
    let answers = thread::scope(|scope| {
        let handles: Vec<_> = (0..n).map(|id| scope.spawn(move || ask(id))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let count = *count.lock().unwrap();
    (count, answers)
}

pub fn main() -> ExitCode {
    lock_held::main(ask_counted)
}
