//! A thread of its own, but the event loop waits for it, blocking.

use std::process::ExitCode;

use exercises::blocking;

async fn work(call: fn() -> usize) -> usize {
    std::thread::spawn(call).join().unwrap()
}

pub fn main() -> ExitCode {
    blocking::main(work)
}
