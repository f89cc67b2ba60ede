//! Rounds of k threads: each round waits for its slowest request.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, executor};

fn pool(site: &Site, n: usize, k: usize) -> Vec<Answer> {
    let ids: Vec<usize> = (0..n).collect();
    let mut answers = Vec::new();
    for round in ids.chunks(k) {
        thread::scope(|scope| {
            let ask = |&id: &usize| scope.spawn(move || site.ask(id));
            let handles: Vec<_> = round.iter().map(ask).collect();
            answers.extend(handles.into_iter().map(|handle| handle.join().unwrap()));
        });
    }
    answers
}

pub fn main() -> ExitCode {
    executor::main(pool)
}
