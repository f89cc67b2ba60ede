//! The web site that the learner's code asks: blocking ([`Site`]) or async ([`AsyncSite`]).

use std::env;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::event::{What, record, threads_started};

/// The environment variable with the server's address.
pub const SITE: &str = "EXERCISE_SITE";

/// How long a request, or what an exercise has in its place, waits for others. Only a wrong answer waits so long.
pub const PATIENCE: Duration = Duration::from_millis(2500);

/// What a request waits for.
pub enum Wait {
    /// Until so many requests wait at the same time.
    Gate(usize),
    /// The same, and then so long that the others have come back.
    LateGate(usize),
    /// Until so many others have arrived after it.
    After(usize),
    /// For ever, as far as the learner's code can tell: the judge needs no minute to see it wait.
    Forever,
    /// Not at all.
    Not,
}

/// The site's answer to one request. Only the site can make it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct Answer {
    /// The id of the request.
    pub id: usize,
}

/// A web site. `ask` blocks the thread that calls it.
#[derive(Clone)]
pub struct Site(Arc<Requests>);

impl Site {
    /// A site whose requests wait as `wait` says for the first, the second, and so on from 0.
    pub fn new(wait: fn(usize) -> Wait) -> Site {
        Site(Arc::new(Requests::new(wait)))
    }

    /// Sends request `id`, and waits for the answer.
    pub fn ask(&self, id: usize) -> Answer {
        let (request, path) = self.0.begin(id);
        let answer = get(&self.0.address, &path);
        thread::sleep(request.late);
        request.end(answer)
    }
}

/// The same site for async code: while it waits, other tasks run.
#[derive(Clone)]
pub struct AsyncSite(Arc<Requests>);

impl AsyncSite {
    /// See [`Site::new`].
    pub fn new(wait: fn(usize) -> Wait) -> AsyncSite {
        AsyncSite(Arc::new(Requests::new(wait)))
    }

    /// A future that sends request `id` and waits for the answer. Like every future, it does nothing
    /// before it is awaited or spawned.
    pub fn ask(&self, id: usize) -> impl Future<Output = Answer> {
        record(What::Made(id));
        async move {
            let (request, path) = self.0.begin(id);
            let answer = get_async(&self.0.address, &path).await;
            tokio::time::sleep(request.late).await;
            request.end(answer)
        }
    }
}

struct Requests {
    address: String,
    wait: fn(usize) -> Wait,
    begun: AtomicUsize,
    /// Whether a request has waited in vain. Then the exercise is not passed, and no other waits.
    in_vain: AtomicBool,
}

impl Requests {
    fn new(wait: fn(usize) -> Wait) -> Requests {
        let address = env::var(SITE).unwrap_or_default();
        Requests { address, wait, begun: AtomicUsize::new(0), in_vain: AtomicBool::new(false) }
    }

    fn begin(&self, id: usize) -> (Request<'_>, String) {
        record(What::Begun(id));
        let patience = if self.in_vain.load(SeqCst) { 0 } else { PATIENCE.as_millis() };
        let (path, late_ms) = match (self.wait)(self.begun.fetch_add(1, SeqCst)) {
            Wait::Gate(n) => (format!("/gate/{n}/{patience}"), 0),
            Wait::LateGate(n) => (format!("/gate/{n}/{patience}"), 50),
            Wait::After(n) => (format!("/after/{n}/{patience}"), 0),
            Wait::Forever => (format!("/gate/1000/{patience}"), 0),
            Wait::Not => ("/delay/0".into(), 0),
        };
        let late = Duration::from_millis(if patience == 0 { 0 } else { late_ms });
        (Request { id, requests: self, late, ended: false }, path)
    }
}

/// A request under way.
struct Request<'a> {
    id: usize,
    requests: &'a Requests,
    /// How long it waits once it has its answer.
    late: Duration,
    ended: bool,
}

impl Request<'_> {
    /// Ends with the answer.
    ///
    /// # Panics
    /// There is none, because the OS refused the connection.
    fn end(mut self, answer: io::Result<String>) -> Answer {
        let id = self.id;
        let answer = answer.unwrap_or_else(|error| panic!("request {id} failed: {error}"));
        self.ended = true;
        if answer.starts_with("HTTP/1.1 200") {
            record(What::Ended(id));
        } else {
            if !self.requests.in_vain.swap(true, SeqCst) {
                record(What::Threads(threads_started(0, Duration::ZERO)));
            }
            record(What::InVain(id));
        }
        Answer { id }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.ended {
            record(What::Dropped(self.id));
        }
    }
}

/// # Errors
/// Those of the connection.
pub fn get(address: &str, path: &str) -> io::Result<String> {
    let (mut stream, mut answer) = (TcpStream::connect(address)?, String::new());
    stream.write_all(request(path).as_bytes())?;
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

async fn get_async(address: &str, path: &str) -> io::Result<String> {
    let (mut stream, mut answer) = (tokio::net::TcpStream::connect(address).await?, String::new());
    stream.write_all(request(path).as_bytes()).await?;
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}
