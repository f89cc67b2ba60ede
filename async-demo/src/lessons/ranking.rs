//! The notebook recorded 0.93 s for threads and 2.52 s for asyncio, which looks like a ranking.
//! But it asked a public site at different moments, once each, and counted two errors as done.
//! You will see both models ask the same server with the same client, in turns, five runs
//! each. Threads wait in the kernel, each for its own socket; async waits in the kernel once,
//! for all.
//! Try it: `-n 500`: now threads take longer, since each has to be made first, with an event
//! loop and a client of its own. Or `--delay 1s -n 500`: the same difference hardly matters any
//! more.

use std::thread;

use anyhow::Result;
use shared::http::{AsyncClient, Client};
use shared::report::{Figure, Run, Scale, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

pub const LESSON: Lesson = Lesson::new(
    "ranking",
    "Threads and async side by side, in turns",
    &["A12"],
    run,
    include_str!("ranking.rs"),
)
.uses(&["tasks", "delay", "url", "timeout", "trace"])
.at_most(1_000);

fn run(lab: &Lab) -> Result<Evidence> {
    let (mut threads, mut tasks) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        // New clients, so that each run opens its own connections.
        let (blocking, client) = (lab.client()?, lab.async_client()?);
        threads.push(lab.run("threads", lab.delay_ms, |ids| Ok(in_threads(&blocking, ids)))?);
        tasks.push(lab.run("async", lab.delay_ms, |ids| in_async(&client, ids))?);
    }
    let finding = check(&threads, &tasks)
        .unless(too_short(lab.delay_ms))
        .on("A12", "Under equal conditions, async and threads take equally long");
    let figure = Figure::new("Median of five", "ms", Scale::Linear)
        .point("threads", median(&threads), lab.delay_ms)
        .point("async", median(&tasks), lab.delay_ms);
    let runs = vec![threads.swap_remove(0), tasks.swap_remove(0)];
    Ok(Evidence::new(runs, vec![finding]).with(vec![figure]))
}

fn in_threads(client: &Client, ids: &[usize]) -> Vec<Task> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            let thread = thread::Builder::new().name(format!("Thread-{}", id + 1));
            threads.push((id, thread.spawn_scoped(scope, move || client.get(id))));
        }
        threads.into_iter().map(|(id, thread)| Task::join(id, thread)).collect()
    })
}

fn in_async(client: &AsyncClient, ids: &[usize]) -> Result<Vec<Task>> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut set = JoinSet::new();
        for &id in ids {
            let client = client.clone();
            set.spawn(async move { client.get(id).await });
        }
        let mut tasks = Vec::new();
        while let Some(end) = set.join_next().await {
            tasks.push(end?);
        }
        Ok(tasks)
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
        2.0.. => (Verdict::Fails, "async took far longer, as in the notebook"),
        ..=0.5 => (Verdict::Fails, "threads took far longer, unlike in the notebook"),
        0.8..=1.25 => (
            Verdict::Holds,
            "the notebook asked a public site, once for each: its difference may be the network's",
        ),
        _ => (Verdict::NotShown, "the times differ, but not by as much as in the notebook"),
    };
    let all: Vec<&Run> = threads.iter().chain(tasks).collect();
    let reduced = all.iter().any(|run| run.reduced_concurrency);
    Check::new(
        "async takes 0.8 to 1.25 times as long (in the notebook 2.7)",
        format!("threads {threads_ms:.0} ms, async {tasks_ms:.0} ms: {ratio:.2} times"),
        reason,
    )
    .unless(reduced.then_some("the OS allowed fewer tasks at once"))
    .unless(lost(&all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    #[test]
    fn ranking_fails_both_ways() {
        let run = |wall_ms| Run { wall_ms, ..seen(3, 3) };
        // The median of three counts, not their mean.
        let threads = [100.0, 1.0, 900.0].map(run);
        for (tasks, verdict, because) in [
            (run(125.0), Holds, "the notebook"),
            (run(80.0), Holds, "the notebook"),
            (run(126.0), NotShown, "times differ"),
            (run(79.0), NotShown, "times differ"),
            (run(199.0), NotShown, "times differ"),
            (run(200.0), Fails, "async took far longer"),
            (run(51.0), NotShown, "times differ"),
            (run(50.0), Fails, "threads took far longer"),
            (losing(run(200.0), 1, "refused"), NotShown, "1 of 3 tasks"),
            (Run { reduced_concurrency: true, ..run(100.0) }, NotShown, "the OS allowed"),
        ] {
            let check = check(&threads, &[run(1.0), tasks, run(900.0)]);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    #[test]
    fn model_that_waits_in_sequence_fails() {
        let server = arm::server();
        let target = arm::target(&server, "/delay/150");
        let client = AsyncClient::new(&target).unwrap();
        let blocking = Client::new(&target).unwrap();
        let threads = |ids: &[usize]| in_threads(&blocking, ids);
        let tasks = |ids: &[usize]| in_async(&client, ids).unwrap();
        // Other tests may delay one of three, but not the median.
        type Model<'a> = &'a dyn Fn(&[usize]) -> Vec<Task>;
        let at_once = |model: Model| [(); 3].map(|()| arm::measure(&server, 5, model));
        let in_sequence = |model: Model| {
            [arm::measure(&server, 5, |ids| ids.chunks(1).flat_map(model).collect())]
        };
        let both = [at_once(&threads), at_once(&tasks)];
        assert_ne!(check(&both[0], &both[1]).verdict, Fails);
        let slow_tasks = check(&both[0], &in_sequence(&tasks));
        assert!(slow_tasks.because.contains("async took far longer"), "{slow_tasks:#?}");
        let slow_threads = check(&in_sequence(&threads), &both[1]);
        assert!(slow_threads.because.contains("threads took far longer"), "{slow_threads:#?}");
    }
}
