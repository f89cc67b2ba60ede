//! One call that blocks the thread stops every task on it, since none of them gives way by itself. The
//! cures: a thread for the call, or giving way in between. More threads only put it off.
//! You will see how often a heartbeat comes, due every 10 ms, during the same work done in four ways.
//! Try it: `reqwest::blocking::get` in place of the sleep. In a debug build it panics in async code, in
//! a release build it only blocks, without a word.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use shared::lab::{Evidence, Lab};
use tokio::runtime::Builder;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::sleep;

use crate::judge;

pub const ABOUT: &str = "A heartbeat during a call that blocks, and with the cures";

const WORK: Duration = Duration::from_millis(500);

pub fn run(_: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let blocking = event_loop.block_on(beats(async {
        thread::sleep(WORK); // The trap.
    }));
    let in_a_thread = event_loop.block_on(beats(async {
        let _ = spawn_blocking(|| thread::sleep(WORK)).await; // One cure.
    }));
    let yielding = event_loop.block_on(beats(async {
        for _ in 0..50 {
            thread::sleep(WORK / 50);
            yield_now().await; // The other.
        }
    }));

    // Two threads, and two calls that block them at the same time.
    let event_loop = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let both = Arc::new(Barrier::new(2));
    let two_threads = event_loop.block_on(async {
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
    let (figure, judgement) = judge::blocking_call(beats);
    let finding = judgement.on("A6", "A call that blocks stops all tasks of its thread");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure]))
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

/// How often the heart beats while `work` is done.
async fn beats(work: impl Future<Output = ()>) -> usize {
    let heart = heartbeat();
    yield_now().await; // It waits for its first beat now.
    work.await;
    heart.load(Relaxed)
}
