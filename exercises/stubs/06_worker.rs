//! 06 worker: a worker process that answers each line before it gets the next.
//!
//! A task is a line of JSON on stdin, an answer is a line of JSON on stdout. This worker
//! reads all tasks, then answers them. But its parent sends a task only when it has the
//! answer to the last one.
//!
//! Answer each line as it comes, each in a single write, and end when the input ends.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use exercises::worker;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Task {
    id: usize,
    number: u64,
}

#[derive(Serialize)]
struct Answer {
    id: usize,
    square: u64,
}

fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    for line in text.lines() {
        let task: Task = serde_json::from_str(line)?;
        let answer = Answer { id: task.id, square: task.number * task.number };
        let mut bytes = serde_json::to_vec(&answer)?;
        bytes.push(b'\n');
        output.write_all(&bytes)?;
        output.flush()?;
    }
    Ok(())
}

pub fn main() -> ExitCode {
    worker::main(serve)
}
