//! 10 limit: n async tasks, at most k requests at once.
//!
//! All tasks ask at once here, and a site may not like that. Let each task ask as soon as
//! fewer than k others do. One request takes long: the others must not wait for it.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, limit};

async fn ask_limited(site: AsyncSite, n: usize, k: usize) -> Vec<Answer> {
    let _ = k; // Not used yet.
    let mut handles = Vec::new();
    for id in 0..n {
        let site = site.clone();
        handles.push(tokio::spawn(async move { site.ask(id).await }));
    }
    let mut answers = Vec::new();
    for handle in handles {
        answers.push(handle.await.unwrap());
    }
    answers
}

pub fn main() -> ExitCode {
    limit::main(ask_limited)
}
