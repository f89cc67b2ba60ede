//! Real Python for the lesson `gil`, where it is installed: the same loop in two threads, and whether
//! the interpreter says that it has its lock.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use shared::os::child::{self, ChildExit};
use shared::report::{Finding, Verdict};
use shared::verdict::Check;

/// Standard library only. Before 3.13, every build had the lock, and none could tell.
const SCRIPT: &str = r#"
import json, os, platform, sys, threading, time

# The parent holds the other end of stdin. When the parent ends, so does this.
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

/// What the interpreter says.
#[derive(Debug, Deserialize)]
struct Python {
    version: String,
    gil: bool,
    /// Cores kept busy by two threads.
    busy: f64,
}

/// The finding on G1.
pub fn finding(cores: usize) -> Finding {
    let python = ["python3", "python"].into_iter().find_map(|name| ask(name, SCRIPT));
    check(python, cores)
}

/// What the program `name` says when it runs `script`.
fn ask(name: &str, script: &str) -> Option<Python> {
    let mut command = Command::new(name);
    let output = child::run_tethered(command.args(["-c", script]), Duration::from_secs(30)).ok()?;
    let python = serde_json::from_str(&output.stdout).ok();
    python.filter(|_| output.exit == ChildExit::Code(0))
}

/// Do two Python threads keep one core busy, or two if Python says that it has no lock?
fn check(python: Option<Python>, cores: usize) -> Finding {
    let takes_turns = "Python's threads compute one at a time";
    let Some(Python { version, gil, busy }) = python else {
        let why = (Verdict::NotShown, "no python3 answered on this machine");
        return Check::new("1 core busy", "unknown", why).on("G1", takes_turns);
    };
    let (says, predicted, lock) = match gil {
        true => (takes_turns, "2 threads, 1 core busy", "it has its lock"),
        false => (
            "A Python without the lock computes in parallel",
            "2 threads, 2 cores busy",
            "it is built without the lock",
        ),
    };
    let verdict = match (gil, busy) {
        (true, ..=1.2) | (false, 1.5..) => Verdict::Holds,
        (true, 1.5..) => Verdict::Fails,
        // Other programs may have kept the cores busy.
        _ => Verdict::NotShown,
    };
    let because = format!("{version} says itself that {lock}");
    Check::new(predicted, format!("{busy:.2} cores busy"), (verdict, because))
        .unless((cores < 2).then_some("there is only one core"))
        .on("G1", says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    fn python(gil: bool, busy: f64) -> Option<Python> {
        Some(Python { version: "CPython 3.14.0".into(), gil, busy })
    }

    #[test]
    fn prediction_follows_what_python_says() {
        for (gil, busy, verdict) in [
            (true, 1.02, Holds),
            (true, 1.2, Holds),
            (true, 1.25, NotShown),
            (true, 1.5, Fails),
            (false, 1.0, NotShown),
            (false, 1.25, NotShown),
            (false, 1.5, Holds),
        ] {
            let finding = check(python(gil, busy), 2);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert_eq!(finding.says.starts_with("Python's threads"), gil, "{finding:?}");
            assert_eq!(finding.predicted.contains("1 core busy"), gil, "{finding:?}");
            assert_eq!(finding.because.contains("it has its lock"), gil, "{finding:?}");
            assert_eq!(finding.measured, format!("{busy:.2} cores busy"));
        }
    }

    #[test]
    fn no_python_or_one_core_shows_nothing() {
        let none = check(None, 2);
        assert!(none.verdict == NotShown && none.because.contains("no python3"), "{none:?}");
        assert!(none.says.starts_with("Python's threads"), "{none:?}");
        assert_eq!(check(python(true, 1.0), 1).verdict, NotShown);
        // With whatever Python this machine has.
        let real = finding(1);
        assert_eq!((real.claim.as_str(), real.verdict), ("G1", NotShown));
    }

    #[test]
    #[cfg(unix)]
    fn only_complete_answers_with_code_0_count() {
        let script = r#"echo '{"version":"CPython 3","gil":false,"busy":1.5}'"#;
        let python = ask("sh", script).map(|python| (python.version, python.gil, python.busy));
        assert_eq!(python, Some(("CPython 3".into(), false, 1.5)));
        assert!(ask("sh", &format!("{script}; exit 1")).is_none());
        assert!(ask("sh", "echo Microsoft Store").is_none());
        assert!(ask("a program that is not there", script).is_none());
    }
}
