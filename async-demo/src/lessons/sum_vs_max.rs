//! Waits of different lengths take their sum in sequence, x + y + z, but at once they take only as
//! long as the longest, max(x, y, z).
//!
//! You will see three requests: the second waits twice as long as the first, the third three times.
//!
//! Try it: `-n 5`, and work out both times before you look.

use anyhow::Result;
use shared::report::{Run, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;

use crate::notebook::gather;

pub const LESSON: Lesson = Lesson::new(
    "sum-vs-max",
    "Waits of different lengths, in sequence and at once",
    &["A3"],
    run,
    include_str!("sum_vs_max.rs"),
)
.tasks(3)
.at_most(20)
.needs_embedded_server();

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let client = lab.async_client()?;
    let (mut clients, mut delays) = (Vec::new(), Vec::new());
    for id in 0..lab.tasks {
        let delay = lab.delay_ms.unwrap_or(0.0) * (id + 1) as f64;
        clients.push(client.at(lab.target_at(&format!("/delay/{delay}"))?.url));
        delays.push(delay);
    }

    let sum: f64 = delays.iter().sum();
    let sequential = lab.run("sequential", sum, |ids| {
        rt.block_on(async {
            let mut tasks = Vec::new();
            for &id in ids {
                tasks.push(clients[id].get(id).await); // Awaits each where it is called,
            }
            Ok(tasks)
        })
    })?;

    let max = delays.iter().copied().fold(0.0, f64::max);
    let at_once = lab.run("async", max, |ids| {
        rt.block_on(async {
            let mut spawned = Vec::new();
            for &id in ids {
                let client = clients[id].clone();
                spawned.push((id, tokio::spawn(async move { client.get(id).await })));
            }
            gather(spawned).await // or all of them once they have been spawned.
        })
    })?;

    let finding = check(&sequential, &at_once, sum, max)
        .unless(too_short(lab.delay_ms))
        .on("A3", "At once, waits take as long as the longest");
    Ok(Evidence::new(vec![sequential, at_once], vec![finding]))
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
    .unless(single.then_some("the sum of a single wait is the longest wait: try a larger -n"))
    .unless(lost(&[sequential, at_once]))
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
