//! A process that dies, however it dies, takes its own task with it and no other: its parent sees the
//! end of the pipe, and the operating system tells how it ended.
//!
//! You will see three workers die, one by abort, one by an exit without an answer, one killed from
//! outside, and all the other tasks done.
//!
//! Try it: a fourth way to die, such as a stack overflow.

use std::io::stdin;
use std::process::{Stdio, abort, exit};

use anyhow::{Context, Result};
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::worker::{self, Request, Worker};
use crate::{judge, notebook};

/// What starts this program as a worker that dies when it gets its task.
pub const CHILD: Hidden = Hidden::new("crash-worker", crash);
pub const ABOUT: &str = "Three workers die in the middle of a task: who goes on?";

const WAYS: [&str; 3] = ["abort", "exit", "kill"];

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, target) = (lab.tasks, lab.target()?);
    let victims = WAYS.len().min(n - 1);
    let mut processes = lab.run("processes", lab.delay_ms, |_| {
        let mut workers = Vec::new();
        for id in 0..n {
            let name = format!("Process-{}", id + 1);
            let way = WAYS.get(id).filter(|_| id < victims);
            let mut worker = match way {
                None => notebook::start(&name, target.show)?,
                Some(way) => {
                    let mut command = child::this_program(CHILD.name)?;
                    let command = command
                        .arg(way)
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped());
                    let child = command.spawn().context("cannot start a worker")?;
                    Worker::new(name, child, target.show)?
                }
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
    let finding =
        judge::crash(&processes, victims).on("P4", "A process that dies takes its own task only");
    Ok(Evidence::new(vec![processes], vec![finding]))
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
