//! 12 blocking: a thread for the blocking call, and an await for its result.

use std::process::ExitCode;

use exercises::blocking;

async fn work(call: fn() -> usize) -> usize {
    tokio::task::spawn_blocking(call).await.unwrap()
}

pub fn main() -> ExitCode {
    blocking::main(work)
}
