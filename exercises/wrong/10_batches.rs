//! Rounds of k: each waits for its slowest request.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, limit};

async fn ask_limited(site: AsyncSite, n: usize, k: usize) -> Vec<Answer> {
    let ids: Vec<usize> = (0..n).collect();
    let mut answers = Vec::new();
    for batch in ids.chunks(k) {
        let mut handles = Vec::new();
        for &id in batch {
            let site = site.clone();
            handles.push(tokio::spawn(async move { site.ask(id).await }));
        }
        for handle in handles {
            answers.push(handle.await.unwrap());
        }
    }
    answers
}

pub fn main() -> ExitCode {
    limit::main(ask_limited)
}
