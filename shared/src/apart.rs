//! The embedded server as a process of its own, so that neither its memory, nor its CPU time, nor its
//! descriptors are counted to the program that asks it.

use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, ensure};

use crate::child::{self, Piped};
use crate::cli::{Hidden, Stop};
use crate::server::Server;

/// What starts a demo as such a server; to be listed in [`crate::cli::Demo::hidden`].
pub const HIDDEN: Hidden = Hidden::new("server-apart", serve);

/// The other end of the server's pipes. Dropped, it kills and reaps the process.
pub struct Apart {
    server: Piped,
    address: String,
}

impl Apart {
    /// Starts this program again as a server on a port that the operating system chooses.
    ///
    /// # Errors
    /// The process cannot be started, or it cannot listen.
    pub fn start() -> Result<Apart> {
        let server = child::piped(HIDDEN.name, &[]).context("cannot start the server's process")?;
        let address = String::new();
        let mut apart = Apart { server, address };
        apart.address = apart.read()?;
        Ok(apart)
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Most requests that waited for their answer at the same time, and connections accepted, both
    /// since the start or the last call.
    ///
    /// # Errors
    /// The server is gone.
    pub fn seen(&mut self) -> Result<(usize, usize)> {
        self.server.to.write_all(b"\n").context("the server is gone")?;
        let line = self.read()?;
        let (peak, connections) = line.split_once(' ').context("the server is gone")?;
        Ok((peak.parse()?, connections.parse()?))
    }

    fn read(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.server.from.read_line(&mut line)?;
        ensure!(length > 0, "the server's process is gone");
        Ok(line.trim_end().into())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // Both are no more than refused when it has ended already.
        let _ = self.server.child.kill();
        let _ = self.server.child.wait();
    }
}

/// The server's main: says where it listens, answers each line of its stdin with what it has seen,
/// and ends with its stdin, so that it does not outlive its parent.
fn serve(_: &[String]) -> Result<()> {
    if io::IsTerminal::is_terminal(&io::stdin()) {
        let why = "this mode is for the program itself: see serve for a server of your own";
        return Err(Stop::Usage(why.into()).into());
    }
    let server = Server::start(Ipv4Addr::LOCALHOST.into(), 0)?;
    let mut seen = server.observe();
    child::tell(server.url(""));
    for _ in io::stdin().lines().map_while(Result::ok) {
        let (peak, connections) = (&seen.peak_in_flight, &seen.connections);
        child::tell(format!("{} {}", peak.load(Relaxed), connections.load(Relaxed)));
        seen = server.observe();
    }
    Ok(())
}
