//! Workers and parents that are killed from outside. process-demo's own tests have workers that go
//! wrong by themselves.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;
use shared::report::Outcome;

use crate::support::demo::{HTTP_DEMOS, demo_under, lesson, run_of};
use crate::support::processes::{assert_session_empty, is_running, signal};
use crate::support::rng::Rng;
use crate::support::servers::HoldingServer;
use crate::support::trial::Trial;
use crate::support::workspace::{binary, copy_program, scratch};

/// process-demo with four tasks and a pool of two, once the server holds `hold` requests after `skip`.
fn held(words: &[&str], skip: usize, hold: usize) -> (HoldingServer, Trial) {
    let server = HoldingServer::start(skip, hold);
    let common = ["-n", "4", "--workers", "2", "--timeout", "60s", "--format", "json"];
    let trial =
        Trial::start("process-demo", &[&common[..], &["--url", &server.url], words].concat());
    server.wait_until_held();
    (server, trial)
}

#[test]
fn killed_worker_loses_only_its_task() {
    for number in [Signal::SIGABRT, Signal::SIGKILL, Signal::SIGSEGV] {
        // The first two tasks of the pool, then all four processes.
        for (skip, hold, model) in [(8, 2, "process-pool"), (4, 4, "processes")] {
            let (server, trial) = held(&[], skip, hold);
            let victim = *trial.workers().iter().next().unwrap();
            // Rust's handler of SIGSEGV ignores the first one if no stack has overflowed.
            while is_running(victim) {
                signal(number, victim);
            }
            server.release();
            let report = trial.report(1);
            let lost: usize = lesson(&report).runs.iter().map(|run| run.lost()).sum();
            assert_eq!(lost, 1, "{model}");
            let tasks = &run_of(&report, model).tasks;
            let lost = tasks.iter().find(|task| task.outcome == Outcome::Failed).unwrap();
            let why = format!("worker was killed by signal {}", number as i32);
            assert_eq!((lost.pid, lost.error.as_ref()), (victim, Some(&why)));
        }
    }
}

#[test]
fn retry_runs_on_another_worker() {
    let (server, trial) = held(&["--retries", "1"], 8, 2);
    let victims = trial.workers();
    for victim in &victims {
        assert!(signal(Signal::SIGKILL, *victim));
    }
    server.release();
    let report = trial.any_report();
    let pool = run_of(&report, "process-pool");
    assert_eq!(pool.done, 4);
    assert!(pool.tasks.iter().all(|task| !victims.contains(&task.pid)));
}

#[test]
fn impossible_retries_are_refused() {
    for bad in ["11", "-1", "x", ""] {
        let output = Trial::start("process-demo", &["--retries", bad]).finish();
        assert_eq!(output.exit, ChildExit::Code(2));
        assert!(output.stderr.contains("from 0 to 10"), "{}", output.stderr);
    }
}

#[test]
fn workers_start_from_a_replaced_file() {
    for replaced in [true, false] {
        let file = scratch(&format!("program replaced {replaced}")).join("process-demo");
        copy_program(&binary("process-demo"), &file);
        // The processes are held, and the pool has not started yet.
        let server = HoldingServer::start(2, 2);
        let words = ["-n", "2", "--timeout", "60s", "--format", "json", "--url", &server.url];
        let trial = Trial::of(Command::new("setsid").arg(&file).args(words));
        server.wait_until_held();
        fs::remove_file(&file).unwrap();
        if replaced {
            copy_program("/bin/false".as_ref(), &file);
        }
        server.release();
        let report = trial.any_report();
        assert!(lesson(&report).runs.iter().all(|run| run.done == 2));
    }
}

#[test]
fn no_worker_outlives_a_killed_parent() {
    let mut rng = Rng(4);
    let mut worst = Duration::ZERO;
    for _ in 0..100 {
        let words = ["-n", "6", "--workers", "3", "--delay", "15ms"];
        let trial = Trial::start("process-demo", &words);
        rng.sleep_below(200);
        trial.signal(Signal::SIGKILL);
        let killed = Instant::now();
        assert_session_empty(trial.pid(), true);
        worst = worst.max(killed.elapsed());
        let exit = trial.finish().exit;
        assert!(matches!(exit, ChildExit::Signal(9) | ChildExit::Code(0 | 1)), "{exit}");
    }
    println!("the last worker ended {} ms after its parent at most", worst.as_millis());
}

#[test]
fn waiting_workers_end_with_their_parent() {
    // All wait for an answer; or one of the pool does, and the other is idle.
    for (skip, hold) in [(4, 4), (11, 1)] {
        let (_server, trial) = held(&[], skip, hold);
        assert!(trial.signal(Signal::SIGKILL));
        assert_eq!(trial.finish().exit, ChildExit::Signal(9));
    }
}

#[test]
fn computing_workers_end_with_their_parent() {
    let (mut found, mut rng) = (0, Rng(5));
    // Until it was killed five times while it had workers, at another moment each time.
    while found < 5 {
        let trial = Trial::start("cpu-bound-demo", &["-n", "800", "--workers", "2"]);
        let give_up = Instant::now() + Duration::from_secs(60);
        while trial.workers().is_empty() && trial.is_running() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(1));
        }
        rng.sleep_below(30);
        found += usize::from(!trial.workers().is_empty());
        trial.signal(Signal::SIGKILL);
        assert!(matches!(trial.finish().exit, ChildExit::Signal(9) | ChildExit::Code(0 | 1)));
    }
}

#[test]
fn twenty_runs_do_not_interfere() {
    for (name, ..) in HTTP_DEMOS {
        let words = ["-n", "3", "--delay", "100ms", "--timeout", "60s", "--format", "json"];
        let trials: Vec<_> = (0..20).map(|_| Trial::start(name, &words)).collect();
        for trial in trials {
            let report = trial.any_report();
            assert!(lesson(&report).runs.iter().all(|run| run.done == 3), "{name}");
        }
    }
}

#[test]
fn closed_streams_do_not_hang_it() {
    let closed = r#"exec 0<&- 2>&-; exec "$0" -n 2 --delay 10ms --format json"#;
    let mut command = demo_under(&["setsid", "sh", "-c", closed], "process-demo", &[]);
    let output = Trial::of(&mut command).finish();
    assert!(matches!(output.exit, ChildExit::Code(0 | 1)), "{}", output.exit);
    let unread = r#""$0" -n 2 --delay 10ms 2>&1 >/dev/null | true; echo ended"#;
    let output =
        Command::new("sh").args(["-c", unread]).arg(binary("process-demo")).output().unwrap();
    assert_eq!(output.stdout, b"ended\n");
}
