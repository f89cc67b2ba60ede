//! In sequence, waits of different lengths take their sum, x + y + z. At once, they take only as
//! long as the longest, max(x, y, z).
//! You will see three requests: the second waits twice as long as the first, the third three times.
//! Try it: `-n 5`, and work out both times before you look: 1,500 ms, then 500 ms.

use anyhow::Result;
use shared::http::AsyncClient;
use shared::report::{Run, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

pub const LESSON: Lesson = Lesson::new(
    "sum-vs-max",
    "Waits of different lengths, in sequence and at once",
    &["A3"],
    run,
    include_str!("sum_vs_max.rs"),
)
.uses(&["tasks", "delay", "timeout", "trace"])
.tasks(3)
.at_most(20);

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let client = lab.async_client()?;
    let (mut clients, mut delays) = (Vec::new(), Vec::new());
    for id in 0..lab.tasks {
        let delay = lab.delay_ms.unwrap_or(0.0) * (id + 1) as f64;
        clients.push(client.at(lab.target_at(&format!("/delay/{delay}"))?.url));
        delays.push(delay);
    }

    let (sum, max) = (delays.iter().sum(), delays.iter().copied().fold(0.0, f64::max));
    let sequential = lab.run("sequential", sum, |ids| rt.block_on(in_sequence(&clients, ids)))?;
    let together = lab.run("async", max, |ids| rt.block_on(at_once(&clients, ids)))?;
    let finding = check(&sequential, &together, sum, max)
        .unless(too_short(lab.delay_ms))
        .on("A3", "At once, waits take as long as the longest");
    Ok(Evidence::new(vec![sequential, together], vec![finding]))
}

async fn in_sequence(clients: &[AsyncClient], ids: &[usize]) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for &id in ids {
        tasks.push(clients[id].get(id).await); // Awaits each before the next one begins.
    }
    Ok(tasks)
}

/// A `JoinSet` yields its tasks as they end, unlike a `Vec` of handles, and aborts the rest of them
/// when it is dropped.
async fn at_once(clients: &[AsyncClient], ids: &[usize]) -> Result<Vec<Task>> {
    let mut set = JoinSet::new();
    for &id in ids {
        let client = clients[id].clone();
        set.spawn(async move { client.get(id).await });
    }
    let mut tasks = Vec::new();
    while let Some(end) = set.join_next().await {
        tasks.push(end?); // An error if the task panicked.
    }
    Ok(tasks)
}

/// The same waits in sequence and at once, with their sum and the longest of them in milliseconds.
fn check(sequential: &Run, at_once: &Run, sum: f64, max: f64) -> Check {
    let (one, many) = (sequential.peak_in_flight, at_once.peak_in_flight);
    let reason = if one != Some(1) || many.unwrap_or(0) < 2 {
        (Verdict::Fails, "the server did not see one request at a time, then several")
    } else if at_once.wall_ms < (sum + max) / 2.0 && sequential.wall_ms >= sum {
        (Verdict::Holds, "the second run took closer to the longest wait than to the sum")
    } else {
        (Verdict::NotShown, "something else delayed the tasks")
    };
    let single = at_once.tasks.len() < 2;
    Check::new(
        format!("{sum:.0} ms, then {max:.0} ms"),
        format!("{:.0} ms, then {:.0} ms", sequential.wall_ms, at_once.wall_ms),
        reason,
    )
    .unless(at_once.reduced_concurrency.then_some("the OS allowed fewer tasks at once"))
    .unless(single.then_some("the sum of a single wait is the longest wait: try a larger -n"))
    .unless(lost(&[sequential, at_once]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    #[test]
    fn sum_and_max_are_told_apart() {
        let run = |tasks, peak, wall_ms| Run { wall_ms, ..seen(tasks, peak) };
        let three = |peak, wall_ms| run(3, peak, wall_ms);
        // Half way between 300 and 600 is 450.
        for (sequential, at_once, verdict, because) in [
            (three(1, 600.0), three(2, 449.0), Holds, "closer to the longest"),
            (three(1, 600.0), three(3, 450.0), NotShown, "something else"),
            (three(1, 599.0), three(3, 302.0), NotShown, "something else"),
            (three(1, 605.0), three(1, 302.0), Fails, "one request at a time"),
            (three(2, 605.0), three(3, 302.0), Fails, "one request at a time"),
            (run(2, 1, 600.0), run(2, 2, 300.0), Holds, "closer to the longest"),
            (run(1, 1, 600.0), run(1, 1, 600.0), NotShown, "single wait"),
            (three(1, 605.0), losing(three(3, 302.0), 1, "refused"), NotShown, "1 of 3 tasks"),
        ] {
            let check = check(&sequential, &at_once, 600.0, 300.0);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    #[test]
    fn swapped_runs_fail() {
        let server = arm::server();
        let client = |ms| AsyncClient::new(&arm::target(&server, &format!("/delay/{ms}"))).unwrap();
        let clients = [40, 80, 120].map(client);
        let rt = Builder::new_current_thread().enable_all().build().unwrap();
        let sequence =
            || arm::measure(&server, 3, |ids| rt.block_on(in_sequence(&clients, ids)).unwrap());
        let together =
            || arm::measure(&server, 3, |ids| rt.block_on(at_once(&clients, ids)).unwrap());
        // A busy machine may delay what is right, but not confirm what is wrong.
        assert_ne!(check(&sequence(), &together(), 240.0, 120.0).verdict, Fails);
        assert_eq!(check(&sequence(), &sequence(), 240.0, 120.0).verdict, Fails);
        assert_eq!(check(&together(), &together(), 240.0, 120.0).verdict, Fails);
    }
}
