//! There is one permit too many.

use std::process::ExitCode;
use std::sync::Arc;

use exercises::{Answer, AsyncSite, limit};
use tokio::sync::Semaphore;

async fn ask_limited(site: AsyncSite, n: usize, k: usize) -> Vec<Answer> {
    let permits = Arc::new(Semaphore::new(k + 1));
    let mut handles = Vec::new();
    for id in 0..n {
        let (site, permits) = (site.clone(), permits.clone());
        handles.push(tokio::spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            site.ask(id).await
        }));
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
