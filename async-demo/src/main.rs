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

use shared::apart;
use shared::cli::{Demo, Lesson, Mode};

mod blocking_call;
mod cancel;
mod cost;
mod costs;
mod generator;
mod judge;
mod lazy;
mod notebook;
mod ranking;
mod scale;
mod serve;
mod sessions;
mod shutdown;
mod sum_vs_max;
mod unstoppable;

/// The first runs when none is named.
#[rustfmt::skip]
const LESSONS: &[Lesson] = &[
    Lesson::new("notebook", notebook::ABOUT, &["A1", "A2", "A4"], notebook::run),
    Lesson::new("sum-vs-max", sum_vs_max::ABOUT, &["A3"], sum_vs_max::run).tasks(3).at_most(20).own_server(),
    Lesson::new("lazy", lazy::ABOUT, &["A8"], lazy::run).own_server(),
    Lesson::new("generator", generator::ABOUT, &["A7", "A9", "A10"], generator::run),
    Lesson::new("blocking-call", blocking_call::ABOUT, &["A6"], blocking_call::run),
    Lesson::new("cancel", cancel::ABOUT, &["A4"], cancel::run).own_server(),
    Lesson::new("unstoppable", unstoppable::ABOUT, &["A4"], unstoppable::run),
    Lesson::new("shutdown", shutdown::ABOUT, &["A4"], shutdown::run).own_server(),
    Lesson::new("sessions", sessions::ABOUT, &["A11"], sessions::run).own_server(),
    Lesson::new("ranking", ranking::ABOUT, &["A12"], ranking::run).at_most(1_000),
    Lesson::new("cost", cost::ABOUT, &["A5", "T6", "T8", "P6"], cost::run),
    Lesson::new("scale", scale::ABOUT, &["A5"], scale::run).tasks(10_000).delay_ms(2000).apart(),
];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "Async: many tasks on one thread, each giving way to the others while it waits",
        plus: &["max(x, y, z) in place of x + y + z", "tasks can be stopped", "cheap tasks"],
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
        hidden: &[apart::HIDDEN, costs::CHILD, costs::IDLE],
        next: "cargo run -p cpu-bound-demo",
    })
}
