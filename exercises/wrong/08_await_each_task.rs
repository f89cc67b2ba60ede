//! Each task is awaited before the next is spawned.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, gather};

async fn ask_all(site: AsyncSite, n: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for id in 0..n {
        let site = site.clone();
        let task = tokio::spawn(async move { site.ask(id).await });
        answers.push(task.await.unwrap());
    }
    answers
}

pub fn main() -> ExitCode {
    gather::main(ask_all)
}
