//! 11 cancel: the first answer of n mirrors counts, the other requests are cancelled.
//!
//! `site.ask(id)` asks mirror `id`. One of them answers at once, the others take a minute,
//! and you do not know which. Ask them all at the same time, return the first answer, and
//! leave no task behind that still waits.

use std::process::ExitCode;

use exercises::{Answer, AsyncSite, cancel};

async fn first_answer(site: AsyncSite, n: usize) -> Answer {
    let mut first = None;
    for id in 0..n {
        let answer = site.ask(id).await;
        first = first.or(Some(answer));
    }
    first.unwrap()
}

pub fn main() -> ExitCode {
    cancel::main(first_answer)
}
