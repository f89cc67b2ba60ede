//! CPU-bound work: the same picture drawn by one thread, by threads, processes, async tasks and rayon.
//!
//! - Threads, processes and rayon use all cores: Rust has no global interpreter lock.
//! - Async tasks share one thread, so computing in them gains nothing.
//!
//! ```text
//! cargo run -p cpu-bound-demo
//! cargo run -p cpu-bound-demo -- -n 1600 --png mandelbrot.png
//! ```

use std::process::ExitCode;

use shared::cli::{Demo, Lesson};

mod judge;
mod notebook;
mod picture;
mod png_file;
mod rows;

/// The first runs when none is named.
const LESSONS: &[Lesson] = &[Lesson::new(
    "notebook",
    notebook::ABOUT,
    &["G4", "G5"],
    notebook::run,
)];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "CPU-bound work: the rows of a Mandelbrot picture under every model",
        plus: &["threads, processes and rayon use every core: there is no GIL"],
        minus: &["async tasks on one thread gain nothing"],
        http: false,
        tasks: 800,
        max_tasks: 4_000,
        lessons: LESSONS,
        modes: &[],
        hidden: &[rows::HIDDEN],
        options: png_file::OPTIONS,
        next: "cargo run -p threads-demo, and compare: the same models where tasks wait",
    })
}
