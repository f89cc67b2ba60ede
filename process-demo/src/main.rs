//! Processes: the same program several times over, each with memory of its own.
//!
//! - Good for any work, waiting or computing, and one that dies takes nothing with it.
//! - Each costs memory and time to start, and whatever they tell each other must be written out.
//!
//! ```text
//! cargo run -p process-demo
//! ```

use std::process::ExitCode;

use shared::cli::{Demo, Hidden, Lesson};

mod book;
mod crash;
mod dropped;
#[cfg(test)]
mod faults;
mod file_race;
mod full_pipes;
mod judge;
mod notebook;
mod orphans;
mod own_memory;
mod pool;
mod serialize;
mod torn_lines;
mod worker;

/// The first runs when none is named.
#[rustfmt::skip]
const LESSONS: &[Lesson] = &[
    Lesson::new("notebook", notebook::ABOUT, &["P1", "P2", "P10"], notebook::run).options(pool::OPTIONS),
    Lesson::new("crash", crash::ABOUT, &["P4", "P10"], crash::run),
    Lesson::new("own-memory", own_memory::ABOUT, &["P5"], own_memory::run),
    Lesson::new("serialize", serialize::ABOUT, &["P7"], serialize::run),
    Lesson::new("torn-lines", torn_lines::ABOUT, &["P8"], torn_lines::run),
    Lesson::new("file-race", file_race::ABOUT, &["P8"], file_race::run),
    Lesson::new("full-pipes", full_pipes::ABOUT, &["P8"], full_pipes::run),
    Lesson::new("orphans", orphans::ABOUT, &["P9"], orphans::run),
    Lesson::new("dropped", dropped::ABOUT, &["P9"], dropped::run),
];

/// What this program starts itself as.
#[rustfmt::skip]
const HIDDEN: &[Hidden] = &[
    worker::HIDDEN, crash::CHILD, own_memory::CHILD, serialize::CHILD, torn_lines::CHILD,
    file_race::CHILD, full_pipes::CHILD, full_pipes::ECHO, orphans::PARENT, orphans::CHILD,
];

fn main() -> ExitCode {
    shared::cli::main(&Demo {
        name: env!("CARGO_PKG_NAME"),
        about: "Processes: the same program several times over, each with memory of its own",
        plus: &["good for any work", "one that dies takes nothing with it", "own memory"],
        minus: &["memory and time for each", "all they exchange must be written out"],
        http: true,
        tasks: 10,
        max_tasks: 1_000,
        lessons: LESSONS,
        modes: &[],
        hidden: HIDDEN,
        next: "cargo run -p async-demo",
    })
}
