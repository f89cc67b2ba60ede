//! An answer without its newline is not a line.

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

fn serve(input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    for line in input.lines() {
        let task: Task = serde_json::from_str(&line?)?;
        let answer = Answer { id: task.id, square: task.number * task.number };
        output.write_all(&serde_json::to_vec(&answer)?)?;
        output.flush()?;
    }
    Ok(())
}

pub fn main() -> ExitCode {
    worker::main(serve)
}
