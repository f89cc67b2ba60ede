//! Waits of different lengths: one after another they take the sum of all, x + y + z, at once they
//! take the longest of them, max(x, y, z).
//!
//! You will see three requests, the second twice as long as the first and the third three times.
//!
//! Try it: `-n 5`, and work out both numbers before you look.

use anyhow::Result;
use reqwest::Url;
use shared::judge::too_short;
use shared::lab::{Evidence, Lab};
use tokio::runtime::Builder;

use crate::judge;
use crate::notebook::join;

pub const ABOUT: &str = "Waits of different lengths, one after another and at once";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let activity = lab.non_blocking()?;
    let mut activities = Vec::new();
    let mut delays = Vec::new();
    for id in 0..lab.tasks {
        let delay = lab.delay_ms.unwrap_or(0.0) * (id + 1) as f64;
        let url = lab.server()?.url(&format!("/delay/{delay}"));
        activities.push(activity.at(Url::parse(&url)?));
        delays.push(delay);
    }

    let sum: f64 = delays.iter().sum();
    let sequential = lab.run("sequential", sum, |_| {
        event_loop.block_on(async {
            let mut tasks = Vec::new();
            for (id, activity) in activities.iter().enumerate() {
                tasks.push(activity.get(id).await); // Await each where it is made:
            }
            Ok(tasks)
        })
    })?;

    let max = delays.iter().copied().fold(0.0, f64::max);
    let at_once = lab.run("async", max, |_| {
        event_loop.block_on(async {
            let mut spawned = Vec::new();
            for (id, activity) in activities.iter().cloned().enumerate() {
                spawned.push(tokio::spawn(async move { activity.get(id).await }));
            }
            Ok(join(spawned).await) // or await them once all have been made.
        })
    })?;

    let finding = judge::sum_vs_max(&sequential, &at_once, sum, max)
        .unless(too_short(lab.delay_ms))
        .on("A3", "Together, waits take as long as the longest");
    Ok(Evidence::new(vec![sequential, at_once], vec![finding]))
}
