//! Ten futures in a Vec: none has begun.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, gather};

async fn ask_all(site: AsyncSite, n: usize) -> Vec<Answer> {
    let mut futures = Vec::new();
    for id in 0..n {
        futures.push(site.ask(id));
    }
    let mut answers = Vec::new();
    for future in futures {
        answers.push(future.await);
    }
    answers
}

pub fn main() -> ExitCode {
    gather::main(ask_all)
}
