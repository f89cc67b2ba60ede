//! Targets that are not the embedded server, such as one that holds requests until told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::demo::DEADLINE;

pub const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// Reads the head of one request; false if the client closed the connection first.
pub fn read_request(stream: &mut impl Read) -> bool {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.any(|line| line.is_empty())
}

/// Answers every connection on a thread of its own.
pub fn listen(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Answers the first `skip` requests at once, holds the next `hold` until they are released, and
/// answers all later ones at once. So a test knows for certain that a run is under way.
pub struct HoldingServer {
    pub url: String,
    hold: std::ops::Range<usize>,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    arrived: usize,
    released: bool,
}

impl HoldingServer {
    pub fn start(skip: usize, hold: usize) -> HoldingServer {
        let hold = skip..skip + hold;
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (held, shared) = (hold.clone(), state.clone());
        let address = listen(move |mut stream| {
            if !read_request(&mut stream) {
                return;
            }
            let (state, changed) = &*shared;
            let mut state = state.lock().unwrap();
            let place = state.arrived;
            state.arrived += 1;
            changed.notify_all();
            while held.contains(&place) && !state.released {
                state = changed.wait(state).unwrap();
            }
            drop(state);
            // Some tests kill the client.
            let _ = stream.write_all(ANSWER);
        });
        HoldingServer { url: format!("http://{address}/"), hold, state }
    }

    /// Waits until all requests to be held have arrived.
    pub fn wait_until_held(&self) {
        self.wait_for(self.hold.end);
    }

    /// Waits until `count` requests have arrived, including those answered at once.
    pub fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let fewer = |state: &mut State| state.arrived < count;
        let (state, _) = changed.wait_timeout_while(state, DEADLINE, fewer).unwrap();
        assert!(state.arrived >= count, "only {} of {count} requests arrived", state.arrived);
    }

    /// Requests that have arrived.
    pub fn arrived(&self) -> usize {
        self.state.0.lock().unwrap().arrived
    }

    pub fn release(&self) {
        let (state, changed) = &*self.state;
        state.lock().unwrap().released = true;
        changed.notify_all();
    }
}

/// A server that sends half of the body that it announced, and then nothing more.
pub fn stalling() -> String {
    let address = listen(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        // Until the client hangs up.
        read_request(&mut stream);
    });
    format!("http://{address}/")
}

/// A URL whose port no server listens on.
pub fn refused() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// The status of one GET on a connection of its own.
pub fn get(url: &str) -> u16 {
    get_by(TcpStream::connect(split(url).0).unwrap(), url)
}

/// The same on this connection.
pub fn get_by(stream: TcpStream, url: &str) -> u16 {
    answer(stream, url).split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The body of the answer to one GET.
pub fn get_text(url: &str) -> String {
    let answer = answer(TcpStream::connect(split(url).0).unwrap(), url);
    answer.split_once("\r\n\r\n").unwrap().1.to_string()
}

/// The whole answer to one GET.
fn answer(mut stream: TcpStream, url: &str) -> String {
    let (address, path) = split(url);
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A connection from another address of this machine: on Linux, all of 127.0.0.0/8 are. std cannot
/// choose it.
pub fn connect_from(client: Ipv4Addr, url: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((client, 0).into()).unwrap();
        let stream = socket.connect(split(url).0.parse().unwrap()).await.unwrap();
        let stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    })
}

fn split(url: &str) -> (&str, &str) {
    url.strip_prefix("http://").unwrap().split_once('/').unwrap()
}
