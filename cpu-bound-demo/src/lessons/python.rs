//! Real Python for the lesson `gil`: `gil.py`, run by the Pythons that are installed.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{Builder, scope};
use std::time::Duration;

use serde::Deserialize;
use shared::os::child::{self, ChildExit, DEADLINE};
use shared::os::{clock::now_ms, usage};
use shared::report::{Figure, Finding, Run, Scale, Verdict};
use shared::verdict::Check;

use crate::cores::{one_core, several_cores};
use crate::lessons::gate::Gate;

const SCRIPT: &str = include_str!("gil.py");

/// What a Python printed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Answer {
    version: String,
    free_threaded: bool,
    gil: bool,
    /// Cores kept busy by two workers.
    busy: f64,
    /// What 1,000 additions gave, without a lock of the program's own and with one.
    added: [usize; 2],
}

impl Answer {
    /// The version, the build, and the state of the lock.
    fn about(&self) -> String {
        let build = if self.free_threaded { "free-threaded build" } else { "build with the lock" };
        let lock = if self.gil { "on" } else { "off" };
        format!("{}, {build}, lock {lock}", self.version)
    }
}

/// An answer, and the load of the machine meanwhile.
struct Measured {
    answer: Answer,
    load: Run,
}

/// The findings on real Python, and how many cores it kept busy. Interpreters and a free-threaded
/// build are included where they exist.
pub fn findings(cores: usize) -> (Vec<Finding>, Figure) {
    let python = ["python3", "python"].into_iter().find_map(|name| {
        let compute = ask(name, "compute", "")?;
        Some((name, compute))
    });
    let (name, compute) = python.map_or(("", None), |(name, compute)| (name, Some(compute)));
    let again = |part| compute.as_ref().and_then(|_| ask(name, part, ""));
    let (hash, processes) = (again("hash"), again("processes"));
    let waiting = compute.as_ref().and_then(|_| at_once(|server| ask(name, "wait", server)));
    let off = compute.as_ref().is_some_and(|python| !python.answer.gil);
    let off = off.then_some("this Python's lock is off");
    let mut findings = vec![
        computing(compute.as_ref(), cores),
        parallel(hash.as_ref(), cores)
            .unless(off)
            .on("G1", "Python's hashlib releases the lock while it hashes"),
        waits(waiting).on("G2", "Python's threads wait at the same time"),
        parallel(processes.as_ref(), cores)
            .unless(off)
            .on("G3", "Each Python process has its own lock"),
        additions(again("add").map(|python| python.answer))
            .unless(off)
            .on("T10", "Python's lock does not protect a program's data"),
    ];
    // Python 3.14 has interpreters. Python 3.13 and later have free-threaded builds.
    let mut names = [name, "python3.15", "python3.14"].into_iter();
    let interpreters = names.find_map(|name| ask(name, "interpreters", ""));
    if interpreters.is_some() {
        let check = parallel(interpreters.as_ref(), cores);
        findings.push(check.on("G3", "Each interpreter in a Python process has its own lock"));
    }
    let mut names = ["python3.15t", "python3.14t", "python3.13t"].into_iter();
    let free = names.find_map(|name| ask(name, "compute", ""));
    if free.is_some() {
        findings.push(computing(free.as_ref(), cores));
    }
    let figure = Figure::new("Two workers in Python", "cores busy", Scale::Linear);
    let workers = [
        ("threads", &compute),
        ("hashlib", &hash),
        ("processes", &processes),
        ("interpreters", &interpreters),
        ("free-threaded", &free),
    ];
    let measured = workers.iter().filter_map(|(name, python)| Some((name, python.as_ref()?)));
    (
        findings,
        measured.fold(figure, |figure, (name, one)| figure.point(name, one.answer.busy, None)),
    )
}

/// What the program `name` answers to one part of the script.
fn ask(name: &str, part: &str, address: &str) -> Option<Measured> {
    let mut command = Command::new(name);
    command.args(["-I", "-c", SCRIPT, part, address]); // -I: no environment, no user's packages.
    let (idle_ms, start_ms) = (usage::idle_ms(), now_ms());
    let output = child::run_tethered(&mut command, DEADLINE).ok()?;
    let wall_ms = now_ms() - start_ms;
    let idle_ms = idle_ms.zip(usage::idle_ms()).map(|(before, after)| after - before);
    let answer: Answer = serde_json::from_str(&output.stdout).ok()?;
    let cpu_ms = Some(answer.busy * wall_ms);
    let load = Run { cpu_ms, idle_ms, ..Run::new(part, wall_ms, Vec::new()) };
    (output.exit == ChildExit::Code(0)).then_some(Measured { answer, load })
}

/// How many of ten connections, which `clients` make, wait for our answer at the same time. `None` if
/// `clients` returns `None`, or there is no server.
fn at_once<T>(clients: impl FnOnce(&str) -> Option<T>) -> Option<(T, usize)> {
    let server = TcpListener::bind("127.0.0.1:0").ok()?;
    let address = server.local_addr().ok()?.to_string();
    let (gate, over) = (Gate::new(10, Duration::from_millis(500)), AtomicBool::new(false));
    let (gate, over, server) = (&gate, &over, &server);
    scope(|scope| {
        let accept = move || {
            for mut client in server.incoming().flatten() {
                if over.load(SeqCst) {
                    break;
                }
                let answer = move || {
                    gate.pass();
                    client.write_all(b"!")
                };
                // Without a thread, the client sees its connection closed.
                let _ = Builder::new().spawn_scoped(scope, answer);
            }
        };
        Builder::new().spawn_scoped(scope, accept).ok()?;
        let answer = clients(&address);
        over.store(true, SeqCst);
        drop(TcpStream::connect(&address)); // Wakes the server, which sees that it is over.
        Some((answer?, gate.most()))
    })
}

fn missing(predicted: &str) -> Check {
    let why = (Verdict::NotShown, "no python3 on this machine ran the experiment");
    Check::new(predicted, "unknown", why)
}

/// Why no speed-up can be shown, if none can.
fn single(cores: usize) -> Option<&'static str> {
    (cores < 2).then_some("there is only one core")
}

/// Do two computing threads keep one core busy, or two if Python says that its lock is off?
fn computing(python: Option<&Measured>, cores: usize) -> Finding {
    let (says, predicted) = ("Python's threads compute one at a time", "2 threads, 1 core busy");
    let Some(Measured { answer, load }) = python else {
        return missing(predicted).on("G1", says);
    };
    if !answer.gil {
        return parallel(python, cores).on("G1", "A Python without the lock computes in parallel");
    }
    let (verdict, because) = one_core(load, cores.min(2));
    let because = format!("{because}; {}", answer.about());
    Check::new(predicted, format!("{:.2} cores busy", answer.busy), (verdict, because))
        .unless(single(cores))
        .on("G1", says)
}

/// Do two workers keep two cores busy?
fn parallel(python: Option<&Measured>, cores: usize) -> Check {
    let predicted = "2 workers, 2 cores busy";
    let Some(Measured { answer, load }) = python else { return missing(predicted) };
    let (verdict, because) = several_cores(load, answer.busy, 2);
    let because = format!("{because}; {}", answer.about());
    Check::new(predicted, format!("{:.2} cores busy", answer.busy), (verdict, because))
        .unless(single(cores))
}

/// Did ten threads wait for our server at the same time?
fn waits(python: Option<(Measured, usize)>) -> Check {
    let predicted = "10 connections wait for the server at once";
    let Some((Measured { answer, .. }, peak)) = python else { return missing(predicted) };
    let (verdict, because) = match peak {
        10 => (Verdict::Holds, "the server answered none before all ten waited"),
        ..=1 => (Verdict::Fails, "the server never saw two at once"),
        _ => (Verdict::NotShown, "some threads did not start in time"),
    };
    Check::new(
        predicted,
        format!("{peak} at once"),
        (verdict, format!("{because}; {}", answer.about())),
    )
}

/// Did ten threads lose additions, but none under a lock of their own?
fn additions(python: Option<Answer>) -> Check {
    let predicted = "of 1000 additions fewer arrive, but all with a lock of the program's own";
    let Some(answer) = python else { return missing(predicted) };
    let (verdict, because) = match answer.added {
        [..1000, 1000] => (Verdict::Holds, "another thread added between a read and its write"),
        [1000, 1000] => (Verdict::NotShown, "no other thread happened to come between"),
        _ => (Verdict::Fails, "the program's own lock lost additions"),
    };
    let [bare, locked] = answer.added;
    let because = format!("{because}; {}", answer.about());
    Check::new(predicted, format!("{bare} arrive, {locked} with such a lock"), (verdict, because))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    fn measured(gil: bool, busy: f64, idle: f64) -> Measured {
        let answer = Answer { version: "CPython 3.14.0".into(), gil, busy, ..Answer::default() };
        let (cpu_ms, idle_ms) = (Some(busy * 100.0), Some(idle * 100.0));
        Measured { answer, load: Run { cpu_ms, idle_ms, ..Run::new("", 100.0, Vec::new()) } }
    }

    #[test]
    fn prediction_follows_what_python_says() {
        for (gil, busy, idle, verdict) in [
            (true, 1.02, 1.0, Holds),
            // Other programs used the second core.
            (true, 1.02, 0.4, NotShown),
            (true, 0.5, 0.0, NotShown),
            (true, 1.25, 0.7, NotShown),
            (true, 1.5, 0.5, Fails),
            (false, 1.0, 1.0, Fails),
            (false, 1.0, 0.0, NotShown),
            (false, 1.25, 0.7, NotShown),
            (false, 1.6, 0.4, Holds),
        ] {
            let finding = computing(Some(&measured(gil, busy, idle)), 2);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert_eq!(finding.says.starts_with("Python's threads"), gil, "{finding:?}");
            assert_eq!(finding.predicted.contains("1 core busy"), gil, "{finding:?}");
            assert!(finding.because.contains("CPython 3.14.0, build with the lock"), "{finding:?}");
            assert_eq!(finding.measured, format!("{busy:.2} cores busy"));
        }
        assert_eq!(computing(Some(&measured(true, 1.0, 1.0)), 1).verdict, NotShown);
    }

    /// Each part is the opposite of another.
    #[test]
    fn parts_of_real_python_differ() {
        let part = |part| ask("python3", part, "");
        let (Some(compute), Some(hash)) = (part("compute"), part("hash")) else {
            return; // No python3, or none that answers.
        };
        assert_ne!(parallel(Some(&compute), 2).verdict, Holds);
        assert_ne!(computing(Some(&hash), 2).verdict, Holds);
        assert_ne!(computing(part("processes").as_ref(), 2).verdict, Holds);
        let added = part("add").unwrap().answer.added;
        assert_eq!(added[1], 1000, "{added:?}");
        let waiting = at_once(|server| ask("python3", "wait", server));
        assert_ne!(waits(waiting).verdict, Fails);
    }

    #[test]
    fn waits_in_sequence_fail() {
        let read = |server: &str| std::io::Read::read(&mut TcpStream::connect(server)?, &mut [0]);
        let waited = at_once(|server| {
            for _ in 0..2 {
                read(server).unwrap();
            }
            Some(measured(true, 0.0, 2.0))
        });
        assert_eq!(waits(waited).verdict, Fails);
        let waited = at_once(|server| {
            scope(|scope| (0..10).for_each(|_| drop(scope.spawn(|| read(server).unwrap()))));
            Some(measured(true, 0.0, 2.0))
        });
        assert_eq!(waits(waited).verdict, Holds);
        assert!(at_once(|_| None::<()>).is_none());
    }

    #[test]
    fn additions_must_get_lost_and_kept() {
        for (added, verdict) in [
            ([104, 1000], Holds),
            ([1000, 1000], NotShown),
            ([104, 999], Fails),
            ([1000, 999], Fails),
        ] {
            let check = additions(Some(Answer { added, ..Answer::default() }));
            assert_eq!(check.verdict, verdict, "{check:?}");
        }
    }

    #[test]
    fn no_python_shows_nothing() {
        let none = [
            computing(None, 2),
            parallel(None, 2).on("G3", ""),
            waits(None).on("G2", ""),
            additions(None).on("T10", ""),
        ];
        for finding in none {
            assert_eq!(finding.verdict, NotShown, "{finding:?}");
            assert!(finding.because.contains("no python3"), "{finding:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn only_complete_answers_with_code_0_count() {
        use std::os::unix::fs::PermissionsExt;
        let fake = |answer: &str| {
            let file = std::env::temp_dir().join(format!("python-{}", std::process::id()));
            std::fs::write(&file, format!("#!/bin/sh\n{answer}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            let measured = ask(file.to_str().unwrap(), "compute", "");
            std::fs::remove_file(file).unwrap();
            measured.map(|measured| (measured.answer.version, measured.answer.busy))
        };
        let json = r#"echo '{"version":"CPython 3","gil":false,"busy":1.5}'"#;
        assert_eq!(fake(json), Some(("CPython 3".into(), 1.5)));
        assert_eq!(fake(&format!("{json}; exit 1")), None);
        assert_eq!(fake("echo Microsoft Store"), None);
        assert!(ask("a program that is not there", "compute", "").is_none());
    }
}
