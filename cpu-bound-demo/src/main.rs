//! CPU-bound work: the rows of a Mandelbrot picture under every model.
//!
//! + Threads, processes and rayon use every core: Rust has no GIL.
//! - Async tasks on one thread gain nothing.

use std::process::ExitCode;

use shared::Demo;

mod cores;
mod gallery;
mod lessons;
mod mandelbrot;
mod notebook;
mod png_file;
mod rows;

const DEMO: Demo = Demo::new(env!("CARGO_PKG_NAME"), include_str!("main.rs"), notebook::LESSON)
    .lessons(lessons::ALL)
    .tasks(800, 4_000)
    .next("cargo run --release -p summary-demo");

fn main() -> ExitCode {
    shared::cli::main(&DEMO)
}
