//! What a thread adds to the source: a `spawn`, and a `join` for it. All the rest stays as it was.
//!
//! You will see how many lines each of the two versions below has, and that only the second gets
//! through a gate that opens when all requests are waiting in it at the same time.
//!
//! Try it: write a third version that has one thread for every two tasks.

use std::thread::{Builder, scope};

use anyhow::Result;
use shared::activity::BlockingActivity;
use shared::lab::{Evidence, Lab};
use shared::report::{Outcome, Task};

use crate::judge;

pub const ABOUT: &str =
    "The same work without threads and with them, and a gate that tells them apart";

fn one_after_another(activity: &BlockingActivity, n: usize) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for id in 0..n {
        tasks.push(activity.get(id));
    }
    Ok(tasks)
}

fn a_thread_for_each(activity: &BlockingActivity, n: usize) -> Result<Vec<Task>> {
    scope(|scope| {
        let mut threads = Vec::new();
        for id in 0..n {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            threads.push(thread.spawn_scoped(scope, move || activity.get(id))?); // New: spawn.
        }
        let mut tasks = Vec::new();
        for (id, thread) in threads.into_iter().enumerate() {
            let task = thread.join(); // New: join.
            tasks.push(task.unwrap_or_else(|panic| Task::panicked(id, panic)));
        }
        Ok(tasks)
    })
}

pub fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks;
    let activity = lab.blocking()?;
    let sum = lab.delay_ms.map(|delay| delay * n as f64);
    let sequential = lab.run("sequential", sum, |_| one_after_another(&activity, n))?;
    let activity = lab.blocking()?;
    let threads = lab.run("threads", lab.delay_ms, |_| a_thread_for_each(&activity, n))?;

    // However many follow it, the first of a sequence waits alone in the gate, and that in vain.
    let many = n.min(100);
    let gate = |patience| lab.target_at(&format!("/gate/{many}{patience}"))?.blocking();
    let count = |tasks: &[Task], outcome| {
        let same = |task: &&Task| task.outcome == outcome;
        tasks.iter().filter(same).count()
    };
    let alone = one_after_another(&gate("/2000")?, 1)?;
    let together = a_thread_for_each(&gate("")?, many)?;
    let passed = [&alone, &together].map(|tasks| count(tasks, Outcome::Done));
    let gave_up = count(&together, Outcome::TimedOut) > 0;

    let lines = [lines_of("one_after_another"), lines_of("a_thread_for_each")];
    let findings = vec![
        judge::gate(many, passed[0], passed[1])
            .unless(gave_up.then_some("the timeout is too short to get there"))
            .on("T1", "Only threads are in the gate together"),
        judge::simple(lines, [&sequential, &threads])
            .on("T5", "A thread for each task takes a few lines more"),
    ];
    Ok(Evidence::new(vec![sequential, threads], findings))
}

/// How many lines of this file the function `name` has.
fn lines_of(name: &str) -> usize {
    let source = include_str!("side_by_side.rs").lines();
    let function = source.skip_while(|line| !line.starts_with(&format!("fn {name}(")));
    function.take_while(|line| *line != "}").count() + 1
}
