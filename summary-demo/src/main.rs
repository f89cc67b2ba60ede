//! To sum up: which model for what, from this machine's own figures.
//!
//! - Runs the other demos and takes their word for nothing: every claim comes with its measurement.
//! - Takes about a minute.
//!
//! ```text
//! cargo run --release -p summary-demo
//! ```

use std::process::ExitCode;

use shared::cli::{Demo, Lesson};

mod demos;
mod ledger;
mod matrix;

/// The first runs when none is named.
const LESSONS: &[Lesson] = &[Lesson::new("ledger", ledger::ABOUT, &["G9"], ledger::run)];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "To sum up: every claim and what became of it, and which model for what",
        plus: &["one command for all of it"],
        minus: &["takes about a minute"],
        http: false,
        tasks: 0,
        max_tasks: 0,
        lessons: LESSONS,
        modes: &[],
        hidden: &[],
        next: "cargo run -p threads-demo -- --list, and a lesson of your choice",
    })
}
