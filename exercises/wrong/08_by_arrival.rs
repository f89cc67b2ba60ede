//! A JoinSet returns what is ready first.

use std::process::ExitCode;

use tokio::task::JoinSet;

use exercises::{Answer, AsyncSite, gather};

async fn ask_all(site: AsyncSite, n: usize) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for id in 0..n {
        let site = site.clone();
        tasks.spawn(async move { site.ask(id).await });
    }
    tasks.join_all().await
}

pub fn main() -> ExitCode {
    gather::main(ask_all)
}
