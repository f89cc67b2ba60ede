//! Targets that are not the embedded server: one that holds requests until told, one that speaks
//! https with a certificate authority made on the spot.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::demo::DEADLINE;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

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
/// answers all that come later at once. So a test knows for certain that a run is under way.
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
            // The client may be gone: some tests kill it.
            let _ = stream.write_all(ANSWER);
        });
        HoldingServer { url: format!("http://{address}/"), hold, state }
    }

    /// Waits until all the requests that are to be held have arrived.
    pub fn wait_until_held(&self) {
        self.wait_for(self.hold.end);
    }

    /// Waits until `count` requests have arrived, those answered at once included.
    pub fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let fewer = |state: &mut State| state.arrived < count;
        let (state, _) = changed.wait_timeout_while(state, DEADLINE, fewer).unwrap();
        assert!(state.arrived >= count, "only {} of {count} requests arrived", state.arrived);
    }

    pub fn release(&self) {
        let (state, changed) = &*self.state;
        state.lock().unwrap().released = true;
        changed.notify_all();
    }
}

/// A server whose certificate is signed by an authority that nobody knows; returns its address and
/// the authority's certificate, written to a file in `directory`.
pub fn https(directory: &Path) -> (String, PathBuf) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_string()];
    let issuer = Issuer::new(authority, authority_key);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let config = Arc::new(config);
    let address = listen(move |stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        // A client that does not trust us hangs up.
        if read_request(&mut stream) {
            let _ = stream.write_all(ANSWER);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let file = directory.join("authority.pem");
    std::fs::write(&file, authority_pem).unwrap();
    (format!("https://{address}/"), file)
}

/// A server that answers with half of what it has promised, and then says no more.
pub fn stalling() -> String {
    let address = listen(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        // Until the client hangs up.
        read_request(&mut stream);
    });
    format!("http://{address}/")
}

/// An address where nobody listens.
pub fn refused() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// One GET by hand, one connection: the status line's code.
pub fn get(url: &str) -> u16 {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_whitespace().nth(1).unwrap().parse().unwrap()
}
