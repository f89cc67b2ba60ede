//! 02 count: ten threads add 1 each, and no update is lost.
//!
//! `register.read()` and `register.write(value)` are two steps, as in `count += 1`. Keep the
//! threads, and let no thread read between the read and the write of another.

use std::process::ExitCode;
use std::thread;

use exercises::count::{self, Register};

fn add_all(register: &Register, n: usize) {
    thread::scope(|scope| {
        for _ in 0..n {
            scope.spawn(|| {
                let value = register.read();
                register.write(value + 1);
            });
        }
    });
}

pub fn main() -> ExitCode {
    count::main(add_all)
}
