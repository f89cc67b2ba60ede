//! The notebook recorded 0.93 s for threads and 2.52 s for asyncio, which looks like a ranking. But it
//! asked a public site at different moments, once each, and counted two errors as done.
//!
//! You will see both models ask the same server, with the same settings, in turns, five times each.
//!
//! Try it: `-n 100`, then `-n 1000`. Where does the ranking come from, if there is one?

use std::thread::Builder;

use anyhow::{Context, Result};
use shared::judge::too_short;
use shared::lab::{Evidence, Lab};
use shared::report::{Figure, Run, Scale};
use tokio::runtime;

use crate::judge;
use crate::notebook::join;

pub const ABOUT: &str = "Threads and async side by side, in turns";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (mut threads, mut tasks) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        threads.push(with_threads(lab)?);
        tasks.push(with_tasks(lab)?);
    }
    let medians = [median(&threads), median(&tasks)];
    let all: Vec<&Run> = threads.iter().chain(&tasks).collect();
    let finding = judge::ranking(medians, &all)
        .unless(too_short(lab.delay_ms))
        .on("A12", "Async is no slower than threads, other things being equal");
    let figure = Figure::new("Median of five", "ms", Scale::Linear)
        .point("threads", medians[0], lab.delay_ms)
        .point("async", medians[1], lab.delay_ms);
    let runs = vec![threads.swap_remove(0), tasks.swap_remove(0)];
    Ok(Evidence::new(runs, vec![finding]).with(vec![figure]))
}

fn with_threads(lab: &Lab) -> Result<Run> {
    let activity = lab.blocking()?;
    lab.run("threads", lab.delay_ms, |_| {
        let mut threads = Vec::new();
        for id in 0..lab.tasks {
            let activity = activity.clone();
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            let thread = thread.spawn(move || activity.get(id));
            threads.push(thread.context("cannot start a thread")?);
        }
        // One that panicked is missing.
        Ok(threads.into_iter().flat_map(|thread| thread.join()).collect())
    })
}

fn with_tasks(lab: &Lab) -> Result<Run> {
    let activity = lab.non_blocking()?;
    let event_loop = runtime::Builder::new_current_thread().enable_all().build()?;
    lab.run("async", lab.delay_ms, |_| {
        event_loop.block_on(async {
            let mut spawned = Vec::new();
            for id in 0..lab.tasks {
                let activity = activity.clone();
                spawned.push(tokio::spawn(async move { activity.get(id).await }));
            }
            Ok(join(spawned).await)
        })
    })
}

fn median(runs: &[Run]) -> f64 {
    let mut times: Vec<f64> = runs.iter().map(|run| run.wall_ms).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
