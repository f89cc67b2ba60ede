//! 05 processes: five processes that wait at the same time.
//!
//! `program.command(id)` is the command of a process that asks the site once and prints what
//! it got. The site answers once five of them wait at the same time.
//!
//! Start them all, then collect the output of each, in order.

use std::process::{ExitCode, Output};

use exercises::processes::{self, Program};

fn ask_in_processes(n: usize, program: &Program) -> Vec<Output> {
    let mut outputs = Vec::new();
    for id in 0..n {
        outputs.push(program.command(id).output().unwrap());
    }
    outputs
}

pub fn main() -> ExitCode {
    processes::main(ask_in_processes)
}
