//! A scope, a `spawn` and a `join` turn a sequence into threads. The rest of the source stays as it
//! was.
//!
//! You will see how many requests wait at once in each version, and that only the version with threads
//! passes a gate, which opens when all requests wait in it at the same time.
//!
//! Try it: `for &id in &ids[1..] {` in `in_threads` leaves out one thread. The others wait in the gate
//! in vain, the report names the lost task, and neither finding is shown.

use std::thread::{Builder, scope};

use anyhow::Result;
use shared::http::Client;
use shared::report::{Outcome, Run};
use shared::verdict::{self, Check};
use shared::{Evidence, Lab, Lesson, Task};

pub const LESSON: Lesson = Lesson::new(
    "gate",
    "The same work with and without threads, and a gate that tells them apart",
    &["T1", "T5"],
    run,
    include_str!("gate.rs"),
)
.uses(&["tasks", "delay", "timeout", "trace"])
.at_most(100);

fn in_sequence(client: &Client, ids: &[usize]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for &id in ids {
        tasks.push(client.get(id));
    }
    tasks
}

fn in_threads(client: &Client, ids: &[usize]) -> Vec<Task> {
    scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            threads.push((id, Builder::new().spawn_scoped(scope, move || client.get(id))));
        }
        threads.into_iter().map(|(id, thread)| Task::join(id, thread)).collect()
    })
}

fn run(lab: &Lab) -> Result<Evidence> {
    let client = lab.client()?;
    let sequential = lab.run("sequential", lab.sum_ms(), |ids| Ok(in_sequence(&client, ids)))?;
    let threads = lab.run("threads", lab.each_ms(), |ids| Ok(in_threads(&client, ids)))?;

    let gate = |patience| Client::new(&lab.target_at(&format!("/gate/{}{patience}", lab.tasks))?);
    // The first request of a sequence waits alone in the gate, however many would follow.
    let alone = in_sequence(&gate("/2000")?, &[0]);
    let (gate, mut together) = (gate("")?, threads.clone());
    if !threads.reduced_concurrency {
        together = lab.run("gate", None, |ids| Ok(in_threads(&gate, ids)))?;
    }

    let findings = vec![
        check_gate(lab.tasks, &alone, &together.tasks)
            .unless(together.reduced_concurrency.then_some("the OS allowed fewer tasks at once"))
            .on("T1", "Only threads wait in the gate together"),
        check_simple(&sequential, &threads)
            .on("T5", "A scope, a spawn and a join make the waits overlap"),
    ];
    Ok(Evidence::new(vec![sequential, threads], findings))
}

/// What became of requests at a gate for `n`: the first of a sequence, and one in each of n threads.
fn check_gate(n: usize, alone: &[Task], together: &[Task]) -> Check {
    let count = |tasks: &[Task], outcome| tasks.iter().filter(|t| t.outcome == outcome).count();
    let [alone, passed] = [alone, together].map(|tasks| count(tasks, Outcome::Done));
    let timed_out = count(together, Outcome::TimedOut) > 0;
    let no_thread = together.iter().any(|task| task.status.is_none());
    Check::exactly(
        format!("in sequence 0, in threads {n} of {n}"),
        format!("in sequence {alone}, in threads {passed} of {n}"),
        "the gate opens when all requests wait in it at the same time",
    )
    .unless((n < 2).then_some("a gate for one request opens at once"))
    .unless(no_thread.then_some("some requests got no answer"))
    .unless(timed_out.then_some("the timeout is too short to reach the gate"))
}

/// How many requests the server saw at once, and how many lines each version has.
fn check_simple(sequential: &Run, threads: &Run) -> Check {
    let n = threads.tasks.len();
    let [one, many] = [sequential, threads].map(|run| run.peak_in_flight.unwrap_or_default());
    let [without, with] = ["in_sequence", "in_threads"].map(lines_of);
    Check {
        predicted: format!("at once: 1 without threads, up to {n} with"),
        measured: format!("at once: {one} in {without} lines, {many} in {with} lines"),
        ..verdict::overlap(sequential, threads)
    }
}

/// Counts the lines of the function `name` in this file.
fn lines_of(name: &str) -> usize {
    let source = include_str!("gate.rs").lines();
    let function = source.skip_while(|line| !line.starts_with(&format!("fn {name}(")));
    function.take_while(|line| *line != "}").count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use shared::report::Verdict::*;

    #[test]
    fn threads_that_wait_in_turns_fail() {
        let server = arm::server();
        let delay = arm::client(&server, "/delay/30");
        let sequence = || arm::measure(&server, 3, |ids| in_sequence(&delay, ids));
        let threads = || arm::measure(&server, 3, |ids| in_threads(&delay, ids));
        for (first, second, verdict) in [
            (sequence(), threads(), Holds),
            (sequence(), sequence(), Fails),
            (threads(), threads(), Fails),
        ] {
            let check = check_simple(&first, &second);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
        assert_eq!(["in_sequence", "in_threads"].map(lines_of), [7, 9]);
    }

    #[test]
    fn gate_holds_for_all_threads_only() {
        let server = arm::server();
        let [three, two] = ["/gate/3/300", "/gate/2"].map(|path| arm::client(&server, path));
        let (ids, alone) = ([0, 1, 2], in_sequence(&three, &[0]));
        let lost = vec![Task::failed(0, "panicked")];
        for (n, first, second, verdict) in [
            (3, &alone, in_threads(&three, &ids), Holds),
            (3, &alone, in_sequence(&three, &ids), Fails),
            (3, &alone, in_threads(&three, &ids[..2]), Fails),
            (3, &in_threads(&two, &ids[..2]), in_threads(&three, &ids), Fails),
            (1, &alone, in_sequence(&arm::client(&server, "/gate/1"), &[0]), NotShown),
            (3, &alone, lost, NotShown),
        ] {
            let check = check_gate(n, first, &second);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }
}
