//! A program to start from. It needs nothing else of this repository: see README, "Start your own".

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicBool, atomic::Ordering::Relaxed, mpsc};
use std::{collections::BTreeMap, num::NonZero, process::exit, thread, time::Duration};

use anyhow::{Context, Error, Result};
use clap::Parser;
use reqwest::{StatusCode, Url, blocking::Client};
use serde_json::{Value, json};

/// GETs every URL on stdin, one a line, and prints a line of JSON for each as soon as it is done.
/// Exit code: 0 all fetched, 1 not all, 2 bad input, 3 cannot start, 4 cannot write, 130 Ctrl-C.
#[derive(Clone, Copy, Parser)]
struct Args {
    /// Threads; each makes one request at a time
    #[arg(long, default_value = "8")]
    limit: NonZero<usize>,
    /// Seconds for each attempt, to the end of the body
    #[arg(long, default_value_t = 10)]
    timeout: u32,
    /// Further attempts after a failure that may pass
    #[arg(long, default_value_t = 2)]
    retries: u32,
}

/// Set by Ctrl-C. From then on, no request starts.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() {
    let args = Args::parse();
    let urls = read_urls().unwrap_or_else(|error| fail(2, error));
    exit(fetch_all(args, urls).unwrap_or_else(|error| fail(3, error))) // Ends the threads, too.
}

fn fail(code: i32, error: Error) -> ! {
    let _ = writeln!(io::stderr(), "{}: {error:#}", env!("CARGO_CRATE_NAME"));
    exit(code)
}

/// Reads all URLs before the first request, so that a bad one does not end the run halfway.
fn read_urls() -> Result<BTreeMap<usize, String>> {
    let input = io::read_to_string(io::stdin()).context("cannot read stdin")?;
    for (number, line) in (1..).zip(input.lines()) {
        Url::parse(line).with_context(|| format!("line {number} of stdin is not a URL"))?;
    }
    Ok(input.lines().map(String::from).enumerate().collect())
}

/// Prints exactly one line for each URL, and returns the exit code.
fn fetch_all(args: Args, mut urls: BTreeMap<usize, String>) -> Result<i32> {
    // reqwest would bring aws-lc for https; ring builds faster. An error means that one is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().user_agent(env!("CARGO_PKG_NAME")).build()?;
    // Bounded: a producer that is faster than the threads waits, and does not fill the memory.
    let (submit, queue) = mpsc::sync_channel::<(usize, String)>(1);
    let (report, reports) = mpsc::channel();
    let (queue, mut failed) = (Arc::new(Mutex::new(queue)), false);
    for _ in 0..args.limit.get().min(urls.len()) {
        let (client, queue, report) = (client.clone(), queue.clone(), report.clone());
        let work = move || loop {
            // A statement of its own, so that no request is made under the lock.
            let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((id, url)) = task else { return };
            let line = catch_unwind(AssertUnwindSafe(|| fetch(args, &client, &url)));
            let line = line.unwrap_or_else(|_| failure(Error::msg("panicked")));
            let _ = report.send(Some((id, line)));
        };
        thread::Builder::new().spawn(work).context("cannot start a thread")?;
    }
    ctrlc::set_handler(move || {
        STOP.store(true, Relaxed);
        thread::sleep(Duration::from_secs(2)); // The requests in flight get this much time.
        let _ = report.send(None);
    })?;
    let mut tasks = urls.clone().into_iter();
    thread::Builder::new().spawn(move || tasks.try_for_each(|task| submit.send(task)))?;
    while !urls.is_empty()
        && let Some((id, line)) = reports.recv()?
    {
        failed |= print(urls.remove(&id), line);
    }
    for url in urls.into_values() {
        failed |= print(Some(url), failure(Error::msg("cancelled")));
    }
    Ok(if STOP.load(Relaxed) { 130 } else { failed.into() })
}

/// Returns whether the line tells of a failure.
fn print(url: Option<String>, mut line: Value) -> bool {
    line["url"] = url.into();
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => !line["error"].is_null(),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0), // `head` has enough.
        Err(error) => fail(4, Error::new(error).context("cannot write to stdout")),
    }
}

fn failure(error: impl Into<Error>) -> Value {
    json!({ "error": format!("{:#}", error.into()) })
}

/// Fetches a URL, if need be again: a GET may be repeated, a POST could order twice.
fn fetch(args: Args, client: &Client, url: &str) -> Value {
    let mut attempts = 0;
    while !STOP.load(Relaxed) {
        attempts += 1;
        match get(client, url, Duration::from_secs(args.timeout.into())) {
            Ok(line) => return line,
            Err(error) if attempts > args.retries || !may_pass(&error) => return failure(error),
            // At random, so that requests that failed together do not return together.
            Err(_) => thread::sleep(Duration::from_millis(fastrand::u64(..100 << attempts.min(6)))),
        }
    }
    failure(Error::msg("cancelled"))
}

fn get(client: &Client, url: &str, timeout: Duration) -> reqwest::Result<Value> {
    // A blocking client's own timeout would begin again with every read.
    let mut response = client.get(url).timeout(timeout).send()?.error_for_status()?;
    let bytes = response.copy_to(&mut io::sink())?; // Not kept: it may be larger than the memory.
    Ok(json!({ "status": response.status().as_u16(), "bytes": bytes }))
}

/// Whether another attempt may help: not after "404 Not Found" or a redirect loop.
fn may_pass(error: &reqwest::Error) -> bool {
    let passes = |s: StatusCode| s.is_server_error() || s == StatusCode::TOO_MANY_REQUESTS;
    !error.is_builder() && !error.is_redirect() && error.status().is_none_or(passes)
}
