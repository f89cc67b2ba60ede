//! Workers that die, hang or are left alone: no task is lost count of, and no process is left.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use shared::child::End;
use shared::report::{Outcome, Verdict};

use super::demo::{demo, demo_under, finish, interruptible, parse, run, run_of, spawn};
use super::faults::assert_ended;
use super::servers::HoldingServer;

/// The pids of the processes that `pid` has started and not yet reaped, by proc(5).
pub fn children(pid: u32) -> HashSet<u32> {
    // One that has just ended has none.
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default())
        .flat_map(|line| {
            line.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect()
}

/// Sends a signal by number to a process, or to a group if the target begins with a hyphen.
fn signal(number: i32, target: &str) {
    let sent = Command::new("kill").args([&format!("-{number}"), "--", target]).status();
    assert!(sent.unwrap().success());
}

/// None of these processes is there, not even as a zombie: their parent has reaped them.
fn assert_reaped(pids: &HashSet<u32>) {
    assert!(!pids.is_empty());
    let there = |pid: &&u32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    assert_eq!(pids.iter().filter(there).count(), 0, "processes left of {pids:?}");
}

/// Starts process-demo and waits until the server holds `hold` requests, after `skip` others.
fn held(words: &[&str], skip: usize, hold: usize) -> (HoldingServer, Child) {
    let server = HoldingServer::start(skip, hold);
    let mut command = interruptible(
        "process-demo",
        &["--format", "json", "--timeout", "60s", "--url", &server.url],
    );
    // A group of its own, as a terminal gives to each command.
    let child = spawn(command.args(words).process_group(0));
    server.wait_until_held();
    (server, child)
}

/// Would be wrong: workers that go on without anybody to answer to.
#[test]
fn no_worker_outlives_a_parent_that_is_killed() {
    for (skip, hold) in [(4, 4), (8, 2)] {
        let (_server, mut child) = held(&["-n", "4", "--workers", "2"], skip, hold);
        let workers = children(child.id());
        assert_eq!(workers.len(), hold);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_ended(&workers);
    }
}

/// Would be wrong: an interrupt that leaves a worker, or ends with a code of our own making.
#[test]
fn signals_end_parent_and_workers() {
    for (number, to_group) in [(2, true), (15, false), (15, true)] {
        let (_server, child) = held(&["-n", "4"], 4, 4);
        let workers = children(child.id());
        let target = child.id().to_string();
        signal(number, &if to_group { format!("-{target}") } else { target });
        assert_eq!(finish(child).end, End::Signal(number));
        assert_ended(&workers);
    }
}

/// Would be wrong: a task lost with its worker and reported as done, or others lost with it.
#[test]
fn a_killed_worker_loses_its_own_task_only() {
    let (server, child) = held(&["-n", "5"], 5, 5);
    let victim = *children(child.id()).iter().next().unwrap();
    signal(9, &victim.to_string());
    server.release();
    let report = parse(&finish(child), 1);
    let run = run_of(&report, "processes");
    assert_eq!((run.done, run.failed), (4, 1));
    let lost = run.tasks.iter().find(|task| task.outcome == Outcome::Failed).unwrap();
    assert_eq!(lost.pid, victim);
    assert_eq!(lost.error.as_deref(), Some("its worker was killed by signal 9"));
    assert_eq!(run_of(&report, "process-pool").done, 5);
}

/// Would be wrong: a pool that shrinks with each worker that dies.
#[test]
fn the_pool_replaces_a_worker_that_was_killed() {
    // The third request to be held is the first of the replacement.
    let server = HoldingServer::start(16, 3);
    let words = ["-n", "8", "--workers", "2", "--format", "json", "--timeout", "60s"];
    let child = spawn(demo("process-demo", &words).args(["--url", &server.url]));
    server.wait_for(18);
    let workers = children(child.id());
    assert_eq!(workers.len(), 2);
    let victim = *workers.iter().next().unwrap();
    signal(9, &victim.to_string());
    server.wait_until_held();
    server.release();
    let report = parse(&finish(child), 1);
    let pool = run_of(&report, "process-pool");
    assert_eq!((pool.done, pool.failed), (7, 1));
    let pids: HashSet<u32> = pool.tasks.iter().map(|task| task.pid).collect();
    assert_eq!(pids.len(), 3, "two to begin with, and one in place of the victim");
    assert!(
        pool.tasks.iter().all(|task| (task.pid == victim) == (task.outcome == Outcome::Failed))
    );
}

/// Would be wrong: a worker that is alive and silent is waited for, for ever.
#[test]
fn a_stopped_worker_is_timed_out_killed_and_reaped() {
    let server = HoldingServer::start(3, 3);
    let words = ["-n", "3", "--timeout", "2s", "--format", "json", "--url", &server.url];
    let child = spawn(&mut demo("process-demo", &words));
    server.wait_until_held();
    let workers = children(child.id());
    let victim = *workers.iter().next().unwrap();
    signal(19, &victim.to_string());
    server.release();
    let report = parse(&finish(child), 1);
    let run = run_of(&report, "processes");
    assert_eq!((run.done, run.timed_out), (2, 1));
    assert!(
        run.tasks.iter().all(|task| (task.pid == victim) == (task.outcome == Outcome::TimedOut))
    );
    assert_reaped(&workers);
}

/// Would be wrong: children that are left, reaped or not, when all went well.
#[test]
fn no_worker_is_left_after_a_run() {
    let (server, child) = held(&["-n", "3"], 3, 3);
    let workers = children(child.id());
    server.release();
    // Behind an address of somebody else, the clock of a busy machine may refute a claim.
    let ended = finish(child);
    assert!(matches!(ended.end, End::Exit(0 | 1)), "{}", ended.stderr);
    assert_reaped(&workers);
}

/// Would be wrong: a worker that answers what it was not asked, or that is silent on a terminal.
#[test]
fn a_worker_started_by_hand_says_so_or_ends_with_its_input() {
    // Its stdin is empty here, so it has nothing to do.
    let ended = run(&mut demo("process-demo", &["worker"]));
    assert_eq!((ended.end, ended.stdout.as_str()), (End::Exit(0), ""));
    let on_a_terminal = format!("{} worker", super::demo::binary("process-demo").display());
    let ended = run(Command::new("script").args(["-qec", &on_a_terminal, "/dev/null"]));
    assert_eq!(ended.end, End::Exit(2));
    assert!(ended.stdout.contains("this mode is for the program itself"), "{}", ended.stdout);
}

/// Would be wrong: a section that needs more than one core to do its tasks, or that claims to show on
/// one core what takes two.
#[test]
fn everything_is_done_on_one_core() {
    let taskset = ["taskset", "-c", "0"];
    for (name, ..) in super::demo::HTTP_DEMOS {
        let ended = run(&mut demo_under(&taskset, name, &["--format", "json"]));
        assert_eq!(parse(&ended, 0).machine.cores, 1);
    }
    let ended = run(&mut demo_under(&taskset, "cpu-bound-demo", &["all", "--format", "json"]));
    for lesson in parse(&ended, 0).lessons {
        for finding in &lesson.findings {
            if ["P3", "P11", "G3", "G4", "G5", "G6", "G8"].contains(&&*finding.claim) {
                assert_eq!(finding.verdict, Verdict::NotShown, "{finding:?}");
                assert!(finding.because.contains("only one core"), "{finding:?}");
            } else {
                assert_ne!(finding.verdict, Verdict::Fails, "{finding:?}");
            }
        }
    }
}

/// Would be wrong: a watchdog that waits, or that throws away what the child had said.
#[test]
fn a_child_is_killed_at_its_deadline() {
    let mut hangs = demo("async-demo", &["serve"]);
    let ended = shared::child::run(&mut hangs, Duration::from_secs(3)).unwrap();
    assert_eq!(ended.end, End::TimedOut);
    assert!(ended.stdout.contains("Serving until Ctrl-C"), "its output is kept");
}
