//! The monotonic clock, and the names of threads.

use std::sync::OnceLock;
use std::thread::Thread;
use std::time::Instant;

/// Milliseconds since the first call in this process, on the monotonic clock.
pub fn now_ms() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

/// Name of the current thread.
pub fn thread_name() -> String {
    name_of(&std::thread::current())
}

/// Name of a thread: `main` for the first, its id (`ThreadId(7)`) for one without a name.
pub fn name_of(thread: &Thread) -> String {
    thread.name().map_or_else(|| format!("{:?}", thread.id()), String::from)
}
