//! How a program ends well: it takes no new work, gives what is under way a while to finish, stops the
//! rest, and accounts for all of it.
//!
//! You will see tasks that finish within the grace, one that is stopped after it, and tasks that were
//! never started.
//!
//! Try it: in a program of your own, `tokio::signal::ctrl_c()` in place of the first answer.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use anyhow::Result;
use reqwest::Url;
use shared::lab::{Evidence, Lab};
use shared::report::Task;
use shared::stopwatch::now_ms;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::judge;

pub const ABOUT: &str = "Shutting down with tasks under way: a grace, and then an end";

const GRACE: Duration = Duration::from_secs(1);

pub fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks;
    let at_once = n.div_ceil(2).min(100);
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let activity = lab.non_blocking()?;
    // Every third would take a minute.
    let long = activity.at(Url::parse(&lab.server()?.url("/delay/60000"))?);
    let mut run = lab.run("async", None, |_| {
        event_loop.block_on(async {
            let started_ms = now_ms();
            let mut queue: VecDeque<usize> = (0..n).collect();
            let mut running = JoinSet::new();
            let mut tasks = Vec::new();
            // Until the first answer, which stands for Ctrl-C.
            while tasks.is_empty() {
                while running.len() < at_once
                    && let Some(id) = queue.pop_front()
                {
                    let activity = if id % 3 == 2 { &long } else { &activity }.clone();
                    running.spawn(async move { activity.get(id).await });
                }
                tasks.extend(running.join_next().await.and_then(Result::ok));
            }
            // New: nothing starts any more,
            let never = "never started";
            tasks.extend(queue.drain(..).map(|id| Task::cancelled(id, now_ms(), never)));
            // what is under way has some time to finish,
            let end = Instant::now() + GRACE;
            while let Ok(Some(ended)) = timeout_at(end, running.join_next()).await {
                tasks.extend(ended.ok());
            }
            // the rest is stopped,
            running.shutdown().await;
            // and none is forgotten.
            let known: HashSet<usize> = tasks.iter().map(|task| task.id).collect();
            let stopped = (0..n).filter(|id| !known.contains(id));
            let why = "stopped after the grace";
            tasks.extend(stopped.map(|id| Task::cancelled(id, started_ms, why)));
            Ok(tasks)
        })
    })?;
    run.lost_on_purpose = run.cancelled;
    let finding = judge::shutdown(&run, at_once)
        .on("A4", "A program can stop its tasks and account for each");
    Ok(Evidence::new(vec![run], vec![finding]))
}
