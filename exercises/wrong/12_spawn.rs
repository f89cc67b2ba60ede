//! A task of its own does not help: it runs on the same thread.

use std::process::ExitCode;

use exercises::blocking;

async fn work(call: fn() -> usize) -> usize {
    tokio::spawn(async move { call() }).await.unwrap()
}

pub fn main() -> ExitCode {
    blocking::main(work)
}
