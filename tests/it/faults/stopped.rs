//! Children that are stopped as soon as they appear. Their pipes stay open, and they never end.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::fs;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::os::child::{ChildExit, ChildOutput};

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
            "hosts -n 3 --timeout 1s",
        ],
    ),
    ("async-demo", &["lock-across-await", "scale"]),
    ("cpu-bound-demo", &["gil", "notebook", "stop", "survival"]),
];

/// Stops every child of the demo as soon as it appears, until the demo has ended. Returns whether
/// there were any: some are gone before they are seen.
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
    let ChildOutput { exit, stdout, .. } = trial.finish();
    // A demo without its notebook cell has nothing to report.
    let is_notebook = words[0] == "notebook";
    assert!(
        matches!(exit, ChildExit::Code(0)) || is_notebook && matches!(exit, ChildExit::Code(1 | 3)),
        "{name} {words:?}: {exit}"
    );
    assert!(!stdout.contains("FAILS"), "{name} {words:?}: {stdout}");
    !stopped.is_empty()
}

#[test]
fn stopped_children_hang_no_lesson() {
    scope(|scope| {
        let lessons =
            LESSONS.iter().flat_map(|(name, lessons)| lessons.iter().map(move |l| (name, l)));
        let trials: Vec<_> = lessons
            .map(|(name, lesson)| scope.spawn(move || stop_children(name, lesson)))
            .collect();
        let stopped = trials.into_iter().map(|trial| trial.join().unwrap());
        assert!(stopped.filter(|stopped| *stopped).count() > 10);
    });
}
