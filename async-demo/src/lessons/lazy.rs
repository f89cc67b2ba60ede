//! Calling an async function runs nothing of it. The call returns a value, the future, which holds
//! the arguments. An `await` or the event loop runs it.
//!
//! You will see how many requests reached the server after ten calls, and after ten awaits.
//!
//! Try it: push `std::future::ready(client.get(id).await)`, which awaits each call at once.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use shared::report::Outcome;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::time::sleep;

pub const LESSON: Lesson = Lesson::new(
    "lazy",
    "An async function that is called, but not awaited",
    &["A8"],
    run,
    include_str!("lazy.rs"),
)
.needs_embedded_server();

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let client = lab.async_client()?;
    let counters = lab.server()?.reset_counters();
    let (called, awaited, done) = rt.block_on(async {
        let mut futures = Vec::new();
        for id in 0..lab.tasks {
            futures.push(client.get(id)); // The call.
        }
        sleep(Duration::from_millis(100)).await; // A request under way would arrive by now.
        let called = counters.hits.load(Relaxed);
        let mut done = true;
        for future in futures {
            done &= future.await.outcome == Outcome::Done; // Here it runs.
        }
        (called, counters.hits.load(Relaxed), done)
    });
    let finding = check(lab.tasks, called, awaited)
        .unless((!done).then_some("some requests got no answer"))
        .on("A8", "Calling an async function runs nothing of it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The server's count of requests after `n` calls, and after the awaits.
fn check(n: usize, called: usize, awaited: usize) -> Check {
    Check::exactly(
        format!("0 requests after the calls, {n} after the awaits"),
        format!("{called} requests after the calls, {awaited} after the awaits"),
        "counted by the server",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::Verdict::*;

    #[test]
    fn requests_before_the_await_fail() {
        for (called, awaited, verdict) in [(0, 10, Holds), (10, 10, Fails), (0, 0, Fails)] {
            assert_eq!(check(10, called, awaited).verdict, verdict, "{called}, {awaited}");
        }
    }
}
