//! 12: a call that blocks, in async code.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use shared::report::count;

use crate::event::{What, record};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::PATIENCE;

pub const EXERCISE: Exercise = Exercise {
    name: "12_blocking",
    about: "a blocking call that leaves the event loop free",
    minutes: 8,
    starred: true,
    goal: "3 heartbeats while the call blocks",
    hints: [
        "The heart is a task on the event loop's thread. When can it beat, while `call` sits on that \
         thread?",
        "`tokio::task::spawn_blocking(f)` runs `f` on a thread that may block, like Python's \
         `asyncio.to_thread`. It returns a handle; awaiting it gives a `Result`: `unwrap` it.",
        "One line: `tokio::task::___(call).___.unwrap()`",
    ],
    stub: include_str!("../../stubs/12_blocking.rs"),
    solution: include_str!("../../solutions/12_blocking.rs"),
};

const BEATS: usize = 3;

/// Where the call ran, as the id of its request.
const ON_LOOP: usize = 0;
const IN_TASK: usize = 1;
const ELSEWHERE: usize = 2;

static HEARTBEATS: AtomicUsize = AtomicUsize::new(0);
static EVENT_LOOP: OnceLock<ThreadId> = OnceLock::new();

/// Judges the learner's `work`.
#[track_caller]
pub fn main<F: Future<Output = usize>>(work: fn(fn() -> usize) -> F) -> ExitCode {
    let learner = async || {
        EVENT_LOOP.get_or_init(|| thread::current().id());
        tokio::spawn(async {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                HEARTBEATS.fetch_add(1, SeqCst);
            }
        });
        work(call).await
    };
    judge::run_async(&EXERCISE, learner, verdict)
}

/// Blocks its thread until the heart has beaten three times.
fn call() -> usize {
    let on_loop = EVENT_LOOP.get() == Some(&thread::current().id());
    let place = match on_loop {
        true if tokio::task::try_id().is_some() => IN_TASK,
        true => ON_LOOP,
        false => ELSEWHERE,
    };
    record(What::Begun(place));
    let (before, start) = (HEARTBEATS.load(SeqCst), Instant::now());
    let beats = || HEARTBEATS.load(SeqCst) - before;
    // On the event loop's own thread, the wait would be in vain for certain.
    while !on_loop && beats() < BEATS && start.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(1));
    }
    let beats = beats().min(BEATS);
    record(if beats < BEATS { What::InVain(place) } else { What::Ended(place) });
    beats
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let because = match () {
        () if seen.count(|what| *what == What::InVain(ON_LOOP)) > 0 => {
            "`call` blocks the event loop's thread, and every task with it"
        }
        () if seen.count(|what| *what == What::InVain(IN_TASK)) > 0 => {
            "a task of its own, but the same thread: `spawn` starts no thread"
        }
        () if seen.in_vain() => {
            "`call` has a thread, but you wait for it blocking: `join` stops the event loop"
        }
        () => {
            let beats: usize = seen.returned()?;
            if beats != BEATS || seen.begun() != 1 {
                let because = "call `call` once, and return what it returned";
                let measured = format!("{}, {beats} returned", count(seen.begun(), "call"));
                return Err(Red::new(measured, because));
            }
            return Ok(format!("{BEATS} heartbeats while the call blocked another thread"));
        }
    };
    Err(Red::new("0 beats", because))
}
