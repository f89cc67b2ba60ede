//! The work that the lesson `stop` stops: a hundred pieces, the same in every kind.

use std::io::{BufRead, Read, Write, stdin};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use shared::os::child::{self, ChildMode};
use shared::os::clock::now_ms;
use tokio::task::yield_now;

/// A process that does the work.
pub const PROCESS: ChildMode = ChildMode::new("pieces", process).reads_stdin();

pub const PIECES: usize = 100;

const PIECE: Duration = Duration::from_millis(5);

/// Dropped when the work ends.
pub struct Work {
    done: Arc<AtomicUsize>,
    flag: Arc<AtomicBool>,
    begun: Sender<()>,
    go_on: Receiver<()>,
}

/// The side that stops the work.
pub struct Control {
    pub flag: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    begun: Receiver<()>,
    go_on: Sender<()>,
}

impl Work {
    pub fn new() -> (Work, Control) {
        let (done, flag): (Arc<AtomicUsize>, Arc<AtomicBool>) = Default::default();
        let ((begun, has_begun), (may_go_on, go_on)) = (channel(), channel());
        let work = Work { done: done.clone(), flag: flag.clone(), begun, go_on };
        (work, Control { flag, done, begun: has_begun, go_on: may_go_on })
    }

    fn piece(&self) {
        sleep(PIECE);
        self.done.fetch_add(1, SeqCst);
    }

    /// Does the first piece, then waits until the stop has been tried.
    fn first(&self) {
        self.piece();
        let _ = self.begun.send(());
        let _ = self.go_on.recv();
    }

    pub fn all(&self, checks_flag: bool) {
        self.first();
        for _ in 1..PIECES {
            if checks_flag && self.flag.load(SeqCst) {
                break;
            }
            self.piece();
        }
    }

    /// Waits in a read from `socket` after the first piece, and ends if that finds it closed.
    pub fn all_unless_closed(self, mut socket: TcpStream) {
        self.piece();
        let _ = self.begun.send(());
        let limit = socket.set_read_timeout(Some(Duration::from_secs(2)));
        let closed = matches!(socket.read(&mut [0]), Ok(0));
        if limit.is_ok() && !closed {
            (1..PIECES).for_each(|_| self.piece());
        }
    }

    pub async fn all_with_awaits(self) {
        self.first();
        for _ in 1..PIECES {
            yield_now().await;
            self.piece();
        }
    }
}

impl Control {
    /// Waits for the end of the first piece.
    ///
    /// # Errors
    /// The work ended before.
    pub fn wait_until_begun(&self) -> Result<()> {
        Ok(self.begun.recv()?)
    }

    /// Lets the work go on if it does, and returns how many pieces were done.
    pub fn wait_for_end(self) -> usize {
        let _ = self.go_on.send(());
        let _ = self.begun.recv(); // Fails as soon as the work has been dropped.
        self.done.load(SeqCst)
    }
}

/// The same work in a process, which is killed after the first piece, if `stops`.
pub fn stop_process(stops: bool) -> Result<(usize, f64)> {
    let mut process = PROCESS.spawn(&[])?;
    process.stdout.read_line(&mut String::new())?;
    let stop_ms = now_ms();
    if stops {
        process.child.kill()?;
    } else {
        writeln!(process.stdin, "go on")?;
    }
    let pieces = 1 + process.stdout.lines().count();
    process.child.wait()?;
    Ok((pieces, now_ms() - stop_ms))
}

/// The child: tells each piece, and ends early only with its stdin.
fn process(_: &[String]) -> Result<()> {
    let piece = || {
        sleep(PIECE);
        child::write_line("piece");
    };
    piece();
    if stdin().read_line(&mut String::new())? > 0 {
        (1..PIECES).for_each(|_| piece());
    }
    Ok(())
}
