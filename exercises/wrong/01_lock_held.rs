//! The lock of the answers is held while a thread asks.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for id in 0..n {
            let answers = &answers;
            scope.spawn(move || answers.lock().unwrap().push(site.ask(id)));
        }
    });
    answers.into_inner().unwrap()
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
