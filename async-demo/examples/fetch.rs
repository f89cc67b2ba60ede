//! A program to start from. It needs nothing else of this repository: see README, "Start your own".

use std::io::{self, ErrorKind, Write};
use std::{collections::HashMap, num::NonZero, pin::pin, process::exit, time::Duration};

use anyhow::{Context, Error, Result};
use clap::Parser;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio::{signal::ctrl_c, task::JoinSet};

/// GETs every URL on stdin, one a line, and prints a line of JSON for each as soon as it is done.
/// Exit code: 0 all fetched, 1 not all, 2 bad input, 3 cannot start, 4 cannot write, 130 Ctrl-C.
#[derive(Parser)]
struct Args {
    /// Requests in flight at once; each needs a file descriptor (`ulimit -n`)
    #[arg(long, default_value = "8")]
    limit: NonZero<usize>,
    /// Seconds for each attempt, to the end of the body
    #[arg(long, default_value_t = 10)]
    timeout: u32,
    /// Further attempts after a failure that may pass
    #[arg(long, default_value_t = 2)]
    retries: u32,
}

#[tokio::main] // On several threads, so that a slow reader of stdout delays `main`, but no request.
async fn main() {
    let args = Args::parse();
    let urls = read_urls().unwrap_or_else(|error| fail(2, error));
    // reqwest would bring aws-lc for https; ring builds faster. An error means that one is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(Duration::from_secs(args.timeout.into()));
    let client = client.user_agent(env!("CARGO_PKG_NAME")).build();
    let client = client.unwrap_or_else(|error| fail(3, error));
    exit(fetch_all(&args, &client, urls).await) // A return would wait for a DNS lookup that hangs.
}

fn fail(code: i32, error: impl Into<Error>) -> ! {
    let _ = writeln!(io::stderr(), "{}: {:#}", env!("CARGO_CRATE_NAME"), error.into());
    exit(code)
}

/// Reads all URLs before the first request, so that a bad one does not end the run halfway.
fn read_urls() -> Result<Vec<String>> {
    let input = io::read_to_string(io::stdin()).context("cannot read stdin")?;
    for (number, line) in (1..).zip(input.lines()) {
        Url::parse(line).with_context(|| format!("line {number} of stdin is not a URL"))?;
    }
    Ok(input.lines().map(String::from).collect())
}

/// Prints exactly one line for each URL, and returns the exit code.
async fn fetch_all(args: &Args, client: &Client, urls: Vec<String>) -> i32 {
    let (mut waiting, mut failed, mut interrupted) = (urls.into_iter(), false, false);
    // By task, because one that panics does not return its URL.
    let (mut running, mut in_flight) = (JoinSet::new(), HashMap::new());
    // Not created in the loop: a new `ctrl_c()` in each round would miss a signal in between.
    let mut interrupt = pin!(ctrl_c());
    // For the requests in flight at Ctrl-C; another Ctrl-C ends it. It begins with its first poll.
    let mut grace = pin!(async { timeout(Duration::from_secs(2), ctrl_c()).await });
    loop {
        let free = if interrupted { 0 } else { args.limit.get() - running.len() };
        for url in waiting.by_ref().take(free) {
            let task = running.spawn(fetch(client.clone(), url.clone(), args.retries));
            in_flight.insert(task.id(), url);
        }
        tokio::select! {
            ended = running.join_next_with_id() => failed |= match ended {
                Some(Ok((id, line))) => print(in_flight.remove(&id), line),
                Some(Err(panic)) => print(in_flight.remove(&panic.id()), failure(panic)),
                None => break,
            },
            result = &mut interrupt, if !interrupted => {
                result.unwrap_or_else(|error| fail(3, error));
                interrupted = true; // From now on, nothing new starts.
            }
            _ = &mut grace, if interrupted => break,
        }
    }
    drop(running); // Cancels what is still in flight.
    for url in in_flight.into_values().chain(waiting) {
        failed |= print(Some(url), failure(Error::msg("cancelled")));
    }
    if interrupted { 130 } else { failed.into() }
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
async fn fetch(client: Client, url: String, retries: u32) -> Value {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match get(&client, &url).await {
            Ok(line) => return line,
            Err(error) if attempts > retries || !may_pass(&error) => return failure(error),
            // At random, so that requests that failed together do not return together.
            Err(_) => sleep(Duration::from_millis(fastrand::u64(..100 << attempts.min(6)))).await,
        }
    }
}

async fn get(client: &Client, url: &str) -> reqwest::Result<Value> {
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len(); // Not kept: a body may be larger than the memory.
    }
    Ok(json!({ "status": response.status().as_u16(), "bytes": bytes }))
}

/// Whether another attempt may help: not after "404 Not Found" or a redirect loop.
fn may_pass(error: &reqwest::Error) -> bool {
    let passes = |s: StatusCode| s.is_server_error() || s == StatusCode::TOO_MANY_REQUESTS;
    !error.is_builder() && !error.is_redirect() && error.status().is_none_or(passes)
}
