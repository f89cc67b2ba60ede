//! Async: many tasks on one thread, each giving way to the others while it waits.
//!
//! - Good for work that waits: the time is that of the longest wait, and a task costs next to nothing.
//! - One task that blocks the thread stops them all.
//!
//! ```text
//! cargo run -p async-demo
//! cargo run -p async-demo -- serve --port 8080
//! ```

use std::process::ExitCode;

use shared::cli::{Demo, Lesson, Mode};

mod notebook;
mod serve;

/// The first runs when none is named.
const LESSONS: &[Lesson] = &[Lesson::new(
    "notebook",
    notebook::ABOUT,
    &["A1", "A2", "A4"],
    notebook::run,
)];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "Async: many tasks on one thread, each giving way to the others while it waits",
        plus: &[
            "max(x, y, z) in place of x + y + z",
            "tasks can be stopped",
            "cheap tasks",
        ],
        minus: &["one call that blocks stops them all"],
        http: true,
        tasks: 10,
        max_tasks: 10_000,
        lessons: LESSONS,
        modes: &[Mode {
            name: "serve",
            about: "No lesson: the embedded server alone, until Ctrl-C",
            options: serve::OPTIONS,
            run: serve::run,
        }],
        hidden: &[],
        options: &[],
        next: "cargo run -p cpu-bound-demo",
    })
}
