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

use shared::cli::{Demo, Hidden, Lesson};

mod amdahl;
mod gil;
mod judge;
mod notebook;
mod picture;
mod pieces;
mod png_file;
mod python;
mod rows;
mod scheduler;
mod stop;
mod survival;
mod waits;
mod ways_to_die;
mod work_stealing;

/// The first runs when none is named.
#[rustfmt::skip]
const LESSONS: &[Lesson] = &[
    Lesson::new("notebook", notebook::ABOUT, &["G4", "G5", "P1", "P3"], notebook::run).options(png_file::OPTIONS),
    Lesson::new("gil", gil::ABOUT, &["G1", "G2", "G3"], gil::run),
    Lesson::new("amdahl", amdahl::ABOUT, &["G6", "P11"], amdahl::run).tasks(200),
    Lesson::new("scheduler", scheduler::ABOUT, &["G7"], scheduler::run),
    Lesson::new("waits", waits::ABOUT, &["G7"],waits::run).tasks(10).at_most(1_000).delay_ms(100),
    Lesson::new("work-stealing", work_stealing::ABOUT, &["G8"], work_stealing::run),
    Lesson::new("survival", survival::ABOUT, &["G10"], survival::run),
    Lesson::new("stop", stop::ABOUT, &["G10"], stop::run),
];

/// What this program starts itself as.
#[rustfmt::skip]
const HIDDEN: &[Hidden] = &[
    rows::HIDDEN, survival::CHILD, ways_to_die::ONE, stop::CHILD, pieces::PROCESS,
];

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
        hidden: HIDDEN,
        next: "cargo run -p threads-demo, and compare: the same models where tasks wait",
    })
}
