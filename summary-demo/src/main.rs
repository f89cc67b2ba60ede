//! To sum up: the verdict on every claim, and which model suits which work.
//!
//! + One command runs every lesson of all demos.
//! - It takes about a minute.

use std::process::ExitCode;

use shared::Demo;

mod choice;
mod demos;
mod ledger;
mod matrix;
mod progress;
mod quoted;

const DEMO: Demo = Demo::new(env!("CARGO_PKG_NAME"), include_str!("main.rs"), ledger::LESSON)
    .next("cargo run -p threads-demo -- --list, and a lesson of your choice");

fn main() -> ExitCode {
    shared::cli::main(&DEMO)
}
