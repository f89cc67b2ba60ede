//! Runs the arms of an experiment against a server, so that tests can break one of them and see
//! what becomes of the verdict.

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use shared::Task;
use shared::http::target::parse_url;
use shared::http::{Server, Target};
use shared::os::clock::now_ms;
use shared::progress::Show;
use shared::report::Run;

pub fn server() -> Server {
    Server::start(Ipv4Addr::LOCALHOST.into(), 0).unwrap()
}

pub fn target(server: &Server, path: &str) -> Target {
    let (url, timeout) = (parse_url(&server.url(path)).unwrap(), Duration::from_secs(60));
    Target { url, timeout, show: Show::Nothing, embedded: true }
}

/// A run of `tasks` tasks with what the server saw of it.
pub fn measure(server: &Server, tasks: usize, arm: impl FnOnce(&[usize]) -> Vec<Task>) -> Run {
    let (counters, start_ms) = (server.reset_counters(), now_ms());
    let ids: Vec<usize> = (0..tasks).collect();
    let tasks = arm(&ids);
    Run {
        peak_in_flight: Some(counters.peak_in_flight.load(SeqCst)),
        connections: Some(counters.connections.load(SeqCst)),
        ..Run::new("arm", now_ms() - start_ms, tasks)
    }
}
