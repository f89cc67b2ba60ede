//! The lock is free between the read and the write.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::count::{self, Register};

fn add_all(register: &Register, n: usize) {
    let lock = Mutex::new(());
    thread::scope(|scope| {
        for _ in 0..n {
            scope.spawn(|| {
                let guard = lock.lock().unwrap();
                let value = register.read();
                drop(guard);
                let _guard = lock.lock().unwrap();
                register.write(value + 1);
            });
        }
    });
}

pub fn main() -> ExitCode {
    count::main(add_all)
}
