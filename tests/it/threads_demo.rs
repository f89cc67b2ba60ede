//! The lessons on what goes wrong with threads.

use shared::report::{Outcome, Verdict};

use super::demo::{demo, lesson, report, run, run_of};

/// Would be wrong: a panic that takes other tasks along, or is not heard of.
#[test]
fn a_thread_that_panics_loses_its_own_task_only() {
    let report = report(&mut demo("threads-demo", &["panic"]), 0);
    let run = run_of(&report, "threads");
    assert_eq!((run.done, run.failed), (9, 1));
    let lost = run.tasks.iter().find(|task| task.outcome == Outcome::Failed).unwrap();
    assert_eq!(lost.error.as_deref(), Some("panicked: gives up, on purpose"));
    assert_eq!(lesson(&report).findings[0].verdict, Verdict::Holds);
    assert!(lesson(&report).findings[0].measured.contains("panic 9, exit 0, abort 0, overflow 0"));
}

/// Would be wrong: a trap that does not snap, or a cure that does not help.
#[test]
fn updates_are_lost_and_locks_hang_but_not_with_the_cures() {
    let race = report(&mut demo("threads-demo", &["race", "-n", "8"]), 0);
    assert_eq!(lesson(&race).findings[0].measured, "two steps 1, one step 8, lock 8");
    let deadlock = report(&mut demo("threads-demo", &["deadlock"]), 0);
    assert_eq!(lesson(&deadlock).findings[0].measured, "crossed hangs, ordered ends");
}

/// Would be wrong: a lesson on the compiler that cannot do without one.
#[test]
fn without_a_compiler_its_words_are_not_shown() {
    let mut refused = demo("threads-demo", &["refused"]);
    let report = report(refused.env("PATH", "").env_remove("RUSTC"), 0);
    let findings = &lesson(&report).findings;
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::NotShown));
}

/// Would be wrong: threads that gave up before they could meet, and with that a claim refuted.
#[test]
fn a_timeout_too_short_for_the_gate_refutes_nothing() {
    let words = ["side-by-side", "--timeout", "1ms", "--delay", "1ms"];
    let ended = run(demo("threads-demo", &words).args(["--format", "json"]));
    let report: shared::report::Report = serde_json::from_str(&ended.stdout).unwrap();
    let gate = &lesson(&report).findings[0];
    assert_ne!(gate.verdict, Verdict::Fails, "{gate:?}");
}
