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

mod notebook;

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
        lessons: &[Lesson {
            name: "notebook",
            about: "Requests one after another, then a thread for each, then a pool of threads",
            claims: &["T1", "T2", "T12"],
            run: notebook::run,
        }],
        modes: &[],
        hidden: &[],
        options: &[],
        next: "cargo run -p process-demo",
    })
}
