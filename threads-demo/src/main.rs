//! Threads run several tasks of one process at the same time; the OS schedules them.
//!
//! + simple to write, compared with processes and async
//! + fast to start
//! + a thread that panics leaves the others running
//! - each thread costs memory
//! - a thread cannot be stopped from outside
//! - shared data needs care

use std::process::ExitCode;

use shared::Demo;

mod lessons;
mod notebook;

const DEMO: Demo = Demo::new(env!("CARGO_PKG_NAME"), include_str!("main.rs"), notebook::LESSON)
    .lessons(lessons::ALL)
    .http()
    .tasks(10, 2_000)
    .next("cargo run -p cpu-bound-demo -- gil");

fn main() -> ExitCode {
    shared::cli::main(&DEMO)
}
