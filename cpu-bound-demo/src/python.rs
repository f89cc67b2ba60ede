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
import json, os, platform, sys, threading, time

# Who started this holds the other end of stdin: if they end, so does this.
threading.Thread(target=lambda: (os.read(0, 1), os._exit(3)), daemon=True).start()

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

/// What follows for G1.
pub fn findings(cores: usize) -> Vec<Finding> {
    let names = ["python3", "python"];
    let found = names.into_iter().find_map(|name| ask(name, SCRIPT));
    vec![finding(found.as_ref(), cores)]
}

/// What the program `name` says when it carries out `script`.
fn ask(name: &str, script: &str) -> Option<Python> {
    let mut command = Command::new(name);
    let ended = child::run_watching(command.args(["-c", script]), Duration::from_secs(30)).ok()?;
    let said = serde_json::from_str(&ended.stdout).ok();
    said.filter(|_| ended.end == End::Exit(0))
}

/// A Python without the lock is predicted to compute in parallel.
fn finding(python: Option<&Python>, cores: usize) -> Finding {
    let says = match python {
        Some(Python { gil: false, .. }) => "A Python without the lock computes in parallel",
        _ => "Python's threads compute one at a time",
    };
    judge(python, cores).on("G1", says)
}

fn judge(python: Option<&Python>, cores: usize) -> Judgement {
    let Some(Python { version, gil, busy }) = python else {
        let why = (Verdict::NotShown, "no python3 answered on this machine");
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
    Judgement::new(predicted, format!("{busy:.2} cores busy"), (verdict, because))
        .unless((cores < 2).then_some("there is only one core"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    /// Would be wrong: a free-threaded build that is called one with a lock, or the other way round.
    #[test]
    fn the_interpreters_own_word_is_the_prediction() {
        let python = |gil, busy| Python { version: "CPython 3".into(), gil, busy };
        let verdict = |gil, busy| judge(Some(&python(gil, busy)), 2).verdict;
        assert_eq!(verdict(true, 1.02), Holds);
        assert_eq!(verdict(true, 1.98), Fails);
        assert_eq!(verdict(true, 1.3), NotShown);
        assert_eq!(verdict(false, 1.98), Holds);
        assert_eq!(verdict(false, 1.0), NotShown);
        assert_eq!(judge(None, 2).verdict, NotShown);
        assert_eq!(judge(Some(&python(true, 1.0)), 1).verdict, NotShown);
    }

    /// Would be wrong: somewhat more than one core passes for one, or for two, or a machine without a
    /// Python passes for one with a lock.
    #[test]
    fn cores_that_python_keeps_busy_are_told_exactly_at_the_limits() {
        let one = "Python's threads compute one at a time";
        let two = "A Python without the lock computes in parallel";
        for (gil, busy, says, verdict) in [
            (true, 1.2, one, Holds),
            (true, 1.25, one, NotShown),
            (true, 1.5, one, Fails),
            (false, 1.2, two, NotShown),
            (false, 1.25, two, NotShown),
            (false, 1.5, two, Holds),
        ] {
            let version = "CPython 3.14.0".into();
            let found = finding(Some(&Python { version, gil, busy }), 2);
            let told = (found.says.as_str(), found.verdict);
            assert_eq!(told, (says, verdict), "{found:?}");
            assert_eq!(found.predicted.contains("1 core busy"), gil, "{found:?}");
            assert_eq!(found.because.contains("it has its lock"), gil, "{found:?}");
            assert_eq!(found.measured, format!("{busy:.2} cores busy"));
        }
        let none = finding(None, 2);
        assert_eq!((none.says.as_str(), none.verdict), (one, NotShown));
        assert!(none.because.contains("no python3"), "{none:?}");
    }

    /// Would be wrong: an interpreter that failed, or said something else, is believed, or one that
    /// answered is not.
    #[test]
    #[cfg(unix)]
    fn only_a_whole_answer_and_a_good_end_are_believed() {
        let says = r#"echo '{"version":"CPython 3","gil":false,"busy":1.5}'"#;
        let said = ask("sh", says).map(|said| (said.version, said.gil, said.busy));
        assert_eq!(said, Some(("CPython 3".into(), false, 1.5)));
        assert!(ask("sh", &format!("{says}; exit 1")).is_none());
        assert!(ask("sh", "echo Microsoft Store").is_none());
        assert!(ask("a program that is not there", says).is_none());
    }

    /// Would be wrong: no word on Python, whether there is one or not.
    #[test]
    fn there_is_one_finding_whatever_is_installed() {
        let found = findings(1);
        let told: Vec<_> =
            found.iter().map(|finding| (finding.claim.as_str(), finding.verdict)).collect();
        assert_eq!(told, [("G1", NotShown)]);
    }
}
