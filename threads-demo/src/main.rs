//! Threads: several strands of one process, run by the operating system.
//!
//! - Good for work that waits: while one thread waits for an answer, the others go on.
//! - Each costs memory and time, nobody can stop it from outside, and shared data needs care.
//!
//! ```text
//! cargo run -p threads-demo
//! ```

use std::process::ExitCode;

use shared::cli::{Demo, Lesson};

mod deadlock;
mod judge;
mod notebook;
mod panic;
mod race;

/// The first runs when none is named.
const LESSONS: &[Lesson] = &[
    Lesson::new(
        "notebook",
        notebook::ABOUT,
        &["T1", "T2", "T12"],
        notebook::run,
    ),
    Lesson::new("panic", panic::ABOUT, &["T7"], panic::run),
    Lesson::new("race", race::ABOUT, &["T10"], race::run),
    Lesson::new("deadlock", deadlock::ABOUT, &["T10"], deadlock::run),
];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "Threads: several strands of one process, run by the operating system",
        plus: &[
            "comparatively simple",
            "fast to start",
            "one that dies leaves the others alone",
        ],
        minus: &[
            "each costs memory",
            "none can be stopped from outside",
            "shared data needs care",
        ],
        http: true,
        tasks: 10,
        max_tasks: 2_000,
        lessons: LESSONS,
        modes: &[],
        hidden: &[panic::CHILD, deadlock::CHILD],
        options: &[],
        next: "cargo run -p process-demo",
    })
}
