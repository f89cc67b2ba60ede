//! What runs without an `await` cannot be stopped: there is no point at which it would notice. A call in
//! `spawn_blocking` goes on to its end, aborted or not, and the program waits for it.
//!
//! You will see a blocking call and an async wait of the same length, both aborted once they have
//! begun.
//!
//! Try it: give the call a flag that it looks at, as one would with a thread.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use shared::lab::{Evidence, Lab};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::judge;

pub const ABOUT: &str = "A call that goes on although it was aborted";

const WAIT: Duration = Duration::from_millis(300);

pub fn run(_: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let (blocking, with_await) = event_loop.block_on(async {
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
    let finding = judge::unstoppable(blocking, with_await)
        .on("A4", "A call without an await cannot be stopped");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}
