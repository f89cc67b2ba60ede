//! A program to start from. It needs nothing else of this repository: see README, "Start your own".

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Write};
use std::process::{Child, Command, Stdio, exit};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError::Timeout, Sender};
use std::{env, fmt::Display, thread, thread::Builder, time::Duration};

use serde_json::{Value, json};

const USAGE: &str = "usage: supervise [--limit N] [--timeout S] [--retries N] [--worker-command C]
Runs each line of stdin as a task in a worker process, and prints a line of JSON for it.
Exit code: 0 all done, 1 not all, 2 bad input, 3 cannot start, 4 cannot write";

/// Your work stands here: it may fail, panic, crash or hang. This counts the primes below a number.
fn work(task: &str) -> Result<usize, String> {
    let end: u64 = task.parse().map_err(|error| format!("not a number: {error}"))?;
    Ok((2..end).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count())
}

fn main() {
    let words: Vec<String> = env::args_os().skip(1).map(|w| w.to_string_lossy().into()).collect();
    let this = env::current_exe().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = Some(vec![this, "--worker".into()]);
    let (mut limit, mut timeout, mut retries) = (4, 10, 1);
    for option in words.chunks(2) {
        match (option[0].as_str(), option.get(1).map(|value| value.parse())) {
            ("--limit", Some(Ok(value @ 1..))) => limit = value,
            ("--timeout", Some(Ok(value))) => timeout = value,
            ("--retries", Some(Ok(value))) => retries = value,
            ("--worker-command", Some(_)) => command = shlex::split(&option[1]), // On host{k}.
            ("--worker", None) => return serve(),
            _ => fail(2, USAGE),
        }
    }
    let command = command.unwrap_or_else(|| fail(2, USAGE));
    let lines = io::stdin().lines().map(|l| l.unwrap_or_else(|e| fail(2, format!("stdin: {e}"))));
    let tasks = (1..).zip(lines).map(|(id, line)| json!({ "id": id, "task": line }));
    exit(run_all(&tasks.collect::<Vec<Value>>(), &command, limit, timeout, retries).into())
}

fn fail(code: i32, error: impl Display) -> ! {
    let _ = writeln!(io::stderr(), "{}: {error}", env!("CARGO_CRATE_NAME"));
    exit(code)
}

/// Prints exactly one line for each task. Returns whether one tells of a failure.
fn run_all(tasks: &[Value], command: &[String], limit: u32, timeout: u32, retries: u32) -> bool {
    let (next, k, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let start = |k| Worker::start(command, k % limit as usize + 1); // Each on the next host.
    let supervise = || {
        let (mut workers, mut idle) = ((k.fetch_add(1, Relaxed)..).map(start).take(100), None);
        while let Some(task) = tasks.get(next.fetch_add(1, Relaxed)) {
            let mut line = task.clone();
            line["error"] = "not run: too many restarts".into();
            for _ in 0..=retries {
                let Some(worker) = idle.take().map(Ok).or_else(|| workers.next()) else { break };
                match worker.and_then(|worker| worker.run(task, timeout)) {
                    Ok((worker, answer)) => {
                        (idle, line) = (Some(worker), answer);
                        break;
                    }
                    Err(error) => line["error"] = error.to_string().into(),
                }
            }
            match writeln!(io::stdout(), "{line}") {
                Ok(()) => failed.fetch_or(!line["error"].is_null(), Relaxed),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0), // `head` has enough.
                Err(error) => fail(4, format_args!("cannot write to stdout: {error}")),
            };
        }
    };
    thread::scope(|scope| {
        for _ in 0..tasks.len().min(limit as usize) {
            Builder::new().spawn_scoped(scope, supervise).unwrap_or_else(|e| fail(3, e));
        }
    });
    failed.into_inner()
}

struct Worker {
    child: Child,
    requests: Sender<Value>,
    answers: Receiver<String>,
}

impl Worker {
    fn start(words: &[String], k: usize) -> io::Result<Worker> {
        let mut words = words.iter().map(|word| word.replace("{k}", &k.to_string()));
        let mut command = Command::new(words.next().unwrap_or_default());
        let mut child = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
        let mut out = BufReader::new(child.stdout.take().ok_or(ErrorKind::BrokenPipe)?).lines();
        let ((requests, todo), (send, answers)) = (mpsc::channel(), mpsc::sync_channel(1));
        // Pipes know no deadline, but channels do. The threads end with the worker.
        Builder::new().spawn(move || todo.iter().try_for_each(|t| writeln!(stdin, "{t}")))?;
        Builder::new().spawn(move || out.try_for_each(|line| send.send(line.ok()?).ok()))?;
        Ok(Worker { child, requests, answers })
    }

    /// Returns the worker and its answer. A worker that gives none, or an echo, is killed.
    fn run(mut self, task: &Value, timeout: u32) -> io::Result<(Worker, Value)> {
        let _ = self.requests.send(task.clone()); // It may be gone.
        let line = self.answers.recv_timeout(Duration::from_secs(timeout.into()));
        let answer: Option<Value> = line.as_deref().ok().and_then(|l| serde_json::from_str(l).ok());
        if let Some(a) = answer.filter(|a| a["id"] == task["id"] && a["result"] != a["error"]) {
            return Ok((self, a));
        }
        self.child.kill()?;
        let fate = if line == Err(Timeout) { "timed out" } else { "was lost" };
        Err(Error::other(format!("worker {fate}: {}", self.child.wait()?))) // Wait reaps it.
    }
}

/// The worker: answers one request after another, each a line of JSON.
fn serve() {
    let (send, requests) = mpsc::channel();
    // On a thread, so that the worker ends with its supervisor even in the middle of a task.
    thread::spawn(move || {
        let _ = io::stdin().lines().map_while(Result::ok).try_for_each(|line| send.send(line));
        exit(0)
    });
    for request in requests {
        let mut line: Value = serde_json::from_str(&request).unwrap_or_else(|error| fail(2, error));
        let done = work(line["task"].as_str().unwrap_or_default());
        let (key, value) = done.map_or_else(|e| ("error", e.into()), |n| ("result", n.into()));
        line[key] = value;
        let _ = writeln!(io::stdout(), "{line}"); // If nobody reads it, stdin ends, too.
    }
}
