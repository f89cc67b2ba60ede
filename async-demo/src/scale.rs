//! A task that waits is a few kilobytes of memory, and nothing else: no thread, no stack. So one thread
//! can hold ten thousand requests.
//!
//! You will see them all wait at the same time. The server is a process of its own here, so that its
//! memory is not counted to the client.
//!
//! Try it: `-n 1000`, `--delay 5s`; or `--url` of a server of yours, and compare with other clients.

use anyhow::Result;
use shared::lab::{Evidence, Lab};
use shared::report::{Figure, Scale};
use shared::stopwatch::ThreadCount;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::judge;
use crate::notebook::join;

pub const ABOUT: &str = "Ten thousand requests that wait at the same time, on one thread";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let activity = lab.target()?.one_shot()?;
    let mut count = ThreadCount::default();
    let run = lab.run("async", lab.delay_ms, |run| {
        event_loop.block_on(async {
            let mut spawned = Vec::with_capacity(lab.tasks);
            for id in 0..lab.tasks {
                let activity = activity.clone();
                spawned.push(tokio::spawn(async move { activity.get(id).await }));
            }
            yield_now().await;
            count = run.count_threads();
            Ok(join(spawned).await)
        })
    })?;
    let kib = run.peak_rss_kib.map(|kib| kib as f64 / lab.tasks as f64);
    let figure = Figure::new("Memory for each request", "KiB", Scale::Linear);
    let finding = judge::scale(&run, count).on("A5", "One thread holds thousands of requests");
    let figures = vec![figure.point("async", kib, None)];
    Ok(Evidence::new(vec![run], vec![finding]).with(figures))
}
