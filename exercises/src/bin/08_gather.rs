//! 08 gather: ten async tasks that wait at the same time, on one thread.
//!
//! `site.ask(id)` returns a future; awaiting it sends the request and waits for the answer.
//! The site answers once ten requests wait at the same time.
//!
//! Start all requests, then await them: Python's `asyncio.gather`. Use no threads. Return
//! the answers in the order of their ids.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, gather};

async fn ask_all(site: AsyncSite, n: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for id in 0..n {
        answers.push(site.ask(id).await);
    }
    answers
}

pub fn main() -> ExitCode {
    gather::main(ask_all)
}
