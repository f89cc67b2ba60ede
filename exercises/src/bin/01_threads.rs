//! 01 threads: ten requests that wait at the same time.
//!
//! `site.ask(id)` sends a request and blocks until the site answers. This site answers
//! once ten requests wait at the same time; one after the other, they wait in vain.
//!
//! Ask in a thread for each request. Return the answers in the order of their ids.

use std::process::ExitCode;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for id in 0..n {
        answers.push(site.ask(id));
    }
    answers
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
