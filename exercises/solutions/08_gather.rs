//! 08 gather: first spawn them all, then await them all.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, gather};

async fn ask_all(site: AsyncSite, n: usize) -> Vec<Answer> {
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
    gather::main(ask_all)
}
