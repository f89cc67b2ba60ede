//! One call that blocks the thread stops every task on it: no other task runs until it returns. The
//! cures are a thread for the call, or a yield between its pieces. More threads only postpone it.
//! You will see how often a heartbeat, due every 10 ms, beats during the same work done four ways.
//! Try it: `let _ = reqwest::blocking::get("https://example.com");` in place of the first sleep. In
//! a debug build it panics in async code; in a release build it only blocks, without a word.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use shared::report::{Figure, Scale, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::sleep;

pub const LESSON: Lesson = Lesson::new(
    "blocking-call",
    "A heartbeat during a call that blocks, and with the cures",
    &["A6"],
    run,
    include_str!("blocking_call.rs"),
);

const WORK: Duration = Duration::from_millis(500);

fn run(_: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let blocking = rt.block_on(beats(async {
        thread::sleep(WORK); // The trap.
    }));
    let in_a_thread = rt.block_on(beats(async {
        let _ = spawn_blocking(|| thread::sleep(WORK)).await; // One cure.
    }));
    let yielding = rt.block_on(beats(async {
        for _ in 0..50 {
            thread::sleep(WORK / 50);
            yield_now().await; // The other cure.
        }
    }));

    // Two threads, and two calls that block them at the same time.
    let rt = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let both = Arc::new(Barrier::new(2));
    let two_threads = rt.block_on(async {
        let heart = heartbeat();
        let block = |both: Arc<Barrier>| {
            let heart = heart.clone();
            tokio::spawn(async move {
                both.wait(); // From here on, neither thread is free.
                let before = heart.load(Relaxed);
                thread::sleep(WORK);
                let beats = heart.load(Relaxed) - before;
                both.wait(); // Until here.
                beats
            })
        };
        let (one, other) = (block(both.clone()), block(both));
        one.await.unwrap_or(0) + other.await.unwrap_or(0)
    });

    let beats = [blocking, in_a_thread, yielding, two_threads];
    let finding = check(beats).on("A6", "A call that blocks stops all tasks of its thread");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure(beats)]))
}

/// A count that goes up every 10 ms, if the event loop lets it.
fn heartbeat() -> Arc<AtomicUsize> {
    let beats = Arc::new(AtomicUsize::new(0));
    let heart = beats.clone();
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(10)).await;
            heart.fetch_add(1, Relaxed);
        }
    });
    beats
}

/// Heartbeats during `work`.
async fn beats(work: impl Future<Output = ()>) -> usize {
    let heart = heartbeat();
    yield_now().await; // The heartbeat runs to its first await.
    work.await;
    heart.load(Relaxed)
}

fn figure(beats: [usize; 4]) -> Figure {
    let figure = Figure::new("Heartbeats during 500 ms of work", "beats", Scale::Linear);
    let names = ["blocking", "in a thread", "yielding", "two threads, two calls"];
    let points = names.into_iter().zip(beats);
    points.fold(figure, |figure, (name, beats)| figure.point(name, beats as f64, None))
}

/// Heartbeats during the same work: by a call that blocks, in a thread, in pieces, and by two calls
/// that block both threads of an event loop.
fn check([blocking, in_a_thread, yielding, two_threads]: [usize; 4]) -> Check {
    let reason = if blocking > 0 || two_threads > 0 {
        (Verdict::Fails, "the heartbeat continued although every thread was blocked")
    } else if in_a_thread == 0 || yielding == 0 {
        (Verdict::Fails, "the heartbeat stopped although the thread was free for it")
    } else {
        (Verdict::Holds, "a task that never yields blocks all tasks of its thread")
    };
    Check::new(
        "blocking 0, in a thread and yielding more, two threads with two calls 0",
        format!(
            "blocking {blocking}, in a thread {in_a_thread}, yielding {yielding}, \
             two threads {two_threads}"
        ),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn blocked_threads_allow_no_heartbeat() {
        for (beats, verdict, because) in [
            ([0, 1, 1, 0], Holds, "never yields"),
            ([1, 1, 1, 0], Fails, "although every thread was blocked"),
            ([0, 1, 1, 1], Fails, "although every thread was blocked"),
            ([0, 0, 1, 0], Fails, "heartbeat stopped"),
            ([0, 1, 0, 0], Fails, "heartbeat stopped"),
        ] {
            let check = check(beats);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    #[test]
    fn figure_shows_each_count() {
        let points = figure([0, 45, 17, 1]).points;
        let beats = points.iter().map(|point| point.measured.unwrap());
        assert_eq!(beats.collect::<Vec<_>>(), [0.0, 45.0, 17.0, 1.0]);
    }
}
