//! Ctrl-C, SIGTERM and kill -9 at any moment.
#![cfg(target_os = "linux")]

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;

use crate::support::claims::listed;
use crate::support::rng::Rng;
use crate::support::trial::Trial;
use crate::support::workspace::scratch;

/// How a run is interrupted.
#[derive(Debug, Clone, Copy)]
enum How {
    /// Ctrl-C on a terminal: SIGINT to the whole group.
    IntToGroup,
    /// A service manager or a test runner: SIGTERM to the parent.
    TermToParent,
    /// The same to the whole group.
    TermToGroup,
    /// Ctrl-C twice, the second time while it may be shutting down.
    IntTwice,
    /// SIGTERM, and an impatient Ctrl-C.
    TermThenInt,
}

impl How {
    const ALL: [How; 5] =
        [How::IntToGroup, How::TermToParent, How::IntTwice, How::TermThenInt, How::TermToGroup];

    fn interrupt(self, trial: &Trial, rng: &mut Rng) {
        match self {
            How::IntToGroup | How::IntTwice => trial.signal_group(Signal::SIGINT),
            How::TermToParent | How::TermThenInt => trial.signal(Signal::SIGTERM),
            How::TermToGroup => trial.signal_group(Signal::SIGTERM),
        };
        rng.sleep_below(10);
        if let How::IntTwice | How::TermThenInt = self {
            trial.signal_group(Signal::SIGINT);
        }
    }
}

/// Interrupts `count` runs, each at another moment of its first `within` milliseconds.
/// [`Trial::finish`] checks that no process is left. Returns how many had ended before.
fn interrupted(
    name: &str,
    words: &[&str],
    count: usize,
    within: u64,
    after: impl Fn(ChildExit),
) -> usize {
    let mut rng = Rng(name.len() as u64);
    let mut early = 0;
    for how in How::ALL.into_iter().cycle().take(count) {
        let trial = Trial::start(name, words);
        rng.sleep_below(within);
        how.interrupt(&trial, &mut rng);
        let output = trial.finish();
        match (output.exit, how) {
            (ChildExit::Code(0), _) => early += 1,
            (ChildExit::Signal(2), How::IntToGroup | How::IntTwice | How::TermThenInt) => {}
            (ChildExit::Signal(15), How::TermToParent | How::TermToGroup | How::TermThenInt) => {}
            (exit, how) => panic!("{name}, {how:?}: {exit}\n{}{}", output.stdout, output.stderr),
        }
        after(output.exit);
    }
    early
}

#[test]
fn interrupted_process_demo_leaves_no_child() {
    let words = ["-n", "4", "--workers", "2", "--delay", "30ms"];
    let early = interrupted("process-demo", &words, 100, 220, |_| ());
    assert!(early < 90, "{early} of 100 had ended before the signal came");
}

#[test]
fn interrupted_threads_and_async_demo_end() {
    for name in ["threads-demo", "async-demo"] {
        interrupted(name, &["-n", "4", "--delay", "30ms"], 25, 220, |_| ());
    }
}

#[test]
fn interrupted_save_leaves_whole_files() {
    let file = scratch("interrupted").join("picture.png");
    let words = ["-n", "60", "--workers", "2", "--png", file.to_str().unwrap()];
    fs::write(&file, "as it was").unwrap();
    interrupted("cpu-bound-demo", &words, 50, 200, |exit| {
        let now = fs::read(&file).unwrap();
        let whole = now.starts_with(b"\x89PNG\r\n\x1a\n") && now.ends_with(b"IEND\xae\x42\x60\x82");
        assert!(whole || now == b"as it was", "{} bytes, {exit}", now.len());
        fs::write(&file, "as it was").unwrap();
    });
}

/// Ends each lesson in three ways, at some moment each. None may leave a child, or have a child that
/// panics because its parent is gone.
fn end_every_lesson(name: &str) {
    let lessons = listed(name);
    let mut rng = Rng(lessons.len() as u64);
    for (lesson, _) in &lessons {
        for number in [Signal::SIGINT, Signal::SIGKILL, Signal::SIGTERM] {
            // These kill a process that has a child, or forget a child.
            let on_purpose = ["full-pipes", "who-ends-a-child"].contains(&lesson.as_str());
            let trial = Trial::start(name, &[lesson]).leaving_orphans(on_purpose);
            // The other two wait for children. A lesson without any ends first.
            let waits = number != Signal::SIGINT;
            while waits && trial.is_running() && trial.workers().is_empty() {
                sleep(Duration::from_millis(1));
            }
            rng.sleep_below(500);
            // Ctrl-C reaches the whole group, the others the parent alone.
            if number == Signal::SIGINT {
                trial.signal_group(number);
            } else {
                trial.signal(number);
            }
            let exit = trial.finish().exit;
            let allowed =
                [ChildExit::Code(0), ChildExit::Code(1), ChildExit::Signal(number as i32)];
            assert!(allowed.contains(&exit), "{name} {lesson}: {exit}");
        }
    }
}

#[test]
fn ended_threads_lessons_leave_no_child() {
    end_every_lesson("threads-demo");
}

#[test]
fn ended_process_lessons_leave_no_child() {
    end_every_lesson("process-demo");
}

#[test]
fn ended_async_lessons_leave_no_child() {
    end_every_lesson("async-demo");
}

#[test]
fn ended_cpu_lessons_leave_no_child() {
    end_every_lesson("cpu-bound-demo");
}

#[test]
fn ended_ledger_leaves_no_child() {
    end_every_lesson("summary-demo");
}
