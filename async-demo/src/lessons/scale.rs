//! A task that waits for an answer is a socket and some kilobytes of memory, buffers included. It
//! has no thread and no stack, so one thread can hold ten thousand requests.
//!
//! You will see them all wait at the same time. The server is a process of its own here, so its
//! memory does not count as the client's.
//!
//! Try it: `-n 1000`, `--delay 5s`; or `--url` of your own server, and compare with other clients.

use anyhow::Result;
use shared::report::{Figure, Run, Scale, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;

use crate::lessons::server_process::{self, ServerProcess};
use crate::lessons::unpooled_client::UnpooledClient;
use crate::notebook::gather;

pub const LESSON: Lesson = Lesson::new(
    "scale",
    "Ten thousand requests that wait at the same time, on one thread",
    &["A5"],
    run,
    include_str!("scale.rs"),
)
.tasks(10_000)
.delay_ms(2_000)
.server(ServerProcess::start)
.child_modes(&[server_process::MODE]);

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let client = UnpooledClient::new(&lab.target()?)?;
    let run = lab.run("async", lab.delay_ms, |ids| {
        rt.block_on(async {
            let mut spawned = Vec::with_capacity(ids.len());
            for &id in ids {
                let client = client.clone();
                spawned.push((id, tokio::spawn(async move { client.get(id).await })));
            }
            let tasks = gather(spawned).await;
            lab.count_threads(); // An added thread would still be there.
            tasks
        })
    })?;
    let kib = run.peak_rss_kib.map(|kib| kib as f64 / lab.tasks as f64);
    let figure = Figure::new("Memory for each request", "KiB", Scale::Linear);
    let finding = check(&run)
        .unless(too_short(lab.delay_ms))
        .on("A5", "One thread holds thousands of requests");
    let figures = vec![figure.point("async", kib, None)];
    Ok(Evidence::new(vec![run], vec![finding]).with(figures))
}

/// A run of many requests, and the OS's count of threads.
fn check(run: &Run) -> Check {
    let n = run.tasks.len();
    let peak = run.peak_in_flight.unwrap_or_else(|| run.most_at_once());
    let more = run.threads.during.zip(run.threads.before);
    let more = more.map(|(during, before)| during.saturating_sub(before));
    let reason = match (peak, more) {
        (_, Some(1..)) if run.looks_up_names => (
            Verdict::NotShown,
            "the resolver looks up host names on its own threads: try an IP address",
        ),
        (_, Some(1..)) => (Verdict::Fails, "the run added threads"),
        (1, _) => (Verdict::Fails, "never two requests waited at the same time"),
        _ if peak < n => {
            (Verdict::NotShown, "the first requests had their answers before the last began")
        }
        (_, None) => (Verdict::NotShown, "this operating system does not report our thread count"),
        _ => (Verdict::Holds, "all waited at the same time, and the run added no thread"),
    };
    let threads = more.map_or("unknown".into(), |more| more.to_string());
    Check::new(
        format!("{n} at once, 0 more threads"),
        format!("{peak} at once, {threads} more threads"),
        reason,
    )
    .unless((n < 1000).then_some("fewer than a thousand requests: try a larger -n"))
    .unless(lost(&[run]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::ThreadCount;
    use shared::report::sample::{losing, seen};

    /// A run of `n` requests, `peak` at once, with 2 threads before and `during` at its end.
    fn counted(n: usize, peak: usize, during: Option<usize>) -> Run {
        Run { threads: ThreadCount { before: Some(2), during, at_ms: 0.0 }, ..seen(n, peak) }
    }

    #[test]
    fn all_at_once_without_threads_hold() {
        let by_name = |run| Run { looks_up_names: true, ..run };
        for (run, verdict, because) in [
            (counted(1000, 1000, Some(2)), Holds, "all waited"),
            (counted(1000, 1000, Some(1)), Holds, "all waited"),
            (counted(1000, 1000, Some(3)), Fails, "added threads"),
            (counted(1000, 1, Some(3)), Fails, "added threads"),
            (counted(1000, 1, Some(2)), Fails, "never two"),
            (counted(1000, 1, None), Fails, "never two"),
            (counted(1000, 2, Some(2)), NotShown, "the first requests"),
            (counted(1000, 999, Some(2)), NotShown, "the first requests"),
            (counted(1000, 1000, None), NotShown, "does not report"),
            (counted(999, 999, Some(2)), NotShown, "larger -n"),
            (by_name(counted(1000, 1000, Some(3))), NotShown, "resolver"),
            (by_name(counted(1000, 1000, Some(2))), Holds, "all waited"),
            (losing(counted(1000, 1000, Some(2)), 1, "refused"), NotShown, "1 of 1000 tasks"),
            // Behind --url, the spans tell how many waited at once.
            (Run { peak_in_flight: None, ..counted(1000, 1, Some(2)) }, Holds, "all waited"),
        ] {
            let check = check(&run);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }
}
