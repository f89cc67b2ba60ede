//! The embedded server as a process of its own, so that its memory, CPU time and file descriptors
//! do not count as those of the program that asks it.

use std::cell::RefCell;
use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, ensure};
use shared::http::Server;
use shared::lab::CounterSource;
use shared::os::child::{ChildMode, PipedChild, write_line};

/// Starts this program as the server. It ends with its stdin, so it does not outlive its parent.
pub const MODE: ChildMode = ChildMode::new("server-process", serve).reads_stdin();

/// The server's pipes. Dropping it kills and reaps the process.
pub struct ServerProcess {
    server: RefCell<PipedChild>,
    address: String,
}

impl ServerProcess {
    /// Starts the server on a port that the OS chooses.
    ///
    /// # Errors
    /// The process cannot be started, or it cannot listen.
    pub fn start() -> Result<Rc<dyn CounterSource>> {
        let server = MODE.spawn(&[]).context("cannot start the server's process")?;
        let mut process = ServerProcess { server: server.into(), address: String::new() };
        process.address = process.read_line()?;
        Ok(Rc::new(process))
    }

    fn ask(&self, question: &str) -> Result<String> {
        let asked = writeln!(self.server.borrow_mut().stdin, "{question}");
        asked.context("the server's process has ended")?;
        self.read_line()
    }

    fn read_line(&self) -> Result<String> {
        let mut line = String::new();
        let length = self.server.borrow_mut().stdout.read_line(&mut line)?;
        ensure!(length > 0, "the server's process has ended");
        Ok(line.trim_end().into())
    }
}

impl CounterSource for ServerProcess {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn reset_counters(&self) -> Result<()> {
        self.ask("reset").map(|_| ())
    }

    fn peak_and_connections(&self) -> Result<(usize, usize)> {
        let line = self.ask("read")?;
        let counters = line.split_once(' ');
        let (peak, connections) = counters.context("the server's process sent no counters")?;
        Ok((peak.parse()?, connections.parse()?))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails only if the process has already ended.
        let child = &mut self.server.get_mut().child;
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The server's main: prints its address, and answers each line of its stdin with its counters.
fn serve(_: &[String]) -> Result<()> {
    let server = Server::start(Ipv4Addr::LOCALHOST.into(), 0)?;
    write_line(server.url(""));
    for line in io::stdin().lines().map_while(Result::ok) {
        let counters = if line == "reset" { server.reset_counters() } else { server.counters() };
        let (peak, connections) = (&counters.peak_in_flight, &counters.connections);
        write_line(format!("{} {}", peak.load(Relaxed), connections.load(Relaxed)));
    }
    Ok(())
}
