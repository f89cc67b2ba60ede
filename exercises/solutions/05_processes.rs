//! 05 processes: first spawn them all, each with a pipe; then wait for each.

use std::process::{ExitCode, Output, Stdio};

use exercises::processes::{self, Program};

fn ask_in_processes(n: usize, program: &Program) -> Vec<Output> {
    let mut children = Vec::new();
    for id in 0..n {
        children.push(program.command(id).stdout(Stdio::piped()).spawn().unwrap());
    }
    let mut outputs = Vec::new();
    for child in children {
        outputs.push(child.wait_with_output().unwrap());
    }
    outputs
}

pub fn main() -> ExitCode {
    processes::main(ask_in_processes)
}
