//! Code without an `await` cannot be stopped, because an abort takes effect only at an await. Once
//! a call in `spawn_blocking` has begun, it runs to its end, and the program waits for it.
//!
//! You will see a blocking call and an async wait of the same length, both aborted once they have
//! begun.
//!
//! Try it: give the call a flag that it checks, as one would with a thread.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

pub const LESSON: Lesson = Lesson::new(
    "unstoppable",
    "A call that keeps running although it was aborted",
    &["A4"],
    run,
    include_str!("unstoppable.rs"),
);

const WAIT: Duration = Duration::from_millis(300);

fn run(_: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let (call_ends, task_ends) = rt.block_on(async {
        let (begin, begun) = oneshot::channel();
        let call = spawn_blocking(|| {
            let _ = begin.send(());
            thread::sleep(WAIT); // The trap: no await.
        });
        let _ = begun.await;
        call.abort();

        let (begin, begun) = oneshot::channel();
        let task = tokio::spawn(async {
            let _ = begin.send(());
            sleep(WAIT).await; // The cure.
        });
        let _ = begun.await;
        task.abort();
        (call.await.is_ok(), task.await.is_ok())
    });
    let finding = check(call_ends, task_ends).on("A4", "A call without an await cannot be stopped");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// Whether a blocking call and a task that awaits ran to their end after they were aborted.
fn check(call_ends: bool, task_ends: bool) -> Check {
    let word = |ends| if ends { "goes on" } else { "stops" };
    Check::exactly(
        "the call goes on, the task stops",
        format!("the call {}, the task {}", word(call_ends), word(task_ends)),
        "an abort takes effect at an await, and the call has none",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::Verdict::*;

    #[test]
    fn only_the_call_outlives_its_abort() {
        for (call_ends, task_ends, verdict) in
            [(true, false, Holds), (false, false, Fails), (true, true, Fails)]
        {
            assert_eq!(check(call_ends, task_ends).verdict, verdict, "{call_ends}, {task_ends}");
        }
    }
}
