//! The notebook recorded 0.93 s for threads and 2.52 s for asyncio, which looks like a ranking. But
//! it asked a public site at different moments, once each, and counted two errors as done.
//!
//! You will see both models ask the same server, with the same settings, in turns, five times each.
//!
//! Try it: `-n 100`, then `-n 1000`. What explains the ranking, if there is one?

use std::thread;

use anyhow::Result;
use shared::report::{Figure, Run, Scale, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime;

use crate::notebook::gather;

pub const LESSON: Lesson = Lesson::new(
    "ranking",
    "Threads and async side by side, in turns",
    &["A12"],
    run,
    include_str!("ranking.rs"),
)
.at_most(1_000);

fn run(lab: &Lab) -> Result<Evidence> {
    let (mut threads, mut tasks) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        threads.push(with_threads(lab)?);
        tasks.push(with_tasks(lab)?);
    }
    let finding = check(&threads, &tasks)
        .unless(too_short(lab.delay_ms))
        .on("A12", "Async is no slower than threads under equal conditions");
    let figure = Figure::new("Median of five", "ms", Scale::Linear)
        .point("threads", median(&threads), lab.delay_ms)
        .point("async", median(&tasks), lab.delay_ms);
    let runs = vec![threads.swap_remove(0), tasks.swap_remove(0)];
    Ok(Evidence::new(runs, vec![finding]).with(vec![figure]))
}

fn with_threads(lab: &Lab) -> Result<Run> {
    let client = lab.client()?;
    lab.run("threads", lab.delay_ms, |ids| {
        let mut threads = Vec::new();
        for &id in ids {
            let client = client.clone();
            let thread = thread::Builder::new().name(format!("Thread-{}", id + 1));
            threads.push(thread.spawn(move || client.get(id)));
        }
        let ends = threads.into_iter().map(|thread| thread.map(|thread| thread.join()));
        Ok(ids.iter().zip(ends).map(|(&id, end)| Task::from_thread(id, end)).collect())
    })
}

fn with_tasks(lab: &Lab) -> Result<Run> {
    let client = lab.async_client()?;
    let rt = runtime::Builder::new_current_thread().enable_all().build()?;
    lab.run("async", lab.delay_ms, |ids| {
        rt.block_on(async {
            let mut spawned = Vec::new();
            for &id in ids {
                let client = client.clone();
                spawned.push((id, tokio::spawn(async move { client.get(id).await })));
            }
            gather(spawned).await
        })
    })
}

fn median(runs: &[Run]) -> f64 {
    let mut times: Vec<f64> = runs.iter().map(|run| run.wall_ms).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Runs of the same tasks by threads and by async tasks.
fn check(threads: &[Run], tasks: &[Run]) -> Check {
    let (threads_ms, tasks_ms) = (median(threads), median(tasks));
    let ratio = tasks_ms / threads_ms;
    let reason = match ratio {
        ..=1.25 => (Verdict::Holds, "the notebook measured the network, once, without a baseline"),
        ..2.0 => (Verdict::NotShown, "something else delayed one of them"),
        _ => (Verdict::Fails, "async took far longer, as in the notebook"),
    };
    let all: Vec<&Run> = threads.iter().chain(tasks).collect();
    let reduced = all.iter().any(|run| run.reduced_concurrency);
    Check::new(
        "async takes at most 1.25 times as long (in the notebook 2.7)",
        format!("threads {threads_ms:.0} ms, async {tasks_ms:.0} ms: {ratio:.2} times"),
        reason,
    )
    .unless(reduced.then_some("the OS allowed fewer tasks at once"))
    .unless(lost(&all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    #[test]
    fn async_twice_as_slow_fails() {
        let run = |wall_ms| Run { wall_ms, ..seen(3, 3) };
        // The median of three counts, not their mean.
        let threads = [100.0, 1.0, 900.0].map(run);
        for (tasks, verdict, because) in [
            (run(125.0), Holds, "the notebook"),
            (run(126.0), NotShown, "something else"),
            (run(199.0), NotShown, "something else"),
            (run(200.0), Fails, "far longer"),
            (losing(run(200.0), 1, "refused"), NotShown, "1 of 3 tasks"),
            (Run { reduced_concurrency: true, ..run(100.0) }, NotShown, "the OS allowed"),
        ] {
            let check = check(&threads, &[run(1.0), tasks, run(900.0)]);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }
}
