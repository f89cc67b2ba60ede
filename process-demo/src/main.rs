//! Processes: the same program several times over, each with memory of its own.
//!
//! - Good for any work, waiting or computing, and one that dies takes nothing with it.
//! - Each costs memory and time to start, and whatever they tell each other must be written out.
//!
//! ```text
//! cargo run -p process-demo
//! ```

use std::process::ExitCode;

use shared::cli::{Demo, Lesson};

mod judge;
mod notebook;
mod pool;
mod worker;

/// The first runs when none is named.
const LESSONS: &[Lesson] = &[Lesson::new(
    "notebook",
    notebook::ABOUT,
    &["P1", "P2", "P10"],
    notebook::run,
)];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "Processes: the same program several times over, each with memory of its own",
        plus: &[
            "good for any work",
            "one that dies takes nothing with it",
            "own memory",
        ],
        minus: &[
            "memory and time for each",
            "all they exchange must be written out",
        ],
        http: true,
        tasks: 10,
        max_tasks: 1_000,
        lessons: LESSONS,
        modes: &[],
        hidden: &[worker::HIDDEN],
        options: &[],
        next: "cargo run -p async-demo",
    })
}
