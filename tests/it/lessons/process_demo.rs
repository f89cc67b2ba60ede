//! Workers of process-demo: the pool replaces a dead one, and none is left.
#![cfg(target_os = "linux")]

use std::collections::HashSet;

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;
use shared::report::Outcome;

use crate::support::demo::{demo, finish, parse, parse_any, run, run_of, spawn};
use crate::support::processes::{assert_reaped, children, signal};
use crate::support::servers::HoldingServer;

#[test]
fn pool_replaces_a_killed_worker() {
    // The third request to be held is the first of the replacement.
    let server = HoldingServer::start(16, 3);
    let words = ["-n", "8", "--workers", "2", "--format", "json", "--timeout", "60s"];
    let child = spawn(demo("process-demo", &words).args(["--url", &server.url]));
    server.wait_for(18);
    let workers = children(child.id());
    assert_eq!(workers.len(), 2);
    let victim = *workers.iter().next().unwrap();
    assert!(signal(Signal::SIGKILL, victim));
    server.wait_until_held();
    server.release();
    let report = parse(&finish(child), 1);
    let pool = run_of(&report, "process-pool");
    assert_eq!((pool.done, pool.failed), (7, 1));
    let pids: HashSet<u32> = pool.tasks.iter().map(|task| task.pid).collect();
    assert_eq!(pids.len(), 3, "two at first, and one in place of the victim");
    for task in &pool.tasks {
        assert_eq!(task.pid == victim, task.outcome == Outcome::Failed, "{task:?}");
    }
}

#[test]
fn workers_are_reaped_after_a_run() {
    let server = HoldingServer::start(3, 3);
    let words = ["-n", "3", "--format", "json", "--timeout", "60s", "--url", &server.url];
    let child = spawn(&mut demo("process-demo", &words));
    server.wait_until_held();
    let workers = children(child.id());
    assert_eq!(workers.len(), 3);
    server.release();
    let report = parse_any(&finish(child));
    assert_eq!(run_of(&report, "processes").done, 3);
    assert_reaped(&workers);
}

#[test]
fn worker_without_input_ends() {
    let output = run(&mut demo("process-demo", &["worker"]));
    assert_eq!(output.exit, ChildExit::Code(0));
    // Its greeting at most: the end of stdin may come first.
    let greets = |line: &str| line.starts_with(r#"{"worker":"process-demo "#);
    assert!(output.stdout.lines().all(greets), "{output:?}");
}
