//! The monotonic clock, and the current thread's name.

use std::sync::OnceLock;
use std::time::Instant;

/// Milliseconds since the first call in this process, on the monotonic clock.
pub fn now_ms() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

/// Name of the current thread: `main` for the first, its id (`ThreadId(7)`) for one without a name.
pub fn thread_name() -> String {
    let thread = std::thread::current();
    thread.name().map_or_else(|| format!("{:?}", thread.id()), String::from)
}
