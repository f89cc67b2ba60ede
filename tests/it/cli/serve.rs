//! `cargo run -p shared`: the embedded server alone.
#![cfg(unix)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Child;
use std::thread::scope;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::http::Server;
use shared::os::child::{self, ChildExit};

use crate::support::demo::{
    DEADLINE, demo, demo_under, finish, interruptible, report, run, run_of, spawn,
};
use crate::support::processes::{peak_memory_kib, signal};
use crate::support::servers::{connect_from, get, get_by};
#[cfg(target_os = "linux")]
use crate::support::trial::skipped;

/// Starts the server on a free port. Returns it with its URL.
fn serve() -> (Child, String) {
    let mut child = spawn(&mut interruptible("serve", &["--port", "0"]));
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let url = lines.nth(1).unwrap().unwrap().trim().to_string();
    (child, url.strip_suffix("/delay/100").unwrap().to_string())
}

#[test]
fn serve_answers_programs_until_interrupted() {
    let (child, url) = serve();
    assert_eq!(get(&format!("{url}/status/418")), 418);
    let report =
        report(&mut demo("threads-demo", &["-n", "3", "--url", &format!("{url}/delay/50")]), 0);
    assert_eq!(run_of(&report, "threads").done, 3);
    assert!(signal(Signal::SIGINT, child.id()));
    assert_eq!(finish(child).exit, ChildExit::Signal(2));
}

#[test]
fn taken_port_is_exit_code_3() {
    let (mut child, url) = serve();
    let port = url.rsplit(':').next().unwrap();
    let output = run(&mut demo("serve", &["--port", port]));
    assert_eq!(output.exit, ChildExit::Code(3));
    let wanted = format!("cannot listen on 127.0.0.1:{port}: ");
    assert!(output.stderr.contains(&wanted), "{}", output.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn unwritable_address_is_exit_code_4() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = demo("serve", &[]);
    command.stdout(full.unwrap()).stderr(std::process::Stdio::piped());
    let output = finish(command.spawn().unwrap());
    assert_eq!(output.exit, ChildExit::Code(4));
    assert!(output.stderr.contains("No space left"), "{}", output.stderr);
}

#[test]
fn child_past_its_deadline_is_killed() {
    let output = child::run(&mut demo("serve", &[]), Duration::from_secs(3)).unwrap();
    assert_eq!(output.exit, ChildExit::TimedOut);
    assert!(output.stdout.contains("Serving until Ctrl-C"), "its output is kept");
}

#[test]
fn printed_addresses_are_reachable() {
    for host in ["0.0.0.0", "::", "127.0.0.1"] {
        let mut child = spawn(&mut demo("serve", &["--host", host]));
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().skip(1);
        let urls: Vec<String> =
            (0..3).map(|_| lines.next().unwrap().unwrap().trim().to_string()).collect();
        drop(lines);
        assert!(urls[0].starts_with("http://") && urls[0].ends_with("/delay/100"), "{urls:?}");
        assert!(!urls[0].contains("//0.0.0.0:") && !urls[0].contains("//[::]:"), "{urls:?}");
        assert_eq!([get(&urls[0]), get(&urls[1])], [200, 400], "{urls:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn missing_network_is_told() {
    let possible = std::process::Command::new("unshare").args(["--net", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        return skipped("a network without routes needs root");
    }
    let mut command = demo_under(&["unshare", "--net"], "serve", &["--host", "0.0.0.0"]);
    let output = child::run(&mut command, Duration::from_secs(3)).unwrap();
    assert!(output.stdout.contains("  http://127.0.0.1:"), "{}", output.stdout);
    assert!(output.stderr.contains("127.0.0.1 works on this machine only"), "{}", output.stderr);
}

/// One request from each of two client addresses, at the same time.
#[cfg(target_os = "linux")]
fn from_two_clients(url: &str) -> [u16; 2] {
    let from = |last| get_by(connect_from(Ipv4Addr::new(127, 0, 0, last), url), url);
    scope(|scope| {
        let both = [1, 2].map(|last| scope.spawn(move || from(last)));
        both.map(|status| status.join().unwrap())
    })
}

#[test]
#[cfg(target_os = "linux")]
fn clients_share_a_gate_by_name_only() {
    let (mut child, url) = serve();
    assert_eq!(from_two_clients(&format!("{url}/gate/2/1000")), [504, 504]);
    assert_eq!(from_two_clients(&format!("{url}/gate/2?as=class")), [200, 200]);
    let named = |name: &str| get(&format!("{url}/gate/1?as={name}"));
    assert_eq!([named(&"n".repeat(40)), named(&"n".repeat(41))], [200, 400]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn after_waits_for_later_requests() {
    let server = Server::start(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
    assert_eq!(get(&server.url("/after/1/100")), 504);
    let seen = server.reset_counters();
    scope(|scope| {
        let waiting = scope.spawn(|| get(&server.url("/after/2")));
        assert!(seen.wait_until(DEADLINE, |seen| seen.waiting() == 1));
        assert_eq!(get(&server.url("/status/418")), 418);
        assert_eq!(get(&server.url("/anything")), 404);
        assert_eq!(waiting.join().unwrap(), 200);
    });
    assert_eq!([get(&server.url("/after/0")), get(&server.url("/after/x"))], [404, 404]);
}

/// What the server answers to `request`, until it closes the connection.
fn answers(url: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    answers
}

#[test]
fn hostile_requests_are_refused() {
    let (mut child, url) = serve();
    let head = |middle: &str| format!("GET /status/200 HTTP/1.1\r\n{middle}\r\n\r\n");
    for (request, status) in [
        (head(&format!("x: {}", "x".repeat(10_000))), "431"),
        (head(&"x: y\r\n".repeat(1_000)), "431"),
        ("x".repeat(100_000), "431"),
        ("\u{16}\u{3}\u{1}".into(), "400"),
        (head("content-length: 99999999999\r\nexpect: 100-continue"), "200"),
        (head("content-length: 99999999999") + &"x".repeat(500_000), "200"),
    ] {
        let answers = answers(&url, request.as_bytes());
        let start = request.get(..40).unwrap_or(&request);
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{start:?}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{start:?}: {answers}");
    }
    assert_eq!(get(&format!("{url}/status/200")), 200);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn endless_requests_do_not_fill_memory() {
    let (mut child, url) = serve();
    let before = peak_memory_kib(child.id());
    let connect = |patience| {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_write_timeout(Some(patience)).unwrap();
        stream
    };
    let mut floods = Vec::new();
    for request in ["GET /status/200", "HEAD /status/200", "GET /status/204"] {
        let mut flood = connect(Duration::from_millis(500));
        let requests = format!("{request} HTTP/1.1\r\n\r\n").repeat(1_000);
        // Until the server takes no more, because nobody reads the answers.
        while flood.write(requests.as_bytes()).is_ok() {}
        floods.push(flood);
        assert_eq!(get(&format!("{url}/status/200")), 200, "others are served");
    }
    let mut upload = connect(DEADLINE);
    upload.write_all(b"POST /delay/10 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let error = loop {
        if let Err(error) = upload.write_all(chunk.as_bytes()) {
            break error.kind();
        }
    };
    assert_ne!(error, ErrorKind::WouldBlock, "the server hangs up");
    let growth = peak_memory_kib(child.id()) - before;
    assert!(growth < 20_000, "{growth} KiB more");
    child.kill().unwrap();
    child.wait().unwrap();
}
