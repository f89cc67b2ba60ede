//! The computing section: one picture whatever the model, saved whole or not at all.

use std::fs;

use shared::child::End;

use super::demo::{cargo, demo, report, run, run_of, scratch};

/// Would be wrong: a computing demo that makes every attendee build an HTTP client.
#[test]
fn its_build_has_no_http_in_it() {
    let tree = run(cargo().args([
        "tree",
        "--offline",
        "-p",
        "cpu-bound-demo",
        "-e",
        "normal",
        "--prefix",
        "none",
    ]));
    assert_eq!(tree.end, End::Exit(0), "{}", tree.stderr);
    for name in ["reqwest", "hyper", "http", "rustls"] {
        assert!(!tree.stdout.contains(&format!("\n{name} v")), "{name} is in the build");
    }
    assert!(tree.stdout.contains("\nrayon v"));
}

/// Would be wrong: a model that is left out, a prediction that is none, or figures of another machine.
#[test]
fn five_models_draw_the_same_rows() {
    let report = report(&mut demo("cpu-bound-demo", &["-n", "60", "--workers", "2"]), 0);
    let lesson = super::demo::lesson(&report);
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
    let workers: std::collections::HashSet<u32> =
        run_of(&report, "processes").tasks.iter().map(|task| task.pid).collect();
    assert_eq!(workers.len(), 2);
}

/// Would be wrong: a picture that is not saved, is not a PNG, or leaves something beside it.
#[test]
fn the_picture_is_saved_whole() {
    let directory = scratch("png");
    let file = directory.join("picture.png");
    fs::write(&file, "old").unwrap();
    let words = ["-n", "40", "--png", file.to_str().unwrap()];
    assert_eq!(run(&mut demo("cpu-bound-demo", &words)).end, End::Exit(0));
    let png = fs::read(&file).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&png[16..24], [0, 0, 0, 60, 0, 0, 0, 40], "60 by 40 pixels");
    assert_eq!(&png[png.len() - 8..][..4], b"IEND");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

/// Would be wrong: minutes of drawing before one learns that the picture cannot be saved.
#[test]
fn a_file_that_cannot_be_written_is_refused_before_any_work() {
    let directory = scratch("png-refused");
    let missing = directory.join("missing").join("picture.png");
    for bad in [missing.to_str().unwrap(), directory.to_str().unwrap(), ""] {
        let ended = run(&mut demo("cpu-bound-demo", &["--png", bad]));
        assert_eq!((ended.end, ended.stdout.as_str()), (End::Exit(2), ""), "{bad}");
        assert!(ended.stderr.contains("--png"), "{}", ended.stderr);
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    if cfg!(unix) {
        // A device must not be replaced by a picture.
        let ended = run(&mut demo("cpu-bound-demo", &["-n", "2", "--png", "/dev/null"]));
        assert_eq!(ended.end, End::Exit(2), "{}", ended.stderr);
    }
}

/// The finding on Python in the lesson `gil`, where this is all that `python3` says.
#[cfg(unix)]
fn with_python(name: &str, says: Option<&str>) -> shared::report::Finding {
    use super::demo::copy_program;
    use std::os::unix::fs::PermissionsExt;
    let directory = scratch(name);
    if let Some(says) = says {
        let script = directory.join("script");
        fs::write(&script, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        copy_program(&script, &directory.join("python3"));
    }
    let mut gil = demo("cpu-bound-demo", &["gil", "-n", "40", "--workers", "2"]);
    let report = report(gil.env("PATH", directory), 0);
    super::demo::lesson(&report).findings.last().unwrap().clone()
}

/// Would be wrong: a Python without the lock that is taken for one with it, or a lesson that needs one.
#[test]
#[cfg(unix)]
fn python_is_asked_for_its_lock_and_not_needed() {
    use shared::report::Verdict;
    let none = with_python("python-none", None);
    assert_eq!(none.verdict, Verdict::NotShown);
    assert!(none.because.contains("no python3 answered"), "{none:?}");
    let says = r#"{"version":"CPython 3.14.0","gil":false,"busy":1.9}"#;
    let free = with_python("python-free", Some(says));
    assert_eq!(free.says, "A Python without the lock computes in parallel");
    assert!(free.predicted.contains("2 cores busy"), "{free:?}");
    let nonsense = with_python("python-nonsense", Some("Microsoft Store"));
    assert_eq!(nonsense.verdict, Verdict::NotShown);
}
