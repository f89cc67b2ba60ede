//! Ctrl-C and its like, at any moment.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use shared::child::End;

use super::demo::scratch;
use super::dice::Dice;
use super::faults::{Trial, signal};

/// How a run is interrupted.
#[derive(Debug, Clone, Copy)]
enum How {
    /// Ctrl-C on a terminal: SIGINT to the whole group.
    IntToGroup,
    /// What a service manager or a test runner does: SIGTERM to the parent.
    TermToParent,
    /// Ctrl-C twice, the second time while it may be shutting down.
    IntTwice,
    /// SIGTERM, and Ctrl-C in impatience.
    TermThenInt,
}

impl How {
    fn interrupt(self, pid: u32, pause: Duration) {
        let (parent, group) = (i64::from(pid), -i64::from(pid));
        match self {
            How::IntToGroup => drop(signal(2, group)),
            How::TermToParent => drop(signal(15, parent)),
            How::IntTwice => {
                signal(2, group);
                std::thread::sleep(pause);
                signal(2, group);
            }
            How::TermThenInt => {
                signal(15, parent);
                std::thread::sleep(pause);
                signal(2, group);
            }
        }
    }
}

/// Interrupts `count` runs, each at another moment of its first `within` milliseconds. [`Trial::finish`]
/// sees to it that nobody is left. Returns how many had ended before.
fn interrupted(
    name: &str,
    words: &[&str],
    count: usize,
    within: u64,
    after: impl Fn(End),
) -> usize {
    let mut dice = Dice(name.len() as u64);
    let ways = [How::IntToGroup, How::TermToParent, How::IntTwice, How::TermThenInt];
    let mut early = 0;
    for place in 0..count {
        let how = ways[place % ways.len()];
        let trial = Trial::start(name, words);
        std::thread::sleep(Duration::from_millis(dice.throw(within)));
        how.interrupt(trial.pid(), Duration::from_millis(dice.throw(10)));
        let ended = trial.finish();
        match (ended.end, how) {
            (End::Exit(0), _) => early += 1,
            (End::Signal(2), How::IntToGroup | How::IntTwice | How::TermThenInt) => {}
            (End::Signal(15), How::TermToParent | How::TermThenInt) => {}
            (end, how) => panic!("{name}, {how:?}: {end}\n{}{}", ended.stdout, ended.stderr),
        }
        after(ended.end);
    }
    early
}

/// Would be wrong: a child that is left, or a code of our own making, at whatever moment it happens.
#[test]
fn at_a_hundred_random_instants_of_process_demo() {
    let words = ["notebook", "-n", "4", "--workers", "2", "--delay", "30ms"];
    let early = interrupted("process-demo", &words, 100, 220, |_| ());
    assert!(early < 90, "{early} of 100 had ended before the signal came");
}

/// Would be wrong: as above, or half a picture.
#[test]
fn at_fifty_random_instants_of_cpu_bound_demo_with_its_file() {
    let file = scratch("interrupted").join("picture.png");
    let words = ["notebook", "-n", "60", "--workers", "2", "--png", file.to_str().unwrap()];
    fs::write(&file, "as it was").unwrap();
    interrupted("cpu-bound-demo", &words, 50, 200, |end| {
        let now = fs::read(&file).unwrap();
        let whole = now.starts_with(b"\x89PNG\r\n\x1a\n") && now.ends_with(b"IEND\xae\x42\x60\x82");
        assert!(whole || now == b"as it was", "{} bytes, {end}", now.len());
        fs::write(&file, "as it was").unwrap();
    });
}

/// Would be wrong: as above, where tasks are threads or share one.
#[test]
fn at_twenty_five_random_instants_each_of_threads_demo_and_async_demo() {
    for name in ["threads-demo", "async-demo"] {
        interrupted(name, &["notebook", "-n", "4", "--delay", "30ms"], 25, 220, |_| ());
    }
}

/// Has each lesson end in three ways, at some moment each. None may leave a child, or have one panic
/// because its parent is gone.
fn in_every_lesson(name: &str, lessons: &[String]) {
    let mut dice = Dice(lessons.len() as u64);
    for lesson in lessons {
        for number in [2, 9, 15] {
            let on_purpose = ["orphans", "dropped"].contains(&lesson.as_str());
            let trial = Trial::start(name, &[lesson]).leaving_orphans(on_purpose);
            // Where it has children, none may be left; where it has none, that takes as long as it runs.
            while number != 2 && trial.runs() && trial.workers().is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(dice.throw(500)));
            // Ctrl-C goes to the whole group, the others to the parent alone.
            let pid = i64::from(trial.pid());
            signal(number, if number == 2 { -pid } else { pid });
            let ended = trial.finish();
            let over = [End::Exit(0), End::Exit(1), End::Signal(number)];
            assert!(over.contains(&ended.end), "{name} {lesson}: {}", ended.end);
        }
    }
}

fn lessons(name: &str) -> Vec<String> {
    super::ledger::listed(name).into_iter().map(|(lesson, _)| lesson).collect()
}

/// Would be wrong: a child that is left by some lesson, however its parent ended.
#[test]
fn every_lesson_of_threads_demo() {
    in_every_lesson("threads-demo", &lessons("threads-demo"));
}

/// Would be wrong: a child that is left by some lesson, however its parent ended.
#[test]
fn every_lesson_of_process_demo() {
    in_every_lesson("process-demo", &lessons("process-demo"));
}

/// Would be wrong: a child that is left by some lesson, however its parent ended.
#[test]
fn every_lesson_of_async_demo() {
    in_every_lesson("async-demo", &lessons("async-demo"));
}

/// Would be wrong: a child that is left by some lesson, however its parent ended.
#[test]
fn every_lesson_of_cpu_bound_demo_and_the_ledger() {
    in_every_lesson("cpu-bound-demo", &lessons("cpu-bound-demo"));
    in_every_lesson("summary-demo", &lessons("summary-demo"));
}
