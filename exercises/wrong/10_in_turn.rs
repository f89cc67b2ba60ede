//! One request at a time.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, limit};

async fn ask_limited(site: AsyncSite, n: usize, k: usize) -> Vec<Answer> {
    let _ = k;
    let mut answers = Vec::new();
    for id in 0..n {
        answers.push(site.ask(id).await);
    }
    answers
}

pub fn main() -> ExitCode {
    limit::main(ask_limited)
}
