//! 11 cancel: a JoinSet aborts its tasks when it is dropped.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, cancel};
use tokio::task::JoinSet;

async fn first_answer(site: AsyncSite, n: usize) -> Answer {
    let mut tasks = JoinSet::new();
    for id in 0..n {
        let site = site.clone();
        tasks.spawn(async move { site.ask(id).await });
    }
    tasks.join_next().await.unwrap().unwrap()
}

pub fn main() -> ExitCode {
    cancel::main(first_answer)
}
