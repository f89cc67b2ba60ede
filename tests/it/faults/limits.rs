//! Too few file descriptors, threads or processes.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::scope;

use shared::os::child::ChildExit;
use shared::report::{Finding, Verdict};

use crate::support::demo::{DEMOS, HTTP_DEMOS, demo, demo_under, lesson, parse_any, run, spawn};
use crate::support::processes::stat;
use crate::support::servers::get;
use crate::support::trial::{Trial, skipped};
use crate::support::workspace::{binary, copy_program};

#[test]
fn descriptor_limit_reduces_concurrency() {
    for (name, ..) in HTTP_DEMOS {
        let words = ["-n", "1000", "--delay", "1ms", "--workers", "50", "--timeout", "60s"];
        let words = [&words[..], &["--format", "json"]].concat();
        let output = Trial::start_under(&["prlimit", "--nofile=64"], name, &words).finish();
        let why = "running fewer tasks at once: only 64 open files are allowed (ulimit -n)\n";
        assert_eq!(output.stderr, why, "{name}");
        // Tasks of a millisecond may show that nothing overlaps.
        for run in &lesson(&parse_any(&output)).runs {
            assert_eq!(run.done, 1000, "{name} {}", run.model);
            assert!(run.peak_in_flight.unwrap() <= 16, "{name} {}", run.model);
        }
    }
}

#[test]
fn too_few_descriptors_are_exit_code_3() {
    // With fewer than 4, the OS cannot even load the program.
    for limit in [4, 6, 7, 9, 19, 22, 38] {
        let starter = ["prlimit", &format!("--nofile={limit}")];
        for name in [&DEMOS[..], &["summary-demo"]].concat() {
            let output = Trial::start_under(&starter, name, &[]).finish();
            assert_eq!(output.exit, ChildExit::Code(3), "{name}, {limit} files");
            let why = format!("{name}: only {limit} open files are allowed (ulimit -n)");
            assert!(output.stderr.starts_with(&why), "{}", output.stderr);
        }
        if limit < 20 {
            let output = run(&mut demo_under(&starter, "serve", &[]));
            assert_eq!(output.exit, ChildExit::Code(3), "serve, {limit} files");
        }
    }
}

#[test]
fn few_descriptors_refute_no_claim() {
    for name in ["sum-vs-max", "structured"] {
        let words = [name, "--format", "json"];
        let report =
            Trial::start_under(&["prlimit", "--nofile=40"], "async-demo", &words).report(0);
        let findings = &lesson(&report).findings;
        assert!(
            findings.iter().all(|finding| finding.verdict == Verdict::NotShown),
            "{findings:?}"
        );
    }
}

#[test]
fn descriptor_limit_is_raised() {
    for (name, ..) in HTTP_DEMOS {
        let words = ["-n", "40", "--workers", "40", "--delay", "50ms", "--format", "json"];
        let output = Trial::start_under(&["prlimit", "--nofile=64:1024"], name, &words).finish();
        assert_eq!(output.stderr, "", "{name}");
        let report = parse_any(&output);
        assert!(lesson(&report).runs.iter().all(|run| run.done == 40), "{name}");
    }
}

#[test]
fn server_without_descriptors_backs_off() {
    let mut server = spawn(&mut demo_under(&["prlimit", "--nofile=20"], "serve", &[]));
    let mut lines = BufReader::new(server.stdout.as_mut().unwrap()).lines();
    let url = lines.nth(1).unwrap().unwrap().trim().to_string();
    scope(|scope| {
        let asked: Vec<_> = (0..60).map(|_| scope.spawn(|| get(&url))).collect();
        assert!(asked.into_iter().all(|status| status.join().unwrap() == 200));
    });
    // Several rounds of a tenth of a second, in which it had nothing to do but wait.
    let ticks = stat(server.id()).unwrap().ticks;
    assert!(ticks < 25, "{ticks} hundredths of a second of CPU");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// The demos in a directory where a user who is not root may start them. It is deleted at the end.
struct OtherUser {
    id: String,
    directory: PathBuf,
}

impl OtherUser {
    /// `None`, and says so, if this process cannot become another user.
    fn new() -> Option<OtherUser> {
        // The OS counts a user's threads, so each test has a user of its own.
        static USERS: AtomicU32 = AtomicU32::new(0);
        let id = 1_000_000 + 10 * std::process::id() + USERS.fetch_add(1, Relaxed);
        let directory = std::env::temp_dir().join(format!("other user {id}"));
        let user = OtherUser { id: id.to_string(), directory };
        let able = Command::new("setpriv").args(user.setpriv()).arg("true").status();
        if !able.is_ok_and(|status| status.success()) {
            skipped("becoming another user needs root");
            return None;
        }
        fs::create_dir_all(&user.directory).unwrap();
        for name in DEMOS {
            copy_program(&binary(name), &user.directory.join(name));
        }
        fs::set_permissions(&user.directory, fs::Permissions::from_mode(0o755)).unwrap();
        Some(user)
    }

    fn setpriv(&self) -> [&str; 3] {
        ["--reuid", &self.id, "--clear-groups"]
    }

    /// Starts a demo as that user, who may have so many threads and processes in all.
    fn start(&self, threads: usize, name: &str, words: &[&str]) -> Trial {
        let mut command = Command::new("setsid");
        command.args(["prlimit", &format!("--nproc={threads}"), "setpriv"]).args(self.setpriv());
        command.arg(self.directory.join(name)).args(words);
        Trial::of(&mut command)
    }
}

impl Drop for OtherUser {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn thread_limit_reduces_concurrency() {
    let words = ["--format", "json", "--timeout", "60s"];
    let Some(user) = OtherUser::new() else { return };
    for (name, ..) in HTTP_DEMOS {
        // With ten, some models run one task at a time, which refutes no claim.
        for count in [20, 10] {
            let report = user.start(count, name, &words).report(0);
            assert!(lesson(&report).runs.iter().all(|run| run.done == 10), "{name}");
        }
        let output = user.start(1, name, &words).finish();
        assert_eq!(output.exit, ChildExit::Code(3), "{name}: {}", output.stderr);
        let why = "cannot start the server's thread: Resource temporarily unavailable";
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
    // One worker process, and the threads that wait for it.
    for (name, count) in [("threads-demo", 5), ("process-demo", 5), ("cpu-bound-demo", 5)] {
        let report = user.start(count, name, &["--format", "json"]).any_report();
        assert!(lesson(&report).runs.iter().all(|run| run.lost() == 0), "{name}");
    }
    // A thread for the server, but none for a task.
    for name in ["threads-demo", "process-demo"] {
        let output = user.start(2, name, &words).finish();
        assert_eq!(output.exit, ChildExit::Code(3), "{name}: {}", output.stderr);
        assert!(output.stderr.contains("Resource temporarily unavailable"), "{}", output.stderr);
    }
}

#[test]
fn lessons_without_their_threads_are_not_shown() {
    let Some(user) = OtherUser::new() else { return };
    for (count, name, lessons) in [
        (2, "async-demo", &["blocking-call", "unstoppable"][..]),
        (3, "async-demo", &["blocking-call", "lock-across-await"]),
        (2, "cpu-bound-demo", &["stop", "compute-in-async"]),
        (7, "cpu-bound-demo", &["survival"]),
        (3, "threads-demo", &["gate"]),
        (5, "threads-demo", &["race", "deadlock"]),
        (7, "process-demo", &["full-pipes", "who-ends-a-child"]),
    ] {
        for lesson in lessons {
            let trial = user.start(count, name, &[lesson, "--format", "json"]);
            let report = trial.leaving_orphans(true).report(0);
            let findings = &self::lesson(&report).findings;
            let not_shown = |finding: &Finding| finding.verdict == Verdict::NotShown;
            assert!(findings.iter().all(not_shown), "{name} {lesson}: {findings:#?}");
        }
    }
}

#[test]
fn too_many_tasks_are_refused_unstarted() {
    for name in DEMOS {
        let help = run(&mut demo(name, &["--help"])).stdout;
        let most = help.split("Number of tasks, at most ").nth(1).unwrap();
        let most: usize = most.split_whitespace().next().unwrap().parse().unwrap();
        for count in [most + 1, 1_000_000_000] {
            let tight = ["prlimit", "--as=200000000", "--nproc=1"];
            let output = Trial::start_under(&tight, name, &["-n", &count.to_string()]).finish();
            assert_eq!((output.exit, output.stdout.as_str()), (ChildExit::Code(2), ""));
            assert!(output.stderr.contains(&format!("from 1 to {most}")), "{}", output.stderr);
        }
    }
}

#[test]
fn lesson_that_cannot_run_is_not_shown() {
    let missing = ["env", "TMPDIR=/nonexistent"];
    let words = ["all", "-n", "3", "--delay", "30ms", "--format", "json"];
    // One lesson leaves children to init.
    let trial = Trial::start_under(&missing, "process-demo", &words).leaving_orphans(true);
    let report = trial.report(0);
    assert_eq!(report.lessons.len(), 9);
    let race = report.lessons.iter().find(|lesson| lesson.name == "file-race").unwrap();
    assert!(race.findings.iter().all(|finding| finding.verdict == Verdict::NotShown), "{race:?}");
    assert!(race.findings[0].because.contains("/nonexistent/"), "{race:?}");
    let others = report.lessons.iter().filter(|lesson| lesson.name != "file-race");
    assert!(
        others
            .flat_map(|lesson| &lesson.findings)
            .any(|finding| finding.verdict != Verdict::NotShown)
    );
}

#[test]
fn dying_children_leave_no_core_file() {
    for (name, lesson) in [("process-demo", "crash"), ("cpu-bound-demo", "survival")] {
        let directory = crate::support::workspace::scratch(&format!("core {name}"));
        let unlimited = ["prlimit", "--core=unlimited"];
        let mut command = demo_under(&unlimited, name, &[lesson, "--format", "json"]);
        parse_any(&run(command.current_dir(&directory)));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "{name}");
    }
}
