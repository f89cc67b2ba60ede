//! The ids go from 1 to n.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for id in 1..=n {
            handles.push(scope.spawn(move || site.ask(id)));
        }
        let mut answers = Vec::new();
        for handle in handles {
            answers.push(handle.join().unwrap());
        }
        answers
    })
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
