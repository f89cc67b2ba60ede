//! Processes: the same program several times, each with memory of its own.
//!
//! + Good for any work, whether it waits or computes.
//! + A process that dies takes no other with it.
//! - Each process costs memory, and time to start.
//! - Data for another process must be serialized, or put into shared memory.

use std::process::ExitCode;

use shared::Demo;

mod lessons;
mod notebook;
mod pool;

const DEMO: Demo = Demo::new(env!("CARGO_PKG_NAME"), include_str!("main.rs"), notebook::LESSON)
    .lessons(lessons::ALL)
    .http()
    .tasks(10, 1_000)
    .next("cargo run -p async-demo -- lazy");

fn main() -> ExitCode {
    shared::cli::main(&DEMO)
}
