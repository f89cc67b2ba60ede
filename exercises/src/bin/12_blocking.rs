//! 12 blocking: a blocking call that leaves the event loop free.
//!
//! `call` blocks its thread, like `time.sleep` or a slow disk. Meanwhile the heart, an async
//! task on the event loop, has to beat three times; `call` returns when it has.
//!
//! Run `call` so that the event loop stays free, and return its result.

use std::process::ExitCode;

use exercises::blocking;

async fn work(call: fn() -> usize) -> usize {
    call()
}

pub fn main() -> ExitCode {
    blocking::main(work)
}
