//! Rounds of five threads: ten never wait at the same time.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    let ids: Vec<usize> = (0..n).collect();
    let mut answers = Vec::new();
    for round in ids.chunks(5) {
        thread::scope(|scope| {
            let ask = |&id: &usize| scope.spawn(move || site.ask(id));
            let handles: Vec<_> = round.iter().map(ask).collect();
            answers.extend(handles.into_iter().map(|handle| handle.join().unwrap()));
        });
    }
    answers
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
