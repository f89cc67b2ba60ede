//! Each thread stores its answer when it has one.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for id in 0..n {
            let answers = &answers;
            scope.spawn(move || {
                let answer = site.ask(id);
                answers.lock().unwrap().push(answer);
            });
        }
    });
    answers.into_inner().unwrap()
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
