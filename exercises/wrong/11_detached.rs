//! The first answer is returned, but the other tasks go on.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, cancel};
use tokio::sync::mpsc;

async fn first_answer(site: AsyncSite, n: usize) -> Answer {
    let (sender, mut answers) = mpsc::channel(n);
    for id in 0..n {
        let (site, sender) = (site.clone(), sender.clone());
        tokio::spawn(async move { sender.send(site.ask(id).await).await });
    }
    answers.recv().await.unwrap()
}

pub fn main() -> ExitCode {
    cancel::main(first_answer)
}
