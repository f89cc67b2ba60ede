//! 01 threads: first start them all, then join them all.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    thread::scope(|scope| {
        let mut handles = Vec::new();
        for id in 0..n {
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
