//! Runs the arms of an experiment, so that tests can break one of them and see what becomes of the
//! verdict.

use std::env::current_exe;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use shared::Task;
use shared::http::target::parse_url;
use shared::http::{Client, Server, Target};
use shared::os::child::TimedChild;
use shared::os::clock::now_ms;
use shared::progress::Show;
use shared::report::Run;

pub fn server() -> Server {
    Server::start(Ipv4Addr::LOCALHOST.into(), 0).unwrap()
}

pub fn client(server: &Server, path: &str) -> Client {
    let (url, timeout) = (parse_url(&server.url(path)).unwrap(), Duration::from_secs(60));
    Client::new(&Target { url, timeout, show: Show::Nothing, embedded: true }).unwrap()
}

/// A run of `tasks` tasks with what the server saw of it.
pub fn measure(server: &Server, tasks: usize, arm: impl FnOnce(&[usize]) -> Vec<Task>) -> Run {
    let (counters, start_ms) = (server.reset_counters(), now_ms());
    let ids: Vec<usize> = (0..tasks).collect();
    let tasks = arm(&ids);
    Run {
        peak_in_flight: Some(counters.peak_in_flight.load(SeqCst)),
        ..Run::new("arm", now_ms() - start_ms, tasks)
    }
}

/// Runs an ignored test as a process of its own, with `setting`. It should end with its stdin.
pub fn spawn_test(name: &str, setting: &str) -> TimedChild {
    let mut command = Command::new(current_exe().unwrap());
    let command = command.args([name, "--exact", "--ignored", "--test-threads=1"]);
    let command = command.env(SETTING, setting).stdin(Stdio::piped()).stdout(Stdio::null());
    TimedChild::spawn(command).unwrap()
}

/// The setting of an ignored test; `None` unless it runs by [`spawn_test`].
pub fn setting() -> Option<String> {
    std::env::var(SETTING).ok()
}

const SETTING: &str = "TEST_SETTING";

/// Whether a test can ask rustc. Cargo brings one along, but not into Wine.
pub fn has_rustc() -> bool {
    !cfg!(windows) || Command::new("rustc").arg("--version").output().is_ok()
}
