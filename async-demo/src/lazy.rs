//! Calling an async function runs nothing of it. It makes a value, the future, in which the arguments
//! are kept; it is `await` (or the event loop) that sets it going.
//!
//! You will see how many requests the server has after ten calls, and after the same ten were awaited.
//!
//! Try it: `tokio::spawn` each call. Who awaits them then?

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use shared::lab::{Evidence, Lab};
use shared::report::Outcome;
use tokio::runtime::Builder;
use tokio::time::sleep;

use crate::judge;

pub const ABOUT: &str = "An async function that is called, but not awaited";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let activity = lab.non_blocking()?;
    let seen = lab.server()?.observe();
    let (called, awaited, done) = event_loop.block_on(async {
        let mut futures = Vec::new();
        for id in 0..lab.tasks {
            futures.push(activity.get(id)); // The call.
        }
        sleep(Duration::from_millis(100)).await; // Time enough, if anything were under way.
        let called = seen.hits.load(Relaxed);
        let mut done = true;
        for future in futures {
            done &= future.await.outcome == Outcome::Done; // Here it runs.
        }
        (called, seen.hits.load(Relaxed), done)
    });
    let finding = judge::lazy(lab.tasks, called, awaited)
        .unless((!done).then_some("some requests were not answered"))
        .on("A8", "Calling an async function runs nothing of it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}
