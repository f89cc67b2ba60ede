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
    let finding = &lesson(&report).findings[0];
    assert_eq!(finding.verdict, Verdict::Holds);
    assert!(finding.measured.contains("panic 9, exit 0, abort 0, overflow 0"), "{finding:?}");
}

#[test]
fn race_result_follows_the_task_count() {
    let race = report(&mut demo("threads-demo", &["race", "-n", "8"]), 0);
    assert_eq!(lesson(&race).findings[0].measured, "two steps 1, one step 8, lock 8");
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
    let words = ["side-by-side", "--timeout", "1ms", "--delay", "1ms", "--format", "json"];
    let report = parse_any(&run(&mut demo("threads-demo", &words)));
    let gate = &lesson(&report).findings[0];
    assert_ne!(gate.verdict, Verdict::Fails, "{gate:?}");
}
