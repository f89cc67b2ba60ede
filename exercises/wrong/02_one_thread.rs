//! One thread loses no update, but it does all the work.

use std::process::ExitCode;
use std::thread;

use exercises::count::{self, Register};

fn add_all(register: &Register, n: usize) {
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..n {
                let value = register.read();
                register.write(value + 1);
            }
        });
    });
}

pub fn main() -> ExitCode {
    count::main(add_all)
}
