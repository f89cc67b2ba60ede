//! The main thread counts in place of the others.

use std::process::ExitCode;
use std::thread;

use exercises::lock_held::{self, Counter};
use exercises::{Answer, Site};

fn ask_counted(site: &Site, n: usize) -> (Counter, Vec<Answer>) {
    let mut count = Counter::default();
    count += n;
    let answers = thread::scope(|scope| {
        let handles: Vec<_> = (0..n).map(|id| scope.spawn(move || site.ask(id))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    (count, answers)
}

pub fn main() -> ExitCode {
    lock_held::main(ask_counted)
}
