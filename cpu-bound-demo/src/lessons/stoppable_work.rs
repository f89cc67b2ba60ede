//! Work in a hundred pieces, which threads, tasks, jobs and processes of the lesson `stop` do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use shared::os::child::{self, ChildMode};
use shared::os::clock::now_ms;

/// A process that does such work.
pub const PROCESS: ChildMode = ChildMode::new("pieces", process);

pub const PIECES: usize = 100;

/// How long one piece takes.
const PIECE: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Work {
    pub done: AtomicUsize,
    stop: AtomicBool,
}

impl Work {
    /// Does all pieces, but checks the flag before each if `checks_flag`.
    pub fn run(&self, checks_flag: bool) {
        while self.done.load(SeqCst) < PIECES && !(checks_flag && self.stop.load(SeqCst)) {
            sleep(PIECE);
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// Does all pieces, and awaits in each.
    pub async fn run_async(&self) {
        while self.done.load(SeqCst) < PIECES {
            tokio::time::sleep(PIECE).await;
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// Waits for the first piece, then sets the flag; returns when.
    pub fn stop_ms(&self) -> f64 {
        while self.done.load(SeqCst) == 0 {
            sleep(Duration::from_millis(1));
        }
        self.stop.store(true, SeqCst);
        now_ms()
    }
}

fn process(_: &[String]) -> Result<()> {
    for _ in 0..PIECES {
        sleep(PIECE);
        child::write_line("piece");
    }
    Ok(())
}
