//! One GET by a socket of std that blocks its thread: what a thread needs at the least, without the
//! event loop that the general blocking client has.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::Task;
use shared::http::Target;
use shared::http::permit::Permit;
use shared::os::clock::now_ms;

/// Asks the embedded server, whose answers are short.
pub struct BlockingSocket {
    address: SocketAddr,
    request: String,
    timeout: Duration,
}

impl BlockingSocket {
    /// # Errors
    /// The host has no address.
    pub fn new(target: &Target) -> Result<BlockingSocket> {
        let address = target.url.socket_addrs(|| None)?.first().copied();
        let address = address.context("the host has no address")?;
        let path = target.url.path();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        Ok(BlockingSocket { address, request, timeout: target.timeout })
    }

    /// Runs task `id`, and blocks this thread until it is over.
    pub fn get(&self, id: usize) -> Task {
        let permit = match Permit::acquire_blocking(1) {
            Ok(permit) => permit,
            Err(error) => return Task::failed(id, error.to_string()),
        };
        let start_ms = now_ms();
        let done = self.ask();
        drop(permit);
        match done {
            Ok(true) => Task::done(id, start_ms),
            Ok(false) => Task { start_ms, ..Task::failed(id, "the answer is not 200") },
            Err(error) => Task { start_ms, ..Task::failed(id, error.to_string()) },
        }
    }

    fn ask(&self) -> io::Result<bool> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.write_all(self.request.as_bytes())?;
        let mut answer = [0; 256];
        let length = stream.read(&mut answer)?; // The thread waits here, in the kernel.
        Ok(answer[..length].starts_with(b"HTTP/1.1 200 "))
    }
}
