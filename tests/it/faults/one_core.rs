//! One core: everything is done, and no speed-up is claimed.
#![cfg(target_os = "linux")]

use shared::report::Verdict;

use crate::support::demo::{HTTP_DEMOS, demo_under, report};

/// Claims that need a second core.
const PARALLEL: [&str; 7] = ["P3", "P11", "G3", "G4", "G5", "G6", "G8"];

#[test]
fn one_core_shows_no_speedup() {
    let taskset = ["taskset", "-c", "0"];
    for (name, ..) in HTTP_DEMOS {
        let report = report(&mut demo_under(&taskset, name, &[]), 0);
        assert_eq!(report.machine.cores, 1);
    }
    let report = report(&mut demo_under(&taskset, "cpu-bound-demo", &["all"]), 0);
    for finding in report.lessons.iter().flat_map(|lesson| &lesson.findings) {
        assert!(!finding.predicted.contains(" 1 threads"), "{finding:?}");
        if PARALLEL.contains(&&*finding.claim) {
            assert_eq!(finding.verdict, Verdict::NotShown, "{finding:?}");
            let reasons = ["only one core", "a single core"];
            assert!(reasons.iter().any(|why| finding.because.contains(why)), "{finding:?}");
        } else {
            assert_ne!(finding.verdict, Verdict::Fails, "{finding:?}");
        }
    }
}
