//! Signals where the OS does not treat them as usual.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;

use crate::support::demo::{DEADLINE, demo_under, parse_any, run};
use crate::support::processes::signal;
use crate::support::trial::{Trial, skipped};

/// Starts a program as the first process of a PID namespace, as in a container.
const FIRST: [&str; 3] = ["unshare", "--pid", "--fork"];

/// Programs that run for long.
const LONG: [(&str, &[&str]); 6] = [
    ("threads-demo", &["--delay", "1m", "--timeout", "2m"]),
    ("process-demo", &["--delay", "1m", "--timeout", "2m"]),
    ("async-demo", &["--delay", "1m", "--timeout", "2m"]),
    ("cpu-bound-demo", &["all"]),
    ("summary-demo", &[]),
    ("serve", &[]),
];

#[test]
fn first_process_ends_when_told() {
    let able = Command::new(FIRST[0]).args(&FIRST[1..]).arg("true").status();
    if !able.is_ok_and(|status| status.success()) {
        return skipped("a PID namespace needs root");
    }
    for (name, words) in LONG {
        for (number, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
            let trial = Trial::start_under(&FIRST, name, words);
            let give_up = Instant::now() + DEADLINE;
            // One that comes before the program has begun is lost.
            while trial.is_running() && Instant::now() < give_up {
                for first in trial.workers() {
                    signal(number, first);
                }
                sleep(Duration::from_millis(20));
            }
            assert_eq!(trial.finish().exit, ChildExit::Code(code), "{name}");
        }
    }
}

#[test]
fn ignored_sigchld_loses_nothing() {
    let ignored = ["env", "--ignore-signal=CHLD"];
    for (name, lesson) in [
        ("process-demo", "notebook"),
        ("process-demo", "crash"),
        ("async-demo", "cost"),
        ("threads-demo", "panic"),
        ("cpu-bound-demo", "survival"),
    ] {
        let output = run(&mut demo_under(&ignored, name, &[lesson, "--format", "json"]));
        parse_any(&output);
        assert!(!output.stdout.contains("No child process"), "{name} {lesson}: {}", output.stdout);
    }
}
