//! A process that dies, however it dies, takes its own task with it and no other: its parent sees the
//! end of the pipe, and the operating system tells how it ended.
//!
//! You will see three workers die, one by abort, one by an exit without an answer, one killed from
//! outside, and all the other tasks done. Then the first worker of a pool dies, and is replaced.
//!
//! Try it: a fourth way to die, such as a stack overflow.

use std::io::stdin;
use std::process::{Stdio, abort, exit};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, Result};
use shared::activity::Show;
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::worker::{self, Request, Worker};
use crate::{judge, notebook, pool};

/// What starts this program as a worker that dies when it gets its task.
pub const CHILD: Hidden = Hidden::new("crash-worker", crash);
pub const ABOUT: &str = "Workers die in the middle of a task: who goes on?";

const WAYS: [&str; 3] = ["abort", "exit", "kill"];

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k, target) = (lab.tasks, lab.workers, lab.target()?);
    let victims = WAYS.len().min(n - 1);
    let mut processes = lab.run("processes", lab.delay_ms, |_| {
        let mut workers = Vec::new();
        for id in 0..n {
            let name = format!("Process-{}", id + 1);
            let way = WAYS.get(id).filter(|_| id < victims);
            let mut worker = match way {
                None => notebook::start(&name, target.show)?,
                Some(way) => dying(way, &name, target.show)?,
            };
            worker.ask(Request::new(id, target));
            if way == Some(&"kill") {
                worker.kill();
            }
            workers.push(worker);
        }
        Ok(workers.iter_mut().map(Worker::answer).collect())
    })?;
    processes.lost_on_purpose = victims;

    // New: a pool notices, and starts another worker in the place of the one that died.
    let first = AtomicBool::new(true);
    let mut pool = lab.run("process-pool", None, |_| {
        let start = |name: &str| match first.swap(false, Relaxed) {
            true => dying("abort", name, target.show),
            false => notebook::start(name, target.show),
        };
        Ok(pool::serve(k, n, 0, start, |id| Request::new(id, target))?.tasks)
    })?;
    pool.lost_on_purpose = 1;
    let findings = vec![
        judge::crash(&processes, victims).on("P4", "A process that dies takes its own task only"),
        judge::replaced(&pool, k).on("P10", "A pool replaces a worker that dies"),
    ];
    Ok(Evidence::new(vec![processes, pool], findings))
}

/// Starts a worker that will die in this `way`.
fn dying(way: &str, name: &str, show: Show) -> Result<Worker> {
    let _turn = worker::one_at_a_time();
    let mut command = child::this_program(CHILD.name)?;
    let command = command.arg(way).stdin(Stdio::piped());
    let child = command.stdout(Stdio::piped()).spawn();
    Worker::new(name.to_string(), child.context("cannot start a worker")?, show)
}

/// The worker: reads its task, and dies.
fn crash(words: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    stdin().read_line(&mut String::new())?;
    match words.first().map(String::as_str) {
        Some("abort") => abort(),
        Some("exit") => exit(0),                     // As if all were well.
        _ => stdin().read_line(&mut String::new())?, // Until it is killed.
    };
    Ok(())
}
