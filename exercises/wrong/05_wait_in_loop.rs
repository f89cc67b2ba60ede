//! Each process is waited for before the next is started.

use std::process::{ExitCode, Output, Stdio};

use exercises::processes::{self, Program};

fn ask_in_processes(n: usize, program: &Program) -> Vec<Output> {
    let mut outputs = Vec::new();
    for id in 0..n {
        let child = program.command(id).stdout(Stdio::piped()).spawn().unwrap();
        outputs.push(child.wait_with_output().unwrap());
    }
    outputs
}

pub fn main() -> ExitCode {
    processes::main(ask_in_processes)
}
