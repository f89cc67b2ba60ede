//! Every claim of the notebook, from summary-demo's report on all lessons.

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;

use shared::os::child::{ChildExit, wait_with_output};
use shared::report::{Finding, LessonReport, Report, Verdict};

use crate::support::claims::{claims, listed};
use crate::support::demo::{DEADLINE, DEMOS, demo, finish, parse, run_of, spawn};
use crate::support::processes::thread_count;
use crate::support::servers::HoldingServer;

/// The report of one run of summary-demo. All tests here read it.
fn summary() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let mut summary = demo("summary-demo", &["--format", "json"]);
        let output = wait_with_output(spawn(&mut summary), DEADLINE * 2).unwrap();
        assert_eq!(output.stdout.lines().count(), 1, "{}", output.stderr);
        let report: Report = serde_json::from_str(&output.stdout).unwrap();
        let findings = report.lessons.iter().flat_map(|lesson| &lesson.findings);
        let fails = findings.filter(|finding| finding.verdict == Verdict::Fails);
        let fails: Vec<&Finding> = fails.collect();
        let runs = report.lessons.iter().flat_map(|lesson| &lesson.runs);
        let tasks = runs.flat_map(|run| &run.tasks);
        let lost: Vec<_> = tasks.filter(|task| task.error.is_some()).take(5).collect();
        assert_eq!(output.exit, ChildExit::Code(0), "{fails:#?} {lost:#?} {}", output.stderr);
        report
    })
}

fn lesson(name: &str) -> &'static LessonReport {
    let lessons = &summary().lessons;
    lessons.iter().find(|lesson| lesson.name == name).unwrap()
}

#[test]
fn all_45_claims_have_unrefuted_findings() {
    let findings: Vec<&Finding> =
        summary().lessons.iter().flat_map(|lesson| &lesson.findings).collect();
    let found: BTreeSet<&str> = findings.iter().map(|finding| &*finding.claim).collect();
    let claims = claims();
    let missing: Vec<_> = claims.iter().filter(|claim| !found.contains(&***claim)).collect();
    assert_eq!((claims.len(), missing), (45, vec![]));
    for finding in findings {
        assert_ne!(finding.verdict, Verdict::Fails, "{finding:?}");
        let parts = [&finding.says, &finding.predicted, &finding.measured];
        assert!(parts.iter().all(|part| !part.is_empty()), "{finding:?}");
        assert!(!finding.because.is_empty(), "{finding:?}");
    }
}

#[test]
fn every_lesson_finds_what_it_lists() {
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

#[test]
#[cfg(target_os = "linux")]
fn deterministic_results_match() {
    for (name, claim, measured) in [
        ("threads-demo/gate", "T1", "in sequence 0, in threads 10 of 10"),
        ("threads-demo/meanwhile", "T4", "1 process, 1 thread"),
        ("threads-demo/refused", "T10", "error[E0373], and none with the cure"),
        ("threads-demo/refused", "T10", "error[E0382], and none with the cure"),
        ("threads-demo/refused", "T10", "error[E0499], and none with the cure"),
        ("threads-demo/refused", "T10", "error[E0277], and none with the cure"),
        ("threads-demo/deadlock", "T10", "crossed hangs, ordered ends"),
        ("process-demo/crash", "P4", "7 of 10 done, 3 lost"),
        (
            "process-demo/own-memory",
            "P5",
            "1 in each of 10 children, 41 in their parent, 51 after 10 threads",
        ),
        ("process-demo/torn-lines", "P8", "whole lines: 0 in pieces, 10 in one"),
        ("process-demo/file-race", "P8", "plain 1, locked 10"),
        (
            "process-demo/full-pipes",
            "P8",
            "the first hung and was killed, the second exited with code 0",
        ),
        ("process-demo/who-ends-a-child", "P9", "dropped: 'still here', guarded: ''"),
        ("async-demo/lazy", "A8", "0 requests after the calls, 10 after the awaits"),
        ("async-demo/generator", "A7", "a1 pending a2 pending a3 pending"),
        (
            "async-demo/generator",
            "A9",
            "await of a yield a1 b1 a2 b2 a3 b3, of a ready future a1 a2 a3 b1 b2 b3, \
             no await a1 a2 a3 b1 b2 b3",
        ),
        ("async-demo/lock-across-await", "T10", "held hangs, tokio's ends, dropped ends"),
        ("async-demo/cancel", "A4", "clients gone: 10 by abort, 10 by timeout"),
        (
            "async-demo/cancel-safety",
            "A4",
            "of 80 bytes sent, 72 with the read dropped, 80 with it kept",
        ),
        ("async-demo/unstoppable", "A4", "the call goes on, the queued call stops, the task stops"),
        ("async-demo/shutdown", "A4", "4 done, 1 stopped, 5 never started"),
        ("async-demo/sessions", "A11", "connections: 10, then 1; at once 10, then 0 more"),
    ] {
        let findings = &lesson(name).findings;
        let found = |finding: &Finding| finding.claim == claim && finding.measured == measured;
        assert!(findings.iter().any(found), "{measured:?} is not in {findings:#?}");
    }
}

#[test]
fn measured_quantities_become_figures() {
    let labels = |name: &str| {
        let points = lesson(name).figures.iter().flat_map(|figure| &figure.points);
        points.map(|point| point.label.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        labels("async-demo/cost"),
        ["task", "thread", "process", "task", "thread", "process", "10", "100", "1000"]
    );
    assert_eq!(labels("cpu-bound-demo/amdahl")[0], "1");
    let waiting = ["sequential", "threads", "processes", "async"];
    let computing = [&waiting[..], &["rayon"]].concat();
    assert_eq!(labels("ledger"), [&waiting[..], &computing].concat());
    assert!(labels("process-demo/serialize").len() >= 3);
}

#[test]
fn ten_thousand_requests_share_one_thread() {
    let scale = lesson("async-demo/scale");
    let run = &scale.runs[0];
    assert_eq!((run.model.as_str(), run.tasks.len()), ("async", 10_000));
    assert_eq!((run.done, run.connections), (10_000, Some(10_000)));
    // This server waits for all of them before it answers one, so no clock decides.
    let server = HoldingServer::start(0, 200);
    let words = ["scale", "-n", "200", "--timeout", "60s", "--format", "json"];
    let child = spawn(demo("async-demo", &words).args(["--url", &server.url]));
    server.wait_until_held();
    if cfg!(target_os = "linux") {
        assert_eq!(thread_count(child.id()), 1);
    }
    server.release();
    let report = parse(&finish(child), 0);
    assert_eq!(run_of(&report, "async").done, 200);
}
