//! Async: many tasks on one thread, each of which yields to the others while it waits.
//!
//! + Waits overlap: x + y + z becomes max(x, y, z).
//! + A task can be stopped at any await.
//! + A task is cheap: one thread holds ten thousand requests.
//! - A single call that blocks the thread stops all of its tasks.

use std::process::ExitCode;

use shared::Demo;

mod lessons;
mod notebook;

const DEMO: Demo = Demo::new(env!("CARGO_PKG_NAME"), include_str!("main.rs"), notebook::LESSON)
    .lessons(lessons::ALL)
    .http()
    .tasks(10, 10_000)
    .next("cargo run -p cpu-bound-demo -- stop");

fn main() -> ExitCode {
    shared::cli::main(&DEMO)
}
