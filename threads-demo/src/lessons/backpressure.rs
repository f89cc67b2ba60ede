//! If a producer is faster than its consumer, the queue between them grows without limit. A bounded
//! channel makes the producer wait: `send` returns once there is room.
//! Such a channel can be made of a queue, a lock and two condition variables, which wake the consumer
//! when an item comes and the producer when one goes; in async code, a semaphore counts the places.
//! You will see how long a queue for 1,000 items grows, without a bound and with a bound of 8.
//! Try it: `const BOUND: usize = 1;`. The producer then waits for the consumer at nearly every item,
//! and the longest queue is 1.

use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, Builder, scope};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "backpressure",
    "A fast producer and a slow consumer, with a queue between them",
    &["T12", "A4"],
    run,
    include_str!("backpressure.rs"),
)
.uses(&[]);

const ITEMS: usize = 1_000;
const BOUND: usize = 8;
const WORK: Duration = Duration::from_micros(200); // Of the consumer, on each item.

fn run(_: &Lab) -> Result<Evidence> {
    let findings = vec![
        check(threads(None)?, threads(Some(BOUND))?)
            .on("T12", "A bounded channel makes a fast thread wait for a slow one"),
        // With a place for every item, a bound bounds nothing.
        check(tasks(ITEMS)?, tasks(BOUND)?)
            .on("A4", "A bounded channel makes a fast task wait for a slow one"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// How long the queue between two threads becomes.
fn threads(bound: Option<usize>) -> Result<usize> {
    // Their senders are different types: only one of them ever blocks.
    match bound {
        None => {
            let (sender, receiver) = mpsc::channel();
            pass_items(|item| sender.send(item).is_ok(), receiver)
        }
        Some(bound) => {
            let (sender, receiver) = mpsc::sync_channel(bound);
            pass_items(|item| sender.send(item).is_ok(), receiver)
        }
    }
}

fn pass_items(send: impl Fn(usize) -> bool + Sync, receiver: Receiver<usize>) -> Result<usize> {
    let queue = Length::default();
    scope(|scope| {
        let produce = || (0..ITEMS).take_while(|&item| send(item)).for_each(|_| queue.grow());
        Builder::new().spawn_scoped(scope, produce).context("cannot start a thread")?;
        for _ in 0..ITEMS {
            thread::sleep(WORK);
            queue.shrink();
            receiver.recv()?;
        }
        Ok(queue.longest())
    })
}

/// How long the queue between two async tasks becomes. The clock is paused: while both tasks wait, it
/// jumps to the end of the consumer's work.
fn tasks(bound: usize) -> Result<usize> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build()?;
    let queue = Length::default();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(bound);
    let produce = async {
        for item in 0..ITEMS {
            sender.send(item).await?;
            queue.grow();
        }
        anyhow::Ok(())
    };
    let consume = async {
        for _ in 0..ITEMS {
            tokio::time::sleep(WORK).await;
            queue.shrink();
            receiver.recv().await.context("the producer has ended")?;
        }
        anyhow::Ok(())
    };
    runtime.block_on(async { tokio::try_join!(produce, consume) })?;
    Ok(queue.longest())
}

/// How long the queue became without and with a bound.
fn check(unbounded: usize, bounded: usize) -> Check {
    let reason = if bounded > BOUND {
        (Verdict::Fails, "the producer did not wait for room")
    } else if unbounded <= BOUND {
        (Verdict::NotShown, "the consumer kept up with the producer")
    } else {
        (Verdict::Holds, "counted at each `send`; only the bounded one waits for room")
    };
    Check::new(
        format!("longest queue: more than {BOUND} without a bound, up to {BOUND} with one"),
        format!("longest queue: {unbounded} without a bound, {bounded} with one"),
        reason,
    )
}

/// The length of a queue, now and at most.
#[derive(Default)]
struct Length(AtomicIsize, AtomicIsize);

impl Length {
    /// The producer has put in an item.
    fn grow(&self) {
        let now = self.0.fetch_add(1, Relaxed) + 1;
        self.1.fetch_max(now, Relaxed);
    }

    /// The consumer is about to take an item, or to wait for one.
    fn shrink(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    fn longest(&self) -> usize {
        self.1.load(Relaxed).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    #[test]
    fn channel_without_its_bound_fails() {
        let threads = [None, Some(BOUND)].map(|bound| threads(bound).unwrap());
        let tasks = [ITEMS, BOUND].map(|bound| tasks(bound).unwrap());
        assert_eq!(tasks, [1_000, 8]);
        for [unbounded, bounded] in [threads, tasks] {
            for (first, second, verdict) in [
                (unbounded, bounded, Holds),
                (unbounded, unbounded, Fails),
                (bounded, bounded, NotShown),
            ] {
                assert_eq!(check(first, second).verdict, verdict, "{first} {second}");
            }
        }
    }
}
