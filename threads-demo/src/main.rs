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

mod cancel;
mod daemon;
mod deadlock;
mod judge;
mod lock_held;
mod meanwhile;
mod notebook;
mod panic;
mod race;
mod refused;
mod side_by_side;

/// The first runs when none is named.
#[rustfmt::skip]
const LESSONS: &[Lesson] = &[
    Lesson::new("notebook", notebook::ABOUT, &["T1", "T2", "T12"], notebook::run),
    Lesson::new("side-by-side", side_by_side::ABOUT, &["T1", "T5"], side_by_side::run).own_server(),
    Lesson::new("meanwhile", meanwhile::ABOUT, &["T3", "T4"], meanwhile::run).own_server(),
    Lesson::new("panic", panic::ABOUT, &["T7"], panic::run),
    Lesson::new("cancel", cancel::ABOUT, &["T9"], cancel::run).own_server(),
    Lesson::new("race", race::ABOUT, &["T10"], race::run),
    Lesson::new("refused", refused::ABOUT, &["T10"], refused::run),
    Lesson::new("deadlock", deadlock::ABOUT, &["T10"], deadlock::run),
    Lesson::new("lock-held", lock_held::ABOUT, &["T10"], lock_held::run),
    Lesson::new("daemon", daemon::ABOUT, &["T11"], daemon::run).own_server().delay_ms(1000),
];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "Threads: several strands of one process, run by the operating system",
        plus: &["comparatively simple", "fast to start", "one that dies leaves the others alone"],
        minus: &["each costs memory", "none can be stopped from outside", "shared data needs care"],
        http: true,
        tasks: 10,
        max_tasks: 2_000,
        lessons: LESSONS,
        modes: &[],
        hidden: &[meanwhile::CHILD, panic::CHILD, deadlock::CHILD, daemon::CHILD],
        next: "cargo run -p process-demo",
    })
}
