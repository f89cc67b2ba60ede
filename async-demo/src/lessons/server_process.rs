//! The embedded server as a process of its own, so that its memory, CPU time and file descriptors
//! do not count as those of the program that asks it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, Stdio};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver};
use std::thread::Builder;

use anyhow::{Context, Result};
use shared::http::Server;
use shared::lab::CounterSource;
use shared::os::child::{self, ChildMode, write_line};

/// Starts this program as the server. It ends with its stdin, so it does not outlive its parent.
pub const MODE: ChildMode = ChildMode::new("server-process", serve).reads_stdin();

/// The server's process. Dropping this kills and reaps it.
pub struct ServerProcess {
    server: Child,
    stdin: ChildStdin,
    /// Lines of its stdout, read on a thread, because std reads a pipe without a deadline.
    answers: Receiver<String>,
    address: String,
}

impl ServerProcess {
    /// Starts the server on a port that the OS chooses.
    ///
    /// # Errors
    /// The process cannot be started, or it cannot listen.
    pub fn start() -> Result<Rc<dyn CounterSource>> {
        let mut command = MODE.command(&[])?;
        let server = child::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut server = server.context("cannot start the server's process")?;
        let pipes = server.stdin.take().zip(server.stdout.take());
        let (stdin, stdout) = pipes.context("the server's process has no pipes")?;
        let (send, answers) = mpsc::channel();
        let read = move || {
            BufReader::new(stdout)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        };
        let mut process = ServerProcess { server, stdin, answers, address: String::new() };
        Builder::new().spawn(read).context("cannot start a thread")?;
        process.address = process.answer()?;
        Ok(Rc::new(process))
    }

    fn ask(&self, question: &str) -> Result<String> {
        let asked = writeln!(&self.stdin, "{question}");
        asked.context("the server's process has ended")?;
        self.answer()
    }

    fn answer(&self) -> Result<String> {
        let answer = self.answers.recv_timeout(child::DEADLINE).ok();
        answer.context("the server's process has ended or hangs")
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
        let _ = self.server.kill();
        let _ = self.server.wait();
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
