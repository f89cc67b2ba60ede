//! Without a pipe, the output goes where ours goes.

use std::process::{ExitCode, Output};

use exercises::processes::{self, Program};

fn ask_in_processes(n: usize, program: &Program) -> Vec<Output> {
    let mut children = Vec::new();
    for id in 0..n {
        children.push(program.command(id).spawn().unwrap());
    }
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

pub fn main() -> ExitCode {
    processes::main(ask_in_processes)
}
