//! Each thread is joined before the next is spawned.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    thread::scope(|scope| {
        for id in 0..n {
            let handle = scope.spawn(move || site.ask(id));
            answers.push(handle.join().unwrap());
        }
    });
    answers
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
