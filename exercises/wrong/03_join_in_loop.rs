//! The lock is released, but each thread is joined before the next starts.

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
        drop(count);
        site.ask(id)
    };
    let answers = thread::scope(|scope| {
        let mut answers = Vec::new();
        for id in 0..n {
            answers.push(scope.spawn(move || ask(id)).join().unwrap());
        }
        answers
    });
    let count = *count.lock().unwrap();
    (count, answers)
}

pub fn main() -> ExitCode {
    lock_held::main(ask_counted)
}
