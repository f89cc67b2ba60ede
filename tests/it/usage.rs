//! Wrong usage: one clear line, exit code 2, and nothing has been started.

use shared::child::End;

use super::demo::{DEMOS, HTTP_DEMOS, demo, run};

/// Runs it and returns the line on stderr.
fn refused(name: &str, words: &[&str]) -> String {
    let ended = run(&mut demo(name, words));
    assert_eq!(
        (ended.end, ended.stdout.as_str()),
        (End::Exit(2), ""),
        "{name} {words:?}: {}",
        ended.stderr
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with(&format!("{name}: ")), "{}", ended.stderr);
    assert!(ended.stderr.len() < 400, "{} characters", ended.stderr.len());
    ended.stderr
}

/// Would be wrong: a number that is taken for another, or an error that does not say what is allowed.
#[test]
fn counts_out_of_range_are_refused_with_the_range() {
    for name in DEMOS {
        for bad in ["0", "-1", "x", "1e9", "1000000000", "18446744073709551616", ""] {
            for option in ["--tasks", "--workers"] {
                let line = refused(name, &[option, bad]);
                assert!(line.contains(option) && line.contains("from 1 to "), "{line}");
            }
            assert!(refused(name, &["notebook", "-n", bad]).contains("--tasks"));
        }
    }
}

/// Would be wrong: a duration of nothing, of for ever, or without a unit.
#[test]
fn durations_that_are_none_are_refused() {
    for (name, ..) in HTTP_DEMOS {
        for bad in ["-1", "NaN", "1e300s", "abc", "100", "0ms", "2h", ""] {
            for option in ["--delay", "--timeout"] {
                let line = refused(name, &[option, bad]);
                assert!(line.contains(option) && line.contains("from 1ms to 1h"), "{line}");
            }
        }
    }
}

/// Would be wrong: an address that is found out to be none by the first task.
#[test]
fn addresses_that_are_none_are_refused() {
    let long = format!("http://127.0.0.1/{}", "x".repeat(100_000));
    for (name, ..) in HTTP_DEMOS {
        for bad in [
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "http://",
            "",
            "http://a b/",
            "127.0.0.1",
            &long,
        ] {
            assert!(refused(name, &["--url", bad]).contains("--url"), "{bad}");
        }
    }
}

/// Would be wrong: a word that is ignored, or a mistake without a hint.
#[test]
fn unknown_words_are_refused_with_the_nearest_known() {
    for name in DEMOS {
        assert!(refused(name, &["notebok"]).contains("did you mean notebook?"));
        assert!(refused(name, &["--task", "5"]).contains("did you mean --tasks?"));
        assert!(refused(name, &["--format", "jsn"]).contains("did you mean json?"));
        refused(name, &["xyzzy"]);
        refused(name, &["notebook", "xyzzy"]);
        refused(name, &["--format"]);
        assert!(refused(name, &["-n", "5\n6"]).contains("'5\\n6'"));
        assert!(refused(name, &["no\nlesson"]).contains("'no\\nlesson'"));
        assert!(refused(name, &["--format", "xml"]).contains("expected text or json"));
    }
    assert!(refused("async-demo", &["serve", "--port", "65536"]).contains("--port"));
    for ignored in ["-n", "--workers"] {
        assert!(refused("async-demo", &["serve", ignored, "3"]).contains("serve takes no --"));
    }
    assert!(refused("async-demo", &["serve", "--host", "nowhere"]).contains("--host"));
    assert!(refused("cpu-bound-demo", &["--url", "http://127.0.0.1/"]).contains("--url"));
    assert!(refused("cpu-bound-demo", &["rows"]).contains("this mode is for the program itself"));
}

/// Would be wrong: an option that is taken and does nothing.
#[test]
fn an_option_of_another_lesson_is_refused() {
    let line = refused("process-demo", &["crash", "--retries", "1"]);
    assert!(line.contains("the lesson crash takes no --retries"), "{line}");
    let line = refused("cpu-bound-demo", &["gil", "--png", "picture.png"]);
    assert!(line.contains("the lesson gil takes no --png"), "{line}");
}

/// Would be wrong: a panic over a word that is not text.
#[test]
#[cfg(unix)]
fn words_that_are_not_utf8_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    for name in DEMOS {
        for words in [&[&b"\xff"[..]][..], &[b"--tasks", b"\xff"], &[b"--\xff"]] {
            let mut command = demo(name, &[]);
            command.args(words.iter().map(|word| std::ffi::OsStr::from_bytes(word)));
            let ended = run(&mut command);
            assert_eq!(
                (ended.end, ended.stderr.lines().count()),
                (End::Exit(2), 1),
                "{}",
                ended.stderr
            );
        }
    }
}

/// Would be wrong: an option that works before a lesson's name, but not behind it.
#[test]
fn options_may_stand_before_or_behind_the_lesson() {
    for words in [["-n", "3", "notebook"], ["notebook", "-n", "3"]] {
        let report = super::demo::report(&mut demo("async-demo", &words), 0);
        assert_eq!(report.lessons[0].settings.tasks, 3);
    }
}

/// Would be wrong: a help that does not name what there is, or shows what is not for people.
#[test]
fn help_names_lessons_options_plus_and_minus() {
    for name in DEMOS {
        let ended = run(&mut demo(name, &["--help"]));
        assert_eq!((ended.end, ended.stderr.as_str()), (End::Exit(0), ""));
        let wanted =
            ["notebook", "all", "--tasks", "--workers", "--format", "--list", "\n  + ", "\n  - "];
        for part in wanted {
            assert!(ended.stdout.contains(part), "{name} --help lacks {part}:\n{}", ended.stdout);
        }
        assert_eq!(ended.stdout.contains("--url"), name != "cpu-bound-demo");
        // A mode for the program itself must not take the place of a lesson of the same name.
        for (lesson, _) in super::ledger::listed(name) {
            let help = run(&mut demo(name, &[&lesson, "--help"])).stdout;
            assert!(help.contains("Usage:"), "{name} {lesson}: {help}");
        }
        for hidden in ["worker ", "rows "] {
            assert!(!ended.stdout.contains(&format!("\n  {hidden}")), "{}", ended.stdout);
        }
    }
}
