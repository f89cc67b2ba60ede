//! The call is never made.

use std::process::ExitCode;

use exercises::blocking;

async fn work(call: fn() -> usize) -> usize {
    let _ = call;
    0
}

pub fn main() -> ExitCode {
    blocking::main(work)
}
