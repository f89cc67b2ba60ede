//! One call that blocks the thread stops every task on it: no other task runs until it returns. The
//! cures: run the call in a thread, or yield between its pieces. More threads only postpone it.
//! You will see how often a heartbeat, due every 10 ms, beats during the same work done four ways.
//! Try it: write `tokio::time::sleep(work).await` in place of the first `thread::sleep(work)`: the
//! heart goes on beating, and the finding fails, because it predicts a call that blocks.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::os::threads;
use shared::report::{Figure, Scale, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::sleep;

pub const LESSON: Lesson = Lesson::new(
    "blocking-call",
    "A heartbeat during a call that blocks, and with the cures",
    &["A6"],
    run,
    include_str!("blocking_call.rs"),
)
.uses(&[]);

const WORK: Duration = Duration::from_millis(500);

fn run(_: &Lab) -> Result<Evidence> {
    threads::check(2).context("cannot start two threads")?; // Without them, tokio would panic.
    let beats = [
        beats(blocking(WORK))?,
        beats(in_a_thread(WORK))?,
        beats(yielding(WORK))?,
        beats_on_two_threads(2, WORK)?,
    ];
    let finding = check(beats).on("A6", "A call that blocks stops all tasks of its thread");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure(beats)]))
}

async fn blocking(work: Duration) {
    thread::sleep(work); // The trap.
}

async fn in_a_thread(work: Duration) {
    let _ = spawn_blocking(move || thread::sleep(work)).await; // One cure.
}

async fn yielding(work: Duration) {
    for _ in 0..50 {
        thread::sleep(work / 50);
        yield_now().await; // The other cure.
    }
}

/// Heartbeats during `work`, on one thread.
fn beats(work: impl Future) -> Result<usize> {
    Ok(Builder::new_current_thread().enable_all().build()?.block_on(async {
        let heart = heartbeat();
        yield_now().await; // The heartbeat runs to its first await.
        work.await;
        heart.load(Relaxed)
    }))
}

/// Heartbeats during calls that block at the same time, on two threads.
fn beats_on_two_threads(calls: usize, work: Duration) -> Result<usize> {
    let all = Arc::new(Barrier::new(calls));
    Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let heart = heartbeat();
        let mut set = JoinSet::new();
        for _ in 0..calls {
            let (all, heart) = (all.clone(), heart.clone());
            set.spawn(async move {
                all.wait(); // From here on, each call has its thread.
                let before = heart.load(Relaxed);
                thread::sleep(work);
                let beats = heart.load(Relaxed) - before;
                all.wait(); // Until here.
                beats
            });
        }
        let mut beats = 0;
        while let Some(end) = set.join_next().await {
            beats += end?;
        }
        Ok(beats)
    })
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

fn figure(beats: [usize; 4]) -> Figure {
    let figure = Figure::new("Heartbeats during 500 ms of work", "beats", Scale::Linear);
    let names = ["blocking", "in a thread", "yielding", "two threads, two calls"];
    let points = names.into_iter().zip(beats);
    points.fold(figure, |figure, (name, beats)| figure.point(name, beats as f64, None))
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
    fn broken_arms_fail() {
        let work = Duration::from_millis(200);
        let trap = beats(blocking(work)).unwrap();
        let cures = [beats(in_a_thread(work)).unwrap(), beats(yielding(work)).unwrap()];
        let both = beats_on_two_threads(2, work).unwrap();
        let one = beats_on_two_threads(1, work).unwrap();
        for (beats, verdict) in [
            ([trap, cures[0], cures[1], both], Holds),
            ([cures[1], cures[0], cures[1], both], Fails), // The trap yields.
            ([trap, trap, cures[1], both], Fails),         // A cure blocks.
            ([trap, cures[0], trap, both], Fails),
            ([trap, cures[0], cures[1], one], Fails), // A thread is free.
        ] {
            assert_eq!(check(beats).verdict, verdict, "{beats:?}");
        }
    }

    #[test]
    fn figure_shows_each_count() {
        let points = figure([0, 45, 17, 1]).points;
        let beats = points.iter().map(|point| point.measured.unwrap());
        assert_eq!(beats.collect::<Vec<_>>(), [0.0, 45.0, 17.0, 1.0]);
    }
}
