//! The embedded server: it waits as long as it is told and counts what it sees, so that the demos run
//! offline and know what a server saw of them. It runs on a thread of its own.
//!
//! - `/delay/{ms}` answers 200 after so many milliseconds.
//! - `/status/{code}` answers with that status at once.
//! - `/bytes/{n}` answers 200 with so many bytes, at once.
//! - `/gate/{n}` answers 200 once n requests are waiting in it at the same time, or 504 after
//!   [`GATE_DEADLINE`]. A client that sends one request at a time never gets through; passing the
//!   gate proves concurrency without a clock. `/gate/{n}/{ms}` waits so many milliseconds instead.
//! - `/after/{n}` answers 200 once n other requests have arrived after it, whatever their paths, or
//!   504; `/after/{n}/{ms}` likewise.
//!
//! Each client address has gates of its own, and counts its own requests. `?as=name` puts a request
//! into a group of that name instead: several machines can share a gate, and several clients behind
//! one address can have a gate each.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};

use crate::http::gates::{Gates, Group, MAX_NAME};
use crate::os::own_addresses::own_addresses;

/// How long a request waits in `/gate` or `/after` for the others.
pub const GATE_DEADLINE: Duration = Duration::from_secs(5);

/// Longest wait that `/delay` grants, in milliseconds: an hour.
const MAX_DELAY_MS: u64 = 3_600_000;

/// Longest answer that `/bytes` gives: 1 MiB.
const MAX_BYTES: u64 = 1 << 20;

/// Longest head of a request, in bytes; hyper allows no less.
const MAX_HEAD: usize = 8192;

/// How long a client may keep the server waiting: for its next request, for the rest of a head, or
/// because it does not read its answers. After one to two such times the server hangs up.
const IDLE: Duration = Duration::from_secs(60);

/// How long, and how many bytes, a client may go on sending when the server hangs up.
const LINGER: Duration = Duration::from_secs(1);
const MAX_REST: u64 = 1 << 20;

/// Connections that may wait to be accepted. The usual 128 overflows when thousands arrive at once.
const BACKLOG: u32 = 4096;

/// The embedded server. It ends with the process.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

/// What the server has seen since [`Server::reset_counters`].
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that arrived.
    pub hits: AtomicUsize,
    /// Requests waiting for their answer now, and the most that ever did at the same time.
    pub in_flight: AtomicUsize,
    pub peak_in_flight: AtomicUsize,
    /// Connections accepted.
    pub connections: AtomicUsize,
    /// Requests whose client went away before the answer.
    pub disconnects: AtomicUsize,
}

impl Counters {
    /// Requests waiting for their answer now.
    pub fn waiting(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    /// Requests that got their answer.
    pub fn answered(&self) -> usize {
        let hits = self.hits.load(SeqCst);
        let rest = self.in_flight.load(SeqCst) + self.disconnects.load(SeqCst);
        hits.saturating_sub(rest)
    }

    /// Waits until `enough` is true, at most for `deadline`. Returns whether it is.
    pub fn wait_until(&self, deadline: Duration, enough: impl Fn(&Counters) -> bool) -> bool {
        let give_up = Instant::now() + deadline;
        while !enough(self) {
            if Instant::now() >= give_up {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

/// Pages that a program adds to the server. They are not counted as requests.
pub trait Pages: Send + Sync {
    /// The answer for a path of its own, or `None` for the server's.
    fn page(&self, uri: &Uri) -> Option<Response<String>>;

    /// A client's request for one of the server's own paths begins. What this returns is dropped at
    /// its end.
    fn watch(&self, client: IpAddr) -> Box<dyn Send>;
}

#[derive(Default)]
struct State {
    counters: Mutex<Arc<Counters>>,
    gates: Gates,
    pages: Option<Arc<dyn Pages>>,
}

impl Server {
    /// Listens on `ip`; port 0 lets the OS choose one.
    ///
    /// # Errors
    /// The port is taken or not allowed, or the thread cannot be started.
    pub fn start(ip: IpAddr, port: u16) -> Result<Server> {
        Server::start_with(ip, port, None)
    }

    /// The same, with pages of the program's own.
    ///
    /// # Errors
    /// Those of [`Server::start`].
    pub fn start_with(ip: IpAddr, port: u16, pages: Option<Arc<dyn Pages>>) -> Result<Server> {
        let asked = SocketAddr::new(ip, port);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the server's event loop")?;
        let state = Arc::new(State { pages, ..State::default() });
        let listener = {
            let _inside = runtime.enter();
            listen(asked).with_context(|| format!("cannot listen on {asked}"))?
        };
        let address = listener.local_addr()?;
        let accepting = state.clone();
        thread::Builder::new()
            .name("server".into())
            .spawn(move || runtime.block_on(accept(listener, accepting)))
            .context("cannot start the server's thread")?;
        Ok(Server { address, state })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where clients reach it. If it listens on all addresses, these are this machine's own on the
    /// network, or the loopback address if there is none.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let at = |ip| SocketAddr::new(ip, self.address.port());
        let loopback = match self.address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            _ => return vec![self.address],
        };
        // A server on :: may serve IPv4 clients or not, as the OS is set.
        let answers =
            |at: &SocketAddr| TcpStream::connect_timeout(at, Duration::from_secs(1)).is_ok();
        let own: Vec<_> = own_addresses().into_iter().map(at).filter(answers).collect();
        if own.is_empty() { vec![at(loopback)] } else { own }
    }

    /// The counters since the last reset. They go on counting.
    pub fn counters(&self) -> Arc<Counters> {
        lock(&self.state.counters).clone()
    }

    /// Starts new counters. Requests that are still open count where they began.
    pub fn reset_counters(&self) -> Arc<Counters> {
        let fresh = Arc::new(Counters::default());
        *lock(&self.state.counters) = fresh.clone();
        fresh
    }
}

/// No holder of these locks leaves its data half changed, so a panic elsewhere is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As std does: a server started again at once gets its port; on Windows it would share it.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, most likely: trying again at once would only spin.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        lock(&state.counters).connections.fetch_add(1, Relaxed);
        // On a socket of both families, an IPv4 client has an address such as ::ffff:127.0.0.1.
        tokio::spawn(serve(stream, peer.ip().to_canonical(), state.clone()));
    }
}

/// Serves a connection until the client leaves or has been idle for too long.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, client: IpAddr, state: Arc<State>) {
    let turns = AtomicUsize::new(0);
    let service = service_fn(async |request| {
        turns.fetch_add(1, Relaxed);
        let response = answer(request, client, &state).await;
        turns.fetch_add(1, Relaxed);
        Ok::<_, Infallible>(response)
    });
    tokio::select! {
        // An error means that this client went away or sent no HTTP; there is nobody to tell.
        _ = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(&mut stream), service) => {}
        () = client_is_idle(&turns) => {}
    }
    // Closing resets the connection if unread bytes arrive, and the client would lose its answer.
    let _ = stream.shutdown().await;
    let mut rest = stream.take(MAX_REST);
    let _ = timeout(LINGER, io::copy(&mut rest, &mut io::sink())).await;
}

/// Returns once no request began or ended for a while, and none is waiting for its answer. hyper's
/// own timeout covers heads, but not answers that the client does not read.
async fn client_is_idle(turns: &AtomicUsize) {
    loop {
        let before = turns.load(Relaxed);
        sleep(IDLE).await;
        // Odd while a request waits for its answer.
        if before.is_multiple_of(2) && before == turns.load(Relaxed) {
            return;
        }
    }
}

async fn answer(request: Request<Incoming>, client: IpAddr, state: &State) -> Response<String> {
    let page = state.pages.as_ref().and_then(|pages| pages.page(request.uri()));
    let has_body = !request.body().is_end_stream();
    let mut response = match page {
        Some(page) => page,
        None => wait_counted(request, client, state).await,
    };
    if has_body {
        // The rest of the body stands before the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Counts the request while it waits.
async fn wait_counted(
    request: Request<Incoming>,
    client: IpAddr,
    state: &State,
) -> Response<String> {
    let mut in_flight = InFlight::begin(lock(&state.counters).clone());
    let _watched = state.pages.as_ref().map(|pages| pages.watch(client));
    let group = Group::of(client, request.uri().query());
    let path = request.uri().path().to_owned();
    // Frees its buffer, which thousands of waiting requests would keep, and ends the reading of a body.
    drop(request);
    let (status, text) = match group {
        Some(group) => wait(&path, group, &state.gates).await,
        None => (StatusCode::BAD_REQUEST, format!("a name has at most {MAX_NAME} characters")),
    };
    in_flight.answered = true;
    let mut response = Response::new(text + "\n");
    *response.status_mut() = status;
    response
}

/// Waits as the path says.
async fn wait(path: &str, group: Group, gates: &Gates) -> (StatusCode, String) {
    gates.arrived(&group);
    let (kind, value) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    let (value, deadline) = value.split_once('/').unwrap_or((value, ""));
    let deadline = deadline.parse().map_or(GATE_DEADLINE, Duration::from_millis);
    let patience = deadline.min(GATE_DEADLINE);
    let met = |met, seen| match met {
        true => (StatusCode::OK, seen),
        false => (StatusCode::GATEWAY_TIMEOUT, format!("fewer than {seen}")),
    };
    match (kind, value.parse::<u64>()) {
        ("delay", Ok(ms)) if ms <= MAX_DELAY_MS => {
            sleep(Duration::from_millis(ms)).await;
            (StatusCode::OK, format!("waited {ms} ms"))
        }
        ("status", Ok(code @ 200..=599)) => {
            let status = StatusCode::from_u16(code as u16).unwrap_or_default();
            (status, format!("status {code}, as you asked"))
        }
        ("bytes", Ok(n @ 0..=MAX_BYTES)) => (StatusCode::OK, "x".repeat(n as usize)),
        ("gate", Ok(n @ 1..=1_000_000)) => {
            let opened = gates.gate(group, n as usize, patience).await;
            met(opened, format!("{n} were here at the same time"))
        }
        ("after", Ok(n @ 1..=1_000_000)) => {
            let arrived = gates.after(group, n as usize, patience).await;
            met(arrived, format!("{n} arrived after this one"))
        }
        _ => (StatusCode::NOT_FOUND, "try /delay/100, /status/400, /gate/10 or /after/1".into()),
    }
}

/// A request under way. If it is dropped unanswered, its client went away.
struct InFlight {
    counters: Arc<Counters>,
    answered: bool,
}

impl InFlight {
    fn begin(counters: Arc<Counters>) -> InFlight {
        counters.hits.fetch_add(1, Relaxed);
        let now = counters.in_flight.fetch_add(1, Relaxed) + 1;
        counters.peak_in_flight.fetch_max(now, Relaxed);
        InFlight { counters, answered: false }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // In this order: a thread that sees no request waiting also sees all disconnects.
        if !self.answered {
            self.counters.disconnects.fetch_add(1, SeqCst);
        }
        self.counters.in_flight.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    const GET: &[u8] = b"GET /status/200 HTTP/1.1\r\n\r\n";

    /// Serves a client on the paused clock. Returns what the client returned, and how long the
    /// server held the connection.
    async fn serve_client<T>(client: impl AsyncFnOnce(DuplexStream) -> T) -> (T, Duration) {
        let (near, far) = duplex(1000);
        let began = Instant::now();
        let held = async {
            serve(far, Ipv4Addr::LOCALHOST.into(), Arc::default()).await;
            began.elapsed()
        };
        let both = async { tokio::join!(client(near), held) };
        timeout(Duration::from_secs(100_000), both).await.expect("nobody hangs up")
    }

    /// A client that sends `text`, then reads until the server hangs up.
    async fn serve_text(text: &[u8]) -> (String, Duration) {
        let read_all = async |mut stream: DuplexStream| {
            stream.write_all(text).await.unwrap();
            let mut answers = String::new();
            stream.read_to_string(&mut answers).await.unwrap();
            answers
        };
        serve_client(read_all).await
    }

    #[tokio::test(start_paused = true)]
    async fn silent_client_loses_its_connection() {
        for (text, answers) in [(&b""[..], 0), (b"GET /status/200 HT", 0), (GET, 1)] {
            let (answer, held) = serve_text(text).await;
            assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), answers, "{answer}");
            assert!((IDLE..=2 * IDLE + LINGER).contains(&held), "{held:?} {text:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn endless_head_loses_its_connection() {
        let drip = async |mut stream: DuplexStream| {
            while stream.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let ((), held) = serve_client(drip).await;
        assert!(held <= 2 * IDLE + LINGER, "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn unread_answers_lose_their_connection() {
        let flood = async |mut stream: DuplexStream| while stream.write_all(GET).await.is_ok() {};
        let ((), held) = serve_client(flood).await;
        assert!((IDLE..=2 * IDLE + LINGER).contains(&held), "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn longest_delay_is_answered() {
        let request = b"GET /delay/3600000 HTTP/1.1\r\nconnection: close\r\n\r\n";
        let (answer, held) = serve_text(request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert_eq!(held.as_secs(), MAX_DELAY_MS / 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn pause_below_the_limit_keeps_the_connection() {
        let pausing = async |mut stream: DuplexStream| {
            for _ in 0..20 {
                stream.write_all(GET).await.unwrap();
                let read = stream.read(&mut [0; 1000]).await.unwrap();
                assert!(read > 0);
                sleep(IDLE - Duration::from_secs(1)).await;
            }
        };
        let ((), held) = serve_client(pausing).await;
        assert!(held > 19 * IDLE, "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn missing_body_is_not_waited_for() {
        let head =
            b"POST /status/200 HTTP/1.1\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
        let (answer, held) = serve_text(head).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("connection: close"));
        assert!(held <= LINGER, "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn client_may_send_its_body_before_it_reads() {
        let mut text = b"POST /status/200 HTTP/1.1\r\ncontent-length: 90000\r\n\r\n".to_vec();
        text.extend([b'x'; 90_000]);
        let (answer, _) = serve_text(&text).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn endless_body_is_not_read() {
        let upload = async |mut stream: DuplexStream| {
            let head = b"POST /delay/10 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let mut bytes = 0;
            while bytes < 2 * MAX_REST && stream.write_all(b"5\r\nhello\r\n").await.is_ok() {
                bytes += 10;
            }
            bytes
        };
        let (bytes, held) = serve_client(upload).await;
        assert!(bytes <= MAX_REST + 2 * MAX_HEAD as u64, "{bytes}");
        assert!(held <= LINGER + Duration::from_millis(20), "{held:?}");
    }
}
