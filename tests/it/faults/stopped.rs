//! Children that are stopped as soon as they appear. Their pipes stay open, and they never end.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::fs;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;

use crate::support::demo::DEADLINE;
use crate::support::processes::signal;
use crate::support::trial::Trial;

/// The lessons that start children. (`refused` waits like `cancel` and `cost` like `survival`, only longer.)
const LESSONS: [(&str, &[&str]); 4] = [
    ("threads-demo", &["meanwhile", "daemon", "panic", "cancel", "deadlock"]),
    (
        "process-demo",
        &[
            "own-memory",
            "notebook -n 3 --timeout 1s",
            "serialize",
            "full-pipes",
            "torn-lines",
            "file-race",
            "crash -n 3 --timeout 1s",
            "who-ends-a-child",
        ],
    ),
    ("async-demo", &["lock-across-await", "scale"]),
    ("cpu-bound-demo", &["gil", "notebook", "stop", "survival"]),
];

/// Stops every child of the demo as soon as it appears, until the demo has ended. Returns whether one
/// appeared: some are soon over.
fn stop_children(name: &str, words: &str) -> bool {
    let words: Vec<&str> = words.split(' ').collect();
    // One lesson drops the handle of a child, so that init has to reap it.
    let trial = Trial::start(name, &words).leaving_orphans(words[0] == "who-ends-a-child");
    // Between fork and exec, it still has its parent's words, and the parent waits in the kernel.
    let words_of = |pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let runs_itself = |child: &u32| words_of(*child) != words_of(trial.pid());
    let (start, mut stopped) = (Instant::now(), HashSet::new());
    while trial.is_running() && start.elapsed() < DEADLINE {
        for child in trial.workers().into_iter().filter(runs_itself) {
            if !stopped.contains(&child) && signal(Signal::SIGSTOP, child) {
                stopped.insert(child);
            }
        }
        sleep(Duration::from_millis(1));
    }
    let exit = trial.finish().exit;
    assert!(matches!(exit, ChildExit::Code(0 | 1 | 3)), "{name} {words:?}: {exit}");
    println!("{name} {}: {} stopped, {exit}, {:?}", words[0], stopped.len(), start.elapsed());
    !stopped.is_empty()
}

#[test]
fn stopped_children_hang_no_lesson() {
    let pairs =
        LESSONS.iter().flat_map(|(name, words)| words.iter().map(move |words| (name, words)));
    let (all, stopped) = scope(|scope| {
        let trials: Vec<_> =
            pairs.map(|(name, words)| scope.spawn(|| stop_children(name, words))).collect();
        let all = trials.len();
        (all, trials.into_iter().filter_map(|trial| trial.join().unwrap().then_some(())).count())
    });
    assert!(stopped > all / 2, "only {stopped} of {all} lessons had a child to stop");
}
