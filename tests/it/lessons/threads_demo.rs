//! threads-demo: what goes wrong with threads.

use shared::report::{Outcome, Verdict};

use crate::support::demo::{demo, lesson, parse_any, report, run, run_of};

#[test]
fn panicking_thread_loses_only_its_task() {
    let report = report(&mut demo("threads-demo", &["panic"]), 0);
    let run = run_of(&report, "threads");
    assert_eq!((run.done, run.failed), (9, 1));
    let lost = run.tasks.iter().find(|task| task.outcome == Outcome::Failed).unwrap();
    assert_eq!(lost.error.as_deref(), Some("panicked: gives up, on purpose"));
    assert_eq!(lesson(&report).findings[0].verdict, Verdict::Holds);
}

#[test]
fn race_cures_lose_no_update() {
    let race = report(&mut demo("threads-demo", &["race", "-n", "8"]), 0);
    let finding = &lesson(&race).findings[0];
    assert!(finding.measured.ends_with(", one step 0, one lock 0"), "{finding:?}");
}

#[test]
fn missing_compiler_is_not_shown() {
    let mut refused = demo("threads-demo", &["refused"]);
    let report = report(refused.env("PATH", "").env_remove("RUSTC"), 0);
    let findings = &lesson(&report).findings;
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::NotShown));
}

#[test]
fn timeout_below_gate_refutes_nothing() {
    let words = ["gate", "--timeout", "1ms", "--delay", "1ms", "--format", "json"];
    let report = parse_any(&run(&mut demo("threads-demo", &words)));
    let gate = &lesson(&report).findings[0];
    assert_ne!(gate.verdict, Verdict::Fails, "{gate:?}");
}
