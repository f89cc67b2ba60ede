//! A task that waits for an answer is a socket and some kilobytes of memory, buffers included: no thread,
//! no stack. So one thread can hold ten thousand requests.
//!
//! You will see them all wait at the same time. The server is a process of its own here, so that its
//! memory is not counted to the client.
//!
//! Try it: `-n 1000`, `--delay 5s`; or `--url` of a server of yours, and compare with other clients.

use anyhow::Result;
use shared::judge::too_short;
use shared::lab::{Evidence, Lab};
use shared::report::{Figure, Scale};
use shared::stopwatch::ThreadCount;
use tokio::runtime::Builder;

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
            let tasks = join(spawned).await;
            count = run.count_threads(); // A thread that was added would still be there.
            Ok(tasks)
        })
    })?;
    let kib = run.peak_rss_kib.map(|kib| kib as f64 / lab.tasks as f64);
    let figure = Figure::new("Memory for each request", "KiB", Scale::Linear);
    let finding = judge::scale(&run, count, lab.target()?.is_named())
        .unless(too_short(lab.delay_ms))
        .on("A5", "One thread holds thousands of requests");
    let figures = vec![figure.point("async", kib, None)];
    Ok(Evidence::new(vec![run], vec![finding]).with(figures))
}
