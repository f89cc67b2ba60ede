//! Runs the learner's code in a process of its own, and watches it from outside, so that a hang, a
//! crash or endless output is evidence too.

use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared::http::Server;
use shared::os::child::{self, ChildExit};
use shared::os::fd_limit;

use crate::event::{Event, What};
use crate::seen::{End, Printed, Seen};
use crate::site::SITE;

/// The environment variable with the judge's address. Only a learner's process has it.
pub const JUDGE: &str = "EXERCISE_JUDGE";

/// How long the learner's code may run, and how long it may do nothing that the judge can see.
const LIMIT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(3);

/// The same while a request is under way: it waits for a while, and ends in vain at the latest.
const SILENCE_WHILE_OPEN: Duration = Duration::from_secs(5);

/// How long it may go on once a request has waited in vain.
const AFTER_VAIN: Duration = Duration::from_millis(500);

/// How long the judge waits for requests that are still open when the function has returned.
const SETTLE: Duration = Duration::from_secs(2);

/// How long to wait for remaining output: a process that it started may hold the pipe.
const DRAIN: Duration = Duration::from_millis(500);

/// More events than any answer causes.
const MOST_EVENTS: usize = 2_000;

/// How much of its output is kept.
const KEPT: usize = 4_000;

/// Starts this program again, as the learner's process, and watches it to its end. `source` is the
/// learner's file.
///
/// # Errors
/// The server or the process cannot be started.
pub fn run(source: String) -> Result<Seen> {
    fd_limit::raise_limit();
    let server = Server::start(Ipv4Addr::LOCALHOST.into(), 0)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1));
    command.env(SITE, server.url("").trim_start_matches("http://"));
    command.env(JUDGE, listener.local_addr()?.to_string());
    command.env("RAYON_NUM_THREADS", "2");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, which can be killed as a whole.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let events = receive(listener)?;
    let mut child = child::spawn(&mut command).context("cannot start the exercise")?;
    let stdout = child.stdout.take().map(capture).transpose()?;
    let stderr = child.stderr.take().map(capture).transpose()?;

    let (end, mut seen) = watch(&mut child, &events)?;
    if matches!(end, End::Returned(_)) {
        // The process still lives. Requests that the function has cancelled end now.
        let give_up = Instant::now() + SETTLE;
        let open = |seen: &[Event]| seen.iter().map(|event| event.what.change()).sum::<isize>();
        while open(&seen) > 0 && seen.len() < MOST_EVENTS {
            let left = give_up.saturating_duration_since(Instant::now());
            let Ok(event) = events.recv_timeout(left) else { break };
            seen.push(event);
        }
    }
    let counters = server.counters();
    kill(&mut child)?;
    let printed = |pipe: Option<Receiver<Printed>>| {
        pipe.and_then(|pipe| pipe.recv_timeout(DRAIN).ok()).unwrap_or_default()
    };
    Ok(Seen {
        end,
        events: seen,
        requests: counters.hits.load(SeqCst),
        peak_at_server: counters.peak_in_flight.load(SeqCst),
        connections: counters.connections.load(SeqCst),
        stdout: printed(stdout),
        stderr: printed(stderr),
        source,
    })
}

/// Collects events until the function returns, the process ends or its time is over.
fn watch(child: &mut Child, events: &Receiver<Event>) -> Result<(End, Vec<Event>)> {
    let mut seen: Vec<Event> = Vec::new();
    let (start, mut last, mut limit) = (Instant::now(), None, LIMIT);
    let (mut open, mut died) = (0, None);
    loop {
        // What a process sent before its end may arrive after the news of its end.
        let pause = Duration::from_millis(if died.is_some() { 100 } else { 5 });
        match (events.recv_timeout(pause), died) {
            (Ok(Event { what: What::Returned(value), .. }), _) => {
                return Ok((End::Returned(value), seen));
            }
            (Ok(event), _) => {
                last = Some(Instant::now());
                if matches!(event.what, What::InVain(_)) {
                    limit = limit.min(start.elapsed() + AFTER_VAIN);
                }
                open += event.what.change();
                seen.push(event);
            }
            (Err(_), Some(status)) => return Ok((End::Died(ChildExit::from(status)), seen)),
            (Err(_), None) => died = child.try_wait()?,
        }
        let silence = if open > 0 { SILENCE_WHILE_OPEN } else { SILENCE };
        if last.is_some_and(|last: Instant| last.elapsed() > silence) {
            return Ok((End::Silent, seen));
        }
        if start.elapsed() > limit || seen.len() > MOST_EVENTS {
            return Ok((End::Busy, seen));
        }
    }
}

/// Receives the events of the learner's process, and of those that it starts.
fn receive(listener: TcpListener) -> io::Result<Receiver<Event>> {
    let (send, receive) = mpsc::channel();
    let accept = move || {
        for stream in listener.incoming().flatten() {
            let send = send.clone();
            let read = move || forward(BufReader::new(stream), &send);
            let _ = thread::Builder::new().spawn(read);
        }
    };
    thread::Builder::new().spawn(accept)?;
    Ok(receive)
}

fn forward(lines: impl BufRead, send: &Sender<Event>) {
    for line in lines.lines() {
        let Ok(line) = line else { return };
        if serde_json::from_str(&line).is_ok_and(|event| send.send(event).is_err()) {
            return;
        }
    }
}

/// Reads a pipe to its end on a thread, and keeps its start.
fn capture(mut pipe: impl Read + Send + 'static) -> io::Result<Receiver<Printed>> {
    let (send, receive) = mpsc::channel();
    let read = move || {
        let (mut start, mut length, mut buffer) = (Vec::new(), 0, [0; 8192]);
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            start.extend_from_slice(&buffer[..count.min(KEPT - start.len())]);
            length += count;
        }
        let start = String::from_utf8_lossy(&start).into_owned();
        let _ = send.send(Printed { start, length });
    };
    thread::Builder::new().spawn(read)?;
    Ok(receive)
}

/// Kills the learner's process and those that it has started. On Windows, these end when they notice
/// that the judge is gone.
fn kill(child: &mut Child) -> Result<()> {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    }
    // It may have ended by itself, which is as good.
    let _ = child.kill();
    child.wait()?;
    Ok(())
}
