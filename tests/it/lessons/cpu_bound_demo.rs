//! cpu-bound-demo: one picture whatever the model, and Python only where there is one.

use std::collections::HashSet;

use crate::support::demo::{demo, lesson, parse_any, report, run, run_of};

#[test]
fn five_models_draw_the_same_rows() {
    let report = report(&mut demo("cpu-bound-demo", &["-n", "60", "--workers", "2"]), 0);
    let lesson = lesson(&report);
    let models: Vec<&str> = lesson.runs.iter().map(|run| run.model.as_str()).collect();
    assert_eq!(models, ["sequential", "threads", "processes", "rayon", "async"]);
    let sequential = run_of(&report, "sequential").wall_ms;
    assert_eq!(run_of(&report, "async").predicted_ms, Some(sequential));
    let divided = sequential / report.machine.cores.min(2) as f64;
    // A number read back from JSON may differ in its last bit.
    let predicted = run_of(&report, "threads").predicted_ms.unwrap();
    assert!((predicted - divided).abs() < 1e-9 * divided, "{predicted} for {divided}");
    let settings = &lesson.settings;
    assert_eq!((&settings.url, settings.embedded, settings.delay_ms), (&None, false, None));
    let tasks = &run_of(&report, "processes").tasks;
    let workers: HashSet<u32> = tasks.iter().map(|task| task.pid).collect();
    assert_eq!(workers.len(), 2);
}

/// The first finding on Python in the lesson `gil`, where `python3` prints just this.
#[cfg(unix)]
fn with_python(name: &str, prints: Option<&str>) -> shared::report::Finding {
    use crate::support::workspace::{copy_program, scratch};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let directory = scratch(name);
    if let Some(prints) = prints {
        let script = directory.join("script");
        fs::write(&script, format!("#!/bin/sh\necho '{prints}'\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        copy_program(&script, &directory.join("python3"));
    }
    let mut gil = demo("cpu-bound-demo", &["gil", "-n", "40", "--workers", "2"]);
    let output = run(gil.env("PATH", directory).args(["--format", "json"]));
    lesson(&parse_any(&output)).findings[0].clone()
}

#[test]
#[cfg(unix)]
fn python_predicts_its_own_finding() {
    use shared::report::Verdict;
    let none = with_python("no python", None);
    assert_eq!(none.verdict, Verdict::NotShown);
    assert!(none.because.contains("no python3 on this machine"), "{none:?}");
    let prints = r#"{"version":"CPython 3.14.0","free_threaded":true,"gil":false,"busy":1.9}"#;
    let free = with_python("free python", Some(prints));
    assert_eq!(free.says, "A Python without the lock computes in parallel");
    assert!(free.predicted.contains("2 cores busy"), "{free:?}");
    let nonsense = with_python("nonsense python", Some("Microsoft Store"));
    assert_eq!(nonsense.verdict, Verdict::NotShown);
}
