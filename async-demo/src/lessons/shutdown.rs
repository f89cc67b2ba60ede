//! A clean shutdown accepts no new work, gives the tasks in flight some time to finish,
//! stops the rest, and accounts for each task. In a program of your own, wait for
//! `tokio::signal::ctrl_c()` instead of the first answer. Where tasks start tasks of their own,
//! a `CancellationToken` and a `TaskTracker` of the crate tokio-util reach all of them.
//! You will see tasks that finish in the grace period, tasks that are stopped after it, and
//! tasks that never started.
//! Try it: write `/delay/500` in place of `/delay/60000`: now the grace period is long enough
//! for every task in flight, none is stopped, and A4 fails.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use anyhow::Result;
use shared::http::AsyncClient;
use shared::os::clock::now_ms;
use shared::report::{Outcome, Run};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub const LESSON: Lesson = Lesson::new(
    "shutdown",
    "Shutting down with tasks in flight: a grace period, then an end",
    &["A4"],
    run,
    include_str!("shutdown.rs"),
)
.uses(&["tasks", "delay", "timeout", "trace"]);

const GRACE: Duration = Duration::from_secs(1);

fn run(lab: &Lab) -> Result<Evidence> {
    let at_once = lab.tasks.div_ceil(2).min(100);
    let client = lab.async_client()?;
    let slow = client.at(lab.target_at("/delay/60000")?.url); // Every third task waits a minute.
    let mut run =
        lab.run("async", None, |ids| shut_down([&client, &client, &slow], ids, at_once))?;
    run.expected_losses = run.cancelled;
    let finding =
        check(&run, at_once).on("A4", "A program can stop its tasks and account for each");
    Ok(Evidence::new(vec![run], vec![finding]))
}

/// Asks the clients in turns, `at_once` tasks at a time, and shuts down at the first answer.
fn shut_down(clients: [&AsyncClient; 3], ids: &[usize], at_once: usize) -> Result<Vec<Task>> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let started_ms = now_ms();
        let mut queue: VecDeque<usize> = ids.iter().copied().collect();
        let (mut running, mut tasks) = (JoinSet::new(), Vec::new());
        // Until the first answer, which stands for Ctrl-C.
        while tasks.is_empty() {
            while running.len() < at_once
                && let Some(id) = queue.pop_front()
            {
                let client = clients[id % 3].clone();
                running.spawn(async move { client.get(id).await });
            }
            tasks.extend(running.join_next().await.and_then(Result::ok));
        }
        // From now on, nothing starts.
        let never = "never started";
        tasks.extend(queue.drain(..).map(|id| Task::cancelled(id, now_ms(), never)));
        // Tasks in flight have some time to finish.
        let end = Instant::now() + GRACE;
        while let Ok(Some(ended)) = timeout_at(end, running.join_next()).await {
            tasks.extend(ended.ok());
        }
        // The rest is stopped, and accounted for.
        running.shutdown().await;
        let known: HashSet<usize> = tasks.iter().map(|task| task.id).collect();
        let stopped = ids.iter().filter(|id| !known.contains(id));
        let why = "stopped after the grace period";
        tasks.extend(stopped.map(|&id| Task::cancelled(id, started_ms, why)));
        Ok(tasks)
    })
}

/// A run whose first `at_once` tasks, one in three very slow, were in flight at the shutdown.
fn check(run: &Run, at_once: usize) -> Check {
    let n = run.tasks.len();
    let slow = (0..at_once).filter(|id| id % 3 == 2).count();
    let cancelled = |why: &str| {
        let tasks = run.tasks.iter().filter(|task| task.outcome == Outcome::Cancelled);
        tasks.filter(|task| task.error.as_deref() == Some(why)).count()
    };
    let (stopped, never) =
        (cancelled("stopped after the grace period"), cancelled("never started"));
    let line =
        |done, stopped, never| format!("{done} done, {stopped} stopped, {never} never started");
    let failed = run.failed + run.timed_out;
    Check::exactly(
        line(at_once - slow, slow, n - at_once),
        line(run.done, stopped, never),
        format!("each of the {n} tasks is accounted for once"),
    )
    .unless((failed > 0).then_some("some tasks failed or timed out by themselves"))
    .unless((slow == 0).then_some("all of these few tasks are fast: try a larger -n"))
    .unless((stopped > slow).then_some("the grace period was too short for so many tasks"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use shared::report::Verdict::*;

    /// A run with one task for each letter: done, stopped, never started, failed, timed out.
    fn run(letters: &str) -> Run {
        let task = |(id, letter)| {
            let (outcome, why) = match letter {
                'd' => (Outcome::Done, ""),
                's' => (Outcome::Cancelled, "stopped after the grace period"),
                'n' => (Outcome::Cancelled, "never started"),
                'f' => (Outcome::Failed, "refused"),
                _ => (Outcome::TimedOut, "no answer"),
            };
            Task { outcome, ..Task::failed(id, why) }
        };
        Run::new("test", 1.0, letters.chars().enumerate().map(task).collect())
    }

    #[test]
    fn shutdown_accounts_for_each_task() {
        for (letters, at_once, verdict, because) in [
            ("ddsddsnnnn", 6, Holds, "each of the 10"),
            ("ddsn", 3, Holds, "each of the 4"),
            ("ddnn", 2, NotShown, "few tasks"),
            ("ddddddnnnn", 6, Fails, ""),
            ("ddddsdnnnn", 6, Fails, ""),
            ("ddsddsdnnn", 6, Fails, ""),
            ("ddsdnsnnnn", 6, Fails, ""),
            ("ddsdfsnnnn", 6, NotShown, "by themselves"),
            ("ddsdtsnnnn", 6, NotShown, "by themselves"),
            ("ddsftsnnnn", 6, NotShown, "by themselves"),
            ("ddsdssnnnn", 6, NotShown, "too short"),
        ] {
            let check = check(&run(letters), at_once);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
        assert_eq!(check(&run("ddsddsnnnn"), 6).measured, "4 done, 2 stopped, 4 never started");
    }

    #[test]
    fn slow_task_must_be_stopped() {
        let server = arm::server();
        let client = |path| AsyncClient::new(&arm::target(&server, path)).unwrap();
        let (fast, slow) = (client("/delay/30"), client("/delay/60000"));
        let shut_down = |clients| {
            let run = arm::measure(&server, 4, |ids| shut_down(clients, ids, 3).unwrap());
            check(&run, 3)
        };
        let as_it_is = shut_down([&fast, &fast, &slow]);
        assert_eq!(as_it_is.verdict, Holds, "{as_it_is:#?}");
        let all_fast = shut_down([&fast, &fast, &fast]);
        assert_eq!(all_fast.verdict, Fails, "{all_fast:#?}");
    }
}
