//! One mirror after the other, each with a timeout.

use std::process::ExitCode;
use std::time::Duration;

use exercises::{Answer, AsyncSite, cancel};
use tokio::time::timeout;

async fn first_answer(site: AsyncSite, n: usize) -> Answer {
    for id in 0..n {
        if let Ok(answer) = timeout(Duration::from_millis(20), site.ask(id)).await {
            return answer;
        }
    }
    panic!("no mirror answers")
}

pub fn main() -> ExitCode {
    cancel::main(first_answer)
}
