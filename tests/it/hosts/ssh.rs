//! Over a real ssh, on this machine.

use std::collections::HashSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;
use shared::os::host::host_name;
use shared::report::{Outcome, Task};

use crate::support::demo::{lesson, run, run_of};
use crate::support::processes::{assert_ended, children, is_running, signal};
use crate::support::rng::Rng;
use crate::support::servers::HoldingServer;
use crate::support::sshd::Sshd;
use crate::support::trial::Trial;
use crate::support::workspace::binary;

/// process-demo with four tasks and a pool of two on this host.
fn start(sshd: &Sshd, host: &str, words: &[&str]) -> Trial {
    let command = sshd.worker_command(host);
    let common = ["-n", "4", "--workers", "2", "--format", "json", "--worker-command", &command];
    Trial::start("process-demo", &[&common[..], words].concat())
}

/// The same, once the server holds `hold` requests after `skip`.
fn held(sshd: &Sshd, words: &[&str], skip: usize, hold: usize) -> (HoldingServer, Trial) {
    let server = HoldingServer::start(skip, hold);
    let trial = start(sshd, "host{k}", &[&["--url", &server.url], words].concat());
    server.wait_until_held();
    (server, trial)
}

fn lost(tasks: &[Task]) -> Vec<&Task> {
    tasks.iter().filter(|task| task.outcome != Outcome::Done).collect()
}

#[test]
fn workers_answer_over_ssh() {
    let Some(sshd) = Sshd::start() else { return };
    let report = start(&sshd, "host{k}", &[]).any_report();
    for model in ["processes", "process-pool"] {
        let run = run_of(&report, model);
        assert_eq!(run.done, 4);
        let place = format!(" {} pid ", host_name());
        assert!(run.tasks.iter().all(|task| task.thread.contains(&place)), "{:?}", run.tasks);
    }
    let figures: Vec<_> = lesson(&report).figures.iter().map(|figure| &*figure.name).collect();
    assert_eq!(figures, ["Starting a worker", "Round trip of a task"]);
}

#[test]
fn unreachable_host_loses_no_pool_task() {
    let Some(sshd) = Sshd::start() else { return };
    let report = start(&sshd, "dead{k}", &[]).report(1);
    assert_eq!(run_of(&report, "process-pool").done, 4);
    // The second worker is the second task's and the fourth's.
    let lost = lost(&run_of(&report, "processes").tasks);
    assert_eq!(lost.iter().map(|task| task.id).collect::<Vec<_>>(), [1, 3]);
    let is_refused = |task: &&Task| task.error.as_ref().unwrap().ends_with("Connection refused");
    assert!(lost.iter().all(is_refused), "{lost:?}");
}

#[test]
fn broken_connection_loses_only_its_task() {
    let Some(sshd) = Sshd::start() else { return };
    for (retries, expected) in [("0", 1), ("1", 0)] {
        let (server, trial) = held(&sshd, &["--timeout", "60s", "--retries", retries], 8, 2);
        // Both workers of the pool have one.
        let connection = sshd.connections().into_iter().next().unwrap();
        assert!(signal(Signal::SIGKILL, connection));
        while is_running(connection) {
            thread::sleep(Duration::from_millis(1));
        }
        server.release();
        let report = trial.any_report();
        let lost = lost(&run_of(&report, "process-pool").tasks);
        assert_eq!(lost.len(), expected, "{lost:?}");
        let names_it =
            |task: &&Task| task.error.as_ref().unwrap().contains("closed by remote host");
        assert!(lost.iter().all(names_it), "{lost:?}");
    }
}

#[test]
fn stalled_host_times_out() {
    let Some(sshd) = Sshd::start() else { return };
    let (server, trial) = held(&sshd, &["--timeout", "5s"], 8, 2);
    let victim = sshd.workers().into_iter().next().unwrap();
    assert!(signal(Signal::SIGSTOP, victim));
    server.release();
    let report = trial.any_report();
    let lost = lost(&run_of(&report, "process-pool").tasks);
    assert_eq!((lost.len(), lost[0].outcome), (1, Outcome::TimedOut));
    assert!(lost[0].thread.ends_with(&format!("pid {victim}")), "{lost:?}");
    signal(Signal::SIGCONT, victim);
    assert_ended(&[victim].into());
}

#[test]
fn password_is_never_asked_for() {
    let Some(sshd) = Sshd::start() else { return };
    let demo = format!(
        "'{}' --worker-command \"{}\"",
        binary("process-demo").display(),
        sshd.worker_command("asking").replace('"', "\\\"")
    );
    // It has a terminal, on which ssh could ask.
    let output = run(Command::new("script").args(["-qec", &demo, "/dev/null"]));
    assert_eq!(output.exit, ChildExit::Code(3));
    assert!(output.stdout.contains("Permission denied"), "{}", output.stdout);
    assert!(!output.stdout.contains("assword:"), "{}", output.stdout);
}

#[test]
fn chaos_over_ssh_loses_nothing() {
    let Some(sshd) = Sshd::start() else { return };
    sshd.connect_once();
    let command = sshd.worker_command("one");
    let words = ["hosts", "-n", "1000", "--workers", "4", "--delay", "5ms", "--timeout", "60s"];
    let rest = ["--retries", "3", "--format", "json", "--worker-command", &command];
    let trial = Trial::start("process-demo", &[&words[..], &rest].concat());
    let pid = trial.pid();
    let killer = thread::spawn(move || {
        let (mut rng, mut kills, mut has_begun) = (Rng(18), 0, false);
        while is_running(pid) {
            let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
            let is_ssh = |pid: &u32| name(pid).is_ok_and(|name| name.trim() == "ssh");
            let (mut clients, others): (Vec<u32>, Vec<u32>) =
                children(pid).into_iter().partition(is_ssh);
            // The pool without ssh runs after the launcher was tried, and before its own pool.
            has_begun |= !others.is_empty();
            clients.sort_unstable();
            if has_begun && !clients.is_empty() {
                let victim = clients[rng.below(clients.len() as u64) as usize];
                kills += usize::from(signal(Signal::SIGKILL, victim));
            }
            thread::sleep(Duration::from_millis(50));
        }
        kills
    });
    let report = trial.any_report();
    let kills = killer.join().unwrap();
    let pool = run_of(&report, "launched-pool");
    assert!(kills > 10, "{kills} kills");
    // Each task is there once, with one outcome.
    let ids: HashSet<usize> = pool.tasks.iter().map(|task| task.id).collect();
    assert_eq!((pool.tasks.len(), ids), (1000, (0..1000).collect()));
    assert_eq!(pool.done + pool.failed + pool.timed_out, 1000);
    let has_cause = |task: &&Task| task.error.as_ref().is_some_and(|error| !error.is_empty());
    assert!(lost(&pool.tasks).iter().all(has_cause));
    println!("{kills} kills: {} of 1000 tasks lost in spite of three retries", pool.lost());
}

#[test]
fn no_remote_worker_outlives_its_parent() {
    let Some(sshd) = Sshd::start() else { return };
    for round in 0..20 {
        // All wait for an answer; or one of the pool does, and the other is idle.
        let (skip, hold) = [(4, 4), (11, 1)][round % 2];
        let (_server, trial) = held(&sshd, &["--timeout", "60s"], skip, hold);
        let workers = sshd.workers();
        assert!(trial.signal(Signal::SIGKILL));
        assert_ended(&workers);
        assert_eq!(trial.finish().exit, ChildExit::Signal(9));
        assert_eq!(sshd.workers(), [].into());
    }
}
