//! The work that the lesson `stop` has threads, tasks, jobs and processes stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;
use shared::stopwatch::now_ms;

use crate::judge::PIECES;

/// What starts this program as a process with such work.
pub const PROCESS: Hidden = Hidden::new("pieces", process);

/// How long one piece takes.
const PIECE: Duration = Duration::from_millis(10);

/// Work in a hundred pieces.
#[derive(Default)]
pub struct Work {
    pub done: AtomicUsize,
    /// The flag.
    pub stop: AtomicBool,
}

impl Work {
    /// Looks at the flag before each piece, or never.
    pub fn carry_out(&self, looks: bool) {
        while self.done.load(SeqCst) < PIECES && !(looks && self.stop.load(SeqCst)) {
            sleep(PIECE);
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// Gives way during each piece.
    pub async fn carry_out_async(&self) {
        while self.done.load(SeqCst) < PIECES {
            tokio::time::sleep(PIECE).await;
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// Waits for the first piece, and says stop; returns when.
    pub fn ask(&self) -> f64 {
        while self.done.load(SeqCst) == 0 {
            sleep(Duration::from_millis(1));
        }
        self.stop.store(true, SeqCst);
        now_ms()
    }
}

/// The process: says so after each piece.
fn process(_: &[String]) -> Result<()> {
    for _ in 0..PIECES {
        sleep(PIECE);
        child::tell("piece");
    }
    Ok(())
}
