//! Code without an `await` cannot be stopped, because an abort takes effect only at an await.
//! Once a call in `spawn_blocking` has begun, it runs to its end, and the program waits for it.
//! A call that is still in the queue for a thread can be aborted like a task.
//! You will see three of them that wait for the same signal, aborted before it comes: a call
//! that has begun, a call in the queue, and a task.
//! Try it: delete the line with `for_each(stop)`: all three go on, and the finding fails.

use std::sync::mpsc;

use anyhow::{Context, Result};
use shared::os::threads;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

pub const LESSON: Lesson = Lesson::new(
    "unstoppable",
    "A call that keeps running although it was aborted",
    &["A4"],
    run,
    include_str!("unstoppable.rs"),
)
.uses(&[]);

fn run(_: &Lab) -> Result<Evidence> {
    threads::check(1).context("cannot start a thread")?; // Without it, tokio would panic.
    let goes_on = goes_on(JoinHandle::abort)?;
    let finding = check(goes_on).on("A4", "A call without an await cannot be stopped");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// Stops a blocking call, a queued one and a task before they may end. Which of them end normally?
fn goes_on(stop: fn(&JoinHandle<()>)) -> Result<[bool; 3]> {
    let rt = Builder::new_current_thread().max_blocking_threads(1).build()?;
    rt.block_on(async {
        let (begin, begun) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let call = spawn_blocking(move || {
            let _ = begin.send(());
            let _ = released.recv(); // The trap: no await.
        });
        let _ = begun.await;
        let queued = spawn_blocking(|| ()); // The only thread is taken.

        let (begin, begun) = oneshot::channel();
        let (release_task, released) = oneshot::channel::<()>();
        let task = tokio::spawn(async {
            let _ = begin.send(());
            let _ = released.await; // The cure.
        });
        let _ = begun.await;

        [&call, &queued, &task].into_iter().for_each(stop);
        drop((release, release_task)); // The signal: now all of them may end.
        Ok([call.await.is_ok(), queued.await.is_ok(), task.await.is_ok()])
    })
}

/// Whether a blocking call, a queued one and a task ran to their end although they were aborted.
fn check(goes_on: [bool; 3]) -> Check {
    let [call, queued, task] = goes_on.map(|goes_on| if goes_on { "goes on" } else { "stops" });
    Check::exactly(
        "the call goes on, the queued call stops, the task stops",
        format!("the call {call}, the queued call {queued}, the task {task}"),
        "an abort takes effect before the start or at an await, and the call has none",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::Verdict::*;

    #[test]
    fn only_the_running_call_outlives_its_abort() {
        assert_eq!(check(goes_on(JoinHandle::abort).unwrap()).verdict, Holds);
        let without = check(goes_on(|_| ()).unwrap());
        assert_eq!(without.verdict, Fails, "{without:#?}");
        for others in [[false; 3], [true, true, false], [true, false, true]] {
            assert_eq!(check(others).verdict, Fails, "{others:?}");
        }
    }
}
