//! Threads add a `spawn` and a `join` to the source; the rest stays as it was.
//!
//! You will see how many lines each version has, and that only the version with threads passes a
//! gate that opens when all requests wait in it at the same time.
//!
//! Try it: write a third version with a thread for every two tasks (`ids.chunks(2)`). Does it pass
//! the gate?

use std::thread::{Builder, scope};

use anyhow::Result;
use shared::http::Client;
use shared::report::{Outcome, Run, Verdict};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson, Task, progress};

pub const LESSON: Lesson = Lesson::new(
    "side-by-side",
    "The same work with and without threads, and a gate that tells them apart",
    &["T1", "T5"],
    run,
    include_str!("side_by_side.rs"),
)
.needs_embedded_server();

fn in_sequence(client: &Client, ids: &[usize]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for &id in ids {
        tasks.push(client.get(id));
    }
    tasks
}

fn thread_per_task(client: &Client, ids: &[usize]) -> Vec<Task> {
    scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            threads.push(thread.spawn_scoped(scope, move || client.get(id))); // New: spawn.
        }
        let mut tasks = Vec::new();
        for (&id, thread) in ids.iter().zip(threads) {
            let end = thread.map(|thread| thread.join()); // New: join.
            tasks.push(Task::from_thread(id, end));
        }
        tasks
    })
}

fn run(lab: &Lab) -> Result<Evidence> {
    let client = lab.client()?;
    let sequential = lab.run("sequential", lab.sum_ms(), |ids| Ok(in_sequence(&client, ids)))?;
    let threads = lab.run("threads", lab.each_ms(), |ids| Ok(thread_per_task(&client, ids)))?;

    let n = lab.tasks.min(100);
    let ids: Vec<usize> = (0..n).collect();
    let gate = |patience| Client::new(&lab.target_at(&format!("/gate/{n}{patience}"))?);
    let together = thread_per_task(&gate("")?, &ids);
    // The first request of a sequence waits alone in the gate, however many would follow.
    let alone = in_sequence(&gate("/2000")?, &ids[..1]);

    let count = |tasks: &[Task], outcome| tasks.iter().filter(|t| t.outcome == outcome).count();
    let passed = [&alone, &together].map(|tasks| count(tasks, Outcome::Done));
    let timed_out = count(&together, Outcome::TimedOut) > 0;
    let limited = progress::is_reduced() || together.iter().any(|task| task.refused);
    let lines = ["in_sequence", "thread_per_task"].map(lines_of);
    let findings = vec![
        check_gate(n, passed[0], passed[1])
            .unless(timed_out.then_some("the timeout is too short to reach the gate"))
            .unless(limited.then_some("the OS allowed fewer tasks at once"))
            .on("T1", "Only threads wait in the gate together"),
        check_lines(lines, [&sequential, &threads])
            .on("T5", "A thread for each task takes a few lines more"),
    ];
    Ok(Evidence::new(vec![sequential, threads], findings))
}

/// Counts the lines of the function `name` in this file.
fn lines_of(name: &str) -> usize {
    let source = include_str!("side_by_side.rs").lines();
    let function = source.skip_while(|line| !line.starts_with(&format!("fn {name}(")));
    function.take_while(|line| *line != "}").count() + 1
}

/// How many requests passed a gate for `n`: the first of a sequence, and one in each of n threads.
fn check_gate(n: usize, alone: usize, together: usize) -> Check {
    Check::exactly(
        format!("in sequence 0, in threads {n} of {n}"),
        format!("in sequence {alone}, in threads {together} of {n}"),
        "the gate opens when all requests wait in it at the same time",
    )
    .unless((n < 2).then_some("a gate for one request opens at once"))
}

/// A version with more additional lines than this is not simple.
const A_FEW_LINES: usize = 10;

/// How many lines each version has, and what its tasks came to.
fn check_lines([sequential, threads]: [usize; 2], runs: [&Run; 2]) -> Check {
    let more = threads.saturating_sub(sequential);
    let reason = match more <= A_FEW_LINES {
        true => (Verdict::Holds, "counted in the lesson's own source"),
        false => (Verdict::Fails, "that is more than a few"),
    };
    Check::new(
        format!("at most {A_FEW_LINES} more"),
        format!("{more} more: {threads} lines instead of {sequential}"),
        reason,
    )
    .unless(lost(&runs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    #[test]
    fn gate_holds_for_all_threads_only() {
        for (n, alone, together, verdict) in [
            (10, 0, 10, Holds),
            (10, 1, 10, Fails),
            (10, 0, 9, Fails),
            (2, 0, 2, Holds),
            (1, 0, 1, NotShown),
        ] {
            assert_eq!(check_gate(n, alone, together).verdict, verdict, "{n} {alone} {together}");
        }
    }

    #[test]
    fn ten_more_lines_are_few() {
        let done = seen(2, 2);
        for (lines, verdict, measured) in [
            ([7, 17], Holds, "10 more: 17 lines instead of 7"),
            ([7, 18], Fails, "11 more: 18 lines instead of 7"),
            ([7, 6], Holds, "0 more: 6 lines instead of 7"),
        ] {
            let check = check_lines(lines, [&done, &done]);
            assert_eq!((check.verdict, &*check.measured), (verdict, measured));
        }
        let lost = losing(seen(2, 2), 1, "refused");
        assert_eq!(check_lines([7, 15], [&done, &lost]).verdict, NotShown);
    }

    #[test]
    fn functions_are_found_by_name() {
        assert_eq!(["in_sequence", "thread_per_task"].map(lines_of), [7, 15]);
    }
}
