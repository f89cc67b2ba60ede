//! Every claim of the notebook, from summary-demo's one report on all lessons.

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;

use shared::child::End;
use shared::report::{Finding, Lesson, Report, Verdict};

use super::demo::{DEMOS, binary, copy_program, demo, run, scratch};

/// The report of one run of summary-demo, which all tests here read.
fn summary() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let mut summary = demo("summary-demo", &["--format", "json"]);
        let child = super::demo::spawn(&mut summary);
        let ended = shared::child::wait(child, super::demo::DEADLINE * 2).unwrap();
        assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stderr);
        let report: Report = serde_json::from_str(&ended.stdout).unwrap();
        let findings = report.lessons.iter().flat_map(|lesson| &lesson.findings);
        let fails = findings.filter(|finding| finding.verdict == Verdict::Fails);
        let fails: Vec<&Finding> = fails.collect();
        assert_eq!(ended.end, End::Exit(0), "{fails:#?} {}", ended.stderr);
        report
    })
}

fn lesson(name: &str) -> &'static Lesson {
    let lessons = &summary().lessons;
    lessons.iter().find(|lesson| lesson.name == name).unwrap()
}

/// The ids of all claims, by the notebook's sections: threads, processes, asyncio, GIL.
pub fn claims() -> Vec<String> {
    let sections = [("T", 12), ("P", 11), ("A", 12), ("G", 10)];
    let ids = |(section, count)| (1..=count).map(move |number| format!("{section}{number}"));
    sections.into_iter().flat_map(ids).collect()
}

/// Would be wrong: a claim that nobody put to the test, or one that fails on a sound machine.
#[test]
fn each_of_the_45_claims_has_a_finding_and_none_fails() {
    let findings: Vec<&Finding> =
        summary().lessons.iter().flat_map(|lesson| &lesson.findings).collect();
    let found: BTreeSet<&str> = findings.iter().map(|finding| &*finding.claim).collect();
    let claims = claims();
    assert_eq!(found, claims.iter().map(String::as_str).collect());
    assert_eq!(found.len(), 45);
    for finding in findings {
        assert_ne!(finding.verdict, Verdict::Fails, "{finding:?}");
        let parts = [&finding.says, &finding.predicted, &finding.measured];
        assert!(parts.iter().all(|part| !part.is_empty()), "{finding:?}");
        assert!(!finding.because.is_empty(), "{finding:?}");
    }
}

/// The ids that `--list` of a demo names behind each lesson.
pub fn listed(name: &str) -> Vec<(String, HashSet<String>)> {
    let list = run(&mut demo(name, &["--list"])).stdout;
    let is_claim = |word: &&str| claims().iter().any(|claim| claim == word);
    let listed = list.lines().map(|line| {
        let mut words = line.split_whitespace();
        let lesson = words.next().unwrap().to_string();
        (lesson, words.take_while(is_claim).map(String::from).collect())
    });
    listed.collect()
}

/// Would be wrong: `all` that leaves a lesson out, or a lesson whose findings are not on the claims
/// that it lists.
#[test]
fn all_lessons_are_run_and_each_finds_what_it_lists() {
    let mut expected = Vec::new();
    for name in DEMOS {
        let lessons = listed(name).into_iter();
        expected.extend(lessons.map(|(lesson, claims)| (format!("{name}/{lesson}"), claims)));
    }
    expected.push(("ledger".into(), HashSet::from(["G9".into()])));
    let found = summary().lessons.iter().map(|lesson| {
        let claims = lesson.findings.iter().map(|finding| finding.claim.clone());
        (lesson.name.clone(), claims.collect())
    });
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

/// Would be wrong: an experiment whose outcome is certain, and which comes out otherwise: a trap that
/// does not snap, a cure that does not help, a program that compiles and should not.
#[test]
#[cfg(target_os = "linux")]
fn what_is_certain_comes_out_to_the_letter() {
    for (name, claim, measured) in [
        ("threads-demo/side-by-side", "T1", "one after another 0, in threads 10 of 10"),
        ("threads-demo/meanwhile", "T4", "1 process, 1 thread"),
        ("threads-demo/race", "T10", "two steps 1, one step 10, lock 10"),
        ("threads-demo/refused", "T10", "error[E0499], and none with the cure"),
        ("threads-demo/refused", "T10", "error[E0382], and none with the cure"),
        ("threads-demo/refused", "T10", "error[E0277], and none with the cure"),
        ("threads-demo/deadlock", "T10", "crossed hangs, ordered ends"),
        ("process-demo/crash", "P4", "7 of 10 done, 3 lost"),
        (
            "process-demo/own-memory",
            "P5",
            "1 in each of 10 children, 0 in their parent, 10 from 10 threads",
        ),
        ("process-demo/torn-lines", "P8", "whole lines: 0 in pieces, 10 in one"),
        ("process-demo/file-race", "P8", "plain 1, locked 10"),
        (
            "process-demo/full-pipes",
            "P8",
            "the first hung and had to be killed, the second exited with code 0",
        ),
        ("process-demo/dropped", "P9", "dropped: 'still here', guarded: ''"),
        ("async-demo/lazy", "A8", "0 requests after the calls, 10 after the awaits"),
        ("async-demo/generator", "A7", "a1 pending a2 pending a3 pending"),
        ("async-demo/generator", "A9", "with await a1 b1 a2 b2 a3 b3, without a1 a2 a3 b1 b2 b3"),
        ("async-demo/cancel", "A4", "clients gone: 10 by abort, 10 by timeout"),
        ("async-demo/unstoppable", "A4", "the call goes on, the task stops"),
        ("async-demo/shutdown", "A4", "4 done, 1 stopped, 5 never started"),
        ("async-demo/sessions", "A11", "10 connections, then 1"),
    ] {
        let findings = &lesson(name).findings;
        let found = |finding: &Finding| finding.claim == claim && finding.measured == measured;
        assert!(findings.iter().any(found), "{measured:?} is not in {findings:#?}");
    }
}

/// Would be wrong: figures of a task that the lesson did not measure, or none to draw.
#[test]
fn lessons_that_measure_quantities_report_them_as_figures() {
    let labels = |name: &str| {
        let points = lesson(name).figures.iter().flat_map(|figure| &figure.points);
        points.map(|point| point.label.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        labels("async-demo/cost"),
        ["task", "thread", "process", "task", "thread", "process", "10", "100", "1000"]
    );
    assert_eq!(labels("cpu-bound-demo/amdahl")[0], "1");
    let models = ["sequential", "threads", "processes", "async", "rayon"];
    assert_eq!(labels("ledger"), models.repeat(2));
    assert!(labels("process-demo/serialize").len() >= 3);
}

/// Would be wrong: a summary of programs that are not there.
#[test]
fn demos_that_are_not_built_are_named_with_exit_code_3() {
    let directory = scratch("summary-alone");
    let program = directory.join(binary("summary-demo").file_name().unwrap());
    copy_program(&binary("summary-demo"), &program);
    let mut alone = std::process::Command::new(program);
    let ended = run(alone.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR"));
    assert_eq!(ended.end, End::Exit(3));
    assert!(ended.stderr.contains("threads-demo is not built"), "{}", ended.stderr);
}

/// Would be wrong: a demo that goes on computing for a summary that nobody waits for any more.
#[test]
#[cfg(target_os = "linux")]
fn no_demo_outlives_a_summary_that_is_killed() {
    let mut summary = super::demo::spawn(&mut demo("summary-demo", &["--format", "json"]));
    let give_up = std::time::Instant::now() + super::demo::DEADLINE;
    let demos = loop {
        let demos = super::process_demo::children(summary.id());
        let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
        if demos.iter().any(|pid| name(pid).is_ok_and(|name| name.starts_with("threads-demo"))) {
            break demos;
        }
        assert!(std::time::Instant::now() < give_up, "no demo was started");
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    summary.kill().unwrap();
    summary.wait().unwrap();
    super::faults::assert_ended(&demos);
}

/// Would be wrong: requests that queue up for their turn, need more threads, or are counted by nobody.
#[test]
fn ten_thousand_requests_wait_on_one_thread() {
    let scale = lesson("async-demo/scale");
    let run = &scale.runs[0];
    assert_eq!((run.model.as_str(), run.tasks.len()), ("async", 10_000));
    assert_eq!((run.done, run.connections), (10_000, Some(10_000)));
    // Here the server waits for all of them before it answers one, so no clock is in it.
    let server = super::servers::HoldingServer::start(0, 200);
    let words = ["scale", "-n", "200", "--timeout", "60s", "--format", "json"];
    let child = super::demo::spawn(demo("async-demo", &words).args(["--url", &server.url]));
    server.wait_until_held();
    if cfg!(target_os = "linux") {
        let status = format!("/proc/{}/status", child.id());
        let status = std::fs::read_to_string(status).unwrap();
        assert!(status.contains("\nThreads:\t1\n"), "{status}");
    }
    server.release();
    let report = super::demo::parse(&super::demo::finish(child), 0);
    assert_eq!(super::demo::run_of(&report, "async").done, 200);
}
