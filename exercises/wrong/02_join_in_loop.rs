//! Each thread is joined before the next starts, so that no lock is needed.

use std::process::ExitCode;
use std::thread;

use exercises::count::{self, Register};

fn add_all(register: &Register, n: usize) {
    thread::scope(|scope| {
        for _ in 0..n {
            let add = || {
                let value = register.read();
                register.write(value + 1);
            };
            scope.spawn(add).join().unwrap();
        }
    });
}

pub fn main() -> ExitCode {
    count::main(add_all)
}
