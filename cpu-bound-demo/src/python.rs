//! Real CPython beside our interpreter lock, where one is installed: the same loop in one thread and
//! in two, and what the interpreter itself says of its lock.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use shared::child::{self, End};
use shared::judge::Judgement;
use shared::report::{Finding, Verdict};

/// Standard library only. Before 3.13, no build was without the lock, and none could be asked.
const SCRIPT: &str = r#"
import json, platform, sys, threading, time

def work():
    total = 0
    for number in range(3_000_000):
        total += number * number % 7
    return total

def measure(threads):
    wall, cpu = time.perf_counter(), time.process_time()
    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return (time.process_time() - cpu) / (time.perf_counter() - wall)

print(json.dumps({
    "version": platform.python_implementation() + " " + platform.python_version(),
    "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    "busy": measure(2),
}))
"#;

/// What the interpreter said.
#[derive(Debug, Deserialize)]
pub struct Python {
    version: String,
    gil: bool,
    /// Cores kept busy by two threads.
    busy: f64,
}

/// What follows for G1. A Python without the lock is predicted to compute in parallel.
pub fn findings(cores: usize) -> Vec<Finding> {
    let names = ["python3", "python"];
    let found = names.into_iter().find_map(ask);
    let says = match &found {
        Some(python) if !python.gil => "A Python without the lock computes in parallel",
        _ => "Python's threads compute one at a time",
    };
    vec![judge(found.as_ref(), cores).on("G1", says)]
}

fn ask(name: &str) -> Option<Python> {
    let mut command = Command::new(name);
    let ended = child::run(command.args(["-c", SCRIPT]), Duration::from_secs(30)).ok()?;
    let said = serde_json::from_str(&ended.stdout).ok();
    said.filter(|_| ended.end == End::Exit(0))
}

fn judge(python: Option<&Python>, cores: usize) -> Judgement {
    let Some(Python { version, gil, busy }) = python else {
        let why = (Verdict::NotShown, "there is no python3 on this machine");
        return Judgement::new("1 core busy", "unknown", why);
    };
    let (predicted, lock) = match gil {
        true => ("2 threads, 1 core busy", "it has its lock"),
        false => ("2 threads, 2 cores busy", "it is built without the lock"),
    };
    let verdict = match (gil, busy) {
        (true, ..=1.2) | (false, 1.5..) => Verdict::Holds,
        (true, 1.5..) => Verdict::Fails,
        // Other programs may have kept the cores busy.
        _ => Verdict::NotShown,
    };
    let because = format!("{version} says itself that {lock}");
    Judgement::new(
        predicted,
        format!("{busy:.2} cores busy"),
        (verdict, because),
    )
    .unless((cores < 2).then_some("there is only one core"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    /// Would be wrong: a free-threaded build that is called one with a lock, or the other way round.
    #[test]
    fn the_interpreters_own_word_is_the_prediction() {
        let python = |gil, busy| Python {
            version: "CPython 3".into(),
            gil,
            busy,
        };
        let verdict = |gil, busy| judge(Some(&python(gil, busy)), 2).verdict;
        assert_eq!(verdict(true, 1.02), Holds);
        assert_eq!(verdict(true, 1.98), Fails);
        assert_eq!(verdict(true, 1.3), NotShown);
        assert_eq!(verdict(false, 1.98), Holds);
        assert_eq!(verdict(false, 1.0), NotShown);
        assert_eq!(judge(None, 2).verdict, NotShown);
        assert_eq!(judge(Some(&python(true, 1.0)), 1).verdict, NotShown);
    }
}
