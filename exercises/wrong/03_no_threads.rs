//! The lock is released, but only one thread asks.

use std::process::ExitCode;
use std::sync::Mutex;

use exercises::lock_held::{self, Counter};
use exercises::{Answer, Site};

fn ask_counted(site: &Site, n: usize) -> (Counter, Vec<Answer>) {
    let count = Mutex::new(Counter::default());
    let ask = |id| {
        *count.lock().unwrap() += 1;
        site.ask(id)
    };
    let answers = (0..n).map(ask).collect();
    let count = *count.lock().unwrap();
    (count, answers)
}

pub fn main() -> ExitCode {
    lock_held::main(ask_counted)
}
