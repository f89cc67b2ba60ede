//! What the learner's process tells the judge while it runs: a line of JSON for each event, over a TCP
//! connection. Its stdout is the learner's.

use std::io::{self, Write};
use std::net::TcpStream;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened in a learner's process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub pid: u32,
    /// The thread that it happened on.
    pub thread: String,
    pub what: What,
}

/// What happened. The numbers are the ids of requests, or of what an exercise has in their place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// The process is ready for the learner's code.
    Started,
    /// A future was made. Nothing runs before its first poll.
    Made(usize),
    Begun(usize),
    Ended(usize),
    /// It ended, but what it waited for did not come.
    InVain(usize),
    /// The learner's code has started so many threads so far.
    Threads(usize),
    /// It was dropped before its end.
    Dropped(usize),
    /// A thread panicked, with this message.
    Panicked(String),
    /// The learner's function returned this.
    Returned(Value),
}

impl What {
    /// By how many more requests are under way.
    pub fn change(&self) -> isize {
        match self {
            What::Begun(_) => 1,
            What::Ended(_) | What::InVain(_) | What::Dropped(_) => -1,
            _ => 0,
        }
    }
}

static CONNECTION: OnceLock<Mutex<TcpStream>> = OnceLock::new();

/// Threads that are not the learner's: `main`, the one that watches the judge, and more.
static OTHER_THREADS: AtomicUsize = AtomicUsize::new(0);

/// Connects this process to the judge, and ends it when the judge ends.
///
/// # Errors
/// The judge is gone, or there is no thread to watch it.
pub fn connect(judge: &str) -> io::Result<()> {
    let stream = TcpStream::connect(judge)?;
    stream.set_nodelay(true)?;
    let mut judge = stream.try_clone()?;
    let watcher = thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut judge, &mut io::sink());
        process::exit(3);
    })?;
    OTHER_THREADS.store(number(&watcher), SeqCst);
    let _ = CONNECTION.set(Mutex::new(stream));
    Ok(())
}

/// Tells the judge what happened on this thread. Without a judge, it ends the process.
pub fn record(what: What) {
    let thread = format!("{:?}", thread::current().id());
    let event = Event { pid: process::id(), thread, what };
    let Some(connection) = CONNECTION.get() else { return };
    let mut line = serde_json::to_vec(&event).unwrap_or_default();
    line.push(b'\n');
    // One write for each line, so that lines of several threads do not mix.
    if connection.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line).is_err() {
        process::exit(3);
    }
}

/// Waits until the learner's code has started `enough` threads, or `patience` is over. Returns how many
/// it has started, or `enough` if that is unknown, because the OS refuses a thread. std numbers threads
/// in the order of their start, so a new one's number tells.
pub fn threads_started(enough: usize, patience: Duration) -> usize {
    let start = Instant::now();
    loop {
        let Ok(new) = thread::Builder::new().spawn(|| {}) else { return enough };
        let others = OTHER_THREADS.fetch_add(1, SeqCst) + 1;
        let started = number(&new).saturating_sub(others);
        if started >= enough || start.elapsed() > patience {
            return started;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The number in `ThreadId(12)`.
fn number(thread: &JoinHandle<()>) -> usize {
    let id = format!("{:?}", thread.thread().id());
    id.replace(|c: char| !c.is_ascii_digit(), "").parse().unwrap_or_default()
}
