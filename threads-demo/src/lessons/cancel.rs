//! A thread cannot be stopped from outside: it has no `kill`, and dropping its handle only detaches it.
//! It stops by itself, where it reads a flag, or where a call returns an error.
//!
//! You will see the compiler look for `kill`, and how many of its requests a thread makes: if its
//! handle is dropped after the first, if a flag is set, and if its socket is shut down.
//!
//! Try it: `if false && stop.load(Relaxed) {`. The flag then stops nothing, and the third finding fails.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender};
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::http::Server;
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use crate::lessons::compiler::Case;

pub const LESSON: Lesson = Lesson::new(
    "cancel",
    "Four ways to stop a thread, of which two work",
    &["T9"],
    run,
    include_str!("cancel.rs"),
)
.uses(&["tasks", "delay"]);

const KILL: Case = Case {
    says: "A thread has no kill",
    error: "E0599",
    program: "fn main() { let thread = std::thread::spawn(|| 1); drop(LINE); }",
    trap: "thread.kill()",
    cure: "thread.join()",
};

fn run(lab: &Lab) -> Result<Evidence> {
    let (server, path) = (lab.server()?, lab.target()?.url.path().to_string());
    let mut findings = vec![KILL.finding("T9")];
    for (way, stops, says) in [
        (Way::DropHandle, false, "Dropping its handle does not stop it"),
        (Way::SetFlag, true, "It stops where it reads a flag"),
        (Way::ShutDown, true, "Shutting down its socket ends its read"),
    ] {
        let requests = try_to_stop(way, server, &path, lab.tasks)?;
        findings.push(check(lab.tasks, requests, stops).on("T9", says));
    }
    Ok(Evidence::new(Vec::new(), findings))
}

/// Ways to stop a thread from outside.
enum Way {
    DropHandle,
    SetFlag,
    ShutDown,
}

/// Sends `n` requests on one connection, each after the answer to the one before.
fn ask(mut socket: &TcpStream, path: &str, n: usize, stop: &AtomicBool, _at_work: Sender<()>) {
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for _ in 0..n {
        if stop.load(Relaxed) {
            return;
        }
        let sent = socket.write_all(request.as_bytes());
        // The body, "waited 100 ms", is the last line. Without it, the connection is gone.
        if sent.is_err() || !lines.any(|line| line.starts_with("waited")) {
            return;
        }
    }
}

/// Starts a thread that makes `n` requests, and tries to stop it after the first. Returns how many the
/// server had seen by then, and in all.
fn try_to_stop(way: Way, server: &Server, path: &str, n: usize) -> Result<(usize, usize)> {
    let socket = TcpStream::connect(server.url("").trim_start_matches("http://"))?;
    let (counters, stop) = (server.reset_counters(), Arc::new(AtomicBool::new(false)));
    let (its_socket, its_stop, its_path) = (socket.try_clone()?, stop.clone(), path.to_string());
    let (at_work, ended) = mpsc::channel();
    let work = move || ask(&its_socket, &its_path, n, &its_stop, at_work);
    let thread = Builder::new().spawn(work).context("cannot start a thread")?;
    counters.wait_until(Duration::from_secs(60), |counters| counters.hits.load(Relaxed) > 0);
    match way {
        Way::DropHandle => drop(thread),
        Way::SetFlag => stop.store(true, Relaxed),
        Way::ShutDown => socket.shutdown(Shutdown::Read)?,
    }
    let before = counters.hits.load(Relaxed);
    let _ = ended.recv(); // Returns when the thread has ended, and dropped its sender.
    Ok((before, counters.hits.load(Relaxed)))
}

/// The server had seen some of a thread's `n` requests `before` it was to stop, and `requests` in all.
/// One that was already on its way may come in between.
fn check(n: usize, (before, requests): (usize, usize), stops: bool) -> Check {
    let reason = match (requests < n, stops) {
        (true, true) => (Verdict::Holds, "it ended early, and the server counted its requests"),
        (false, false) => {
            (Verdict::Holds, "it went on to its end, and the server counted its requests")
        }
        (true, false) => (Verdict::Fails, "it stopped before its end"),
        (false, true) => (Verdict::Fails, "it went on to its end"),
    };
    let predicted =
        if stops { format!("fewer than {n} requests") } else { format!("{n} requests") };
    let late = before + 2 > n;
    Check::new(predicted, format!("{requests} of {n} requests"), reason)
        .unless(late.then_some("its last request was too near to stop it"))
        .unless((n < 3).then_some("fewer than 3 requests are over before a thread can stop"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;

    #[test]
    fn thread_that_nothing_stops_fails() {
        let server = arm::server();
        let attempt = |way| try_to_stop(way, &server, "/delay/50", 10).unwrap();
        let [runs_on, flag, socket] = [Way::DropHandle, Way::SetFlag, Way::ShutDown].map(attempt);
        for (requests, stops, verdict) in [
            (runs_on, false, Holds),
            (flag, true, Holds),
            (socket, true, Holds),
            (flag, false, Fails),
            (socket, false, Fails),
            (runs_on, true, Fails),
            ((9, 10), true, NotShown),
        ] {
            let check = check(10, requests, stops);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
        assert_eq!(check(2, (1, 1), true).verdict, NotShown);
        if !arm::has_rustc() {
            return println!("skipped in part: no rustc");
        }
        let killed = Case { trap: KILL.cure, ..KILL }.finding("T9");
        assert_eq!((KILL.finding("T9").verdict, killed.verdict), (Holds, Fails));
    }
}
