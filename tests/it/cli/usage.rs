//! Wrong usage: one clear line, exit code 2, and nothing has started.

use std::io::Write;
use std::process::Stdio;

use shared::os::child::ChildExit;
use shared::render::columns::width;

use crate::support::claims::listed;
use crate::support::demo::{DEMOS, HTTP_DEMOS, demo, finish, report, run, spawn};
use crate::support::workspace::read;

/// Runs a program that refuses these words, and returns its line on stderr.
fn refused(name: &str, words: &[&str]) -> String {
    let output = run(&mut demo(name, words));
    let said = format!("{name} {words:?}: {}", output.stderr);
    assert_eq!((output.exit, output.stdout.as_str()), (ChildExit::Code(2), ""), "{said}");
    assert_eq!(output.stderr.lines().count(), 1, "{said}");
    assert!(output.stderr.starts_with(&format!("{name}: ")), "{said}");
    assert!(output.stderr.len() < 400, "{} characters", output.stderr.len());
    output.stderr
}

#[test]
fn counts_out_of_range_are_refused() {
    for name in DEMOS {
        for bad in ["0", "-1", "x", "1e9", "1000000000", "18446744073709551616", ""] {
            for option in ["--tasks", "--workers"] {
                let line = refused(name, &[option, bad]);
                assert!(line.contains(option) && line.contains("from 1 to "), "{line}");
            }
            assert!(refused(name, &["notebook", "-n", bad]).contains("--tasks"));
        }
    }
    for name in DEMOS.into_iter().chain(["summary-demo"]) {
        for bad in ["0", "101", "-1", "x", ""] {
            let line = refused(name, &["--repeat", bad]);
            assert!(
                line.contains("'--repeat <N>': expected") && line.contains("1 to 100"),
                "{line}"
            );
        }
    }
}

#[test]
fn impossible_durations_are_refused() {
    for (name, ..) in HTTP_DEMOS {
        for bad in ["-1", "NaN", "1e300s", "abc", "100", "0ms", "2h", ""] {
            for option in ["--delay", "--timeout"] {
                let line = refused(name, &[option, bad]);
                assert!(line.contains(option) && line.contains("from 1ms to 1h"), "{line}");
            }
        }
    }
}

#[test]
fn impossible_urls_are_refused() {
    let long = format!("http://127.0.0.1/{}", "x".repeat(100_000));
    let bad = [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "",
        "http://a b/",
        "127.0.0.1",
        &long,
    ];
    for (name, ..) in HTTP_DEMOS {
        for bad in bad {
            assert!(refused(name, &["--url", bad]).contains("--url"), "{bad}");
        }
    }
}

#[test]
fn unknown_words_are_refused_with_hint() {
    for name in DEMOS {
        for (words, hint) in [
            (&["notebok"][..], "did you mean notebook?"),
            (&["--task", "5"], "did you mean --tasks?"),
            (&["--format", "jsn"], "did you mean json?"),
            (&["--format", "xml"], "expected text or json"),
            (&["xyzzy"], ""),
            (&["notebook", "xyzzy"], ""),
            (&["--format"], ""),
            (&["-n", "5\n6"], "'5\\n6'"),
            (&["no\nlesson"], "'no\\nlesson'"),
        ] {
            let line = refused(name, words);
            assert!(line.contains(hint), "{line}");
        }
    }
    assert!(refused("cpu-bound-demo", &["--url", "http://127.0.0.1/"]).contains("--url"));
    for (option, bad) in [("--port", "65536"), ("--host", "nowhere"), ("--workers", "3")] {
        assert!(refused("serve", &[option, bad]).contains(option));
    }
}

#[test]
fn option_of_other_lesson_is_refused() {
    let line = refused("process-demo", &["crash", "--retries", "1"]);
    assert!(line.contains("the lesson crash takes no --retries"), "{line}");
    let line = refused("cpu-bound-demo", &["gil", "--png", "picture.png"]);
    assert!(line.contains("the lesson gil takes no --png"), "{line}");
}

const COMMON_OPTIONS: [(&str, &str); 6] = [
    ("--tasks", "1"),
    ("--workers", "1"),
    ("--delay", "1ms"),
    ("--url", "http://nobody.invalid/"),
    ("--timeout", "1s"),
    ("--trace", "trace.json"),
];

#[test]
fn option_outside_help_is_refused() {
    let mut refusals = 0;
    for name in DEMOS {
        let all = run(&mut demo(name, &["--help"])).stdout;
        for (lesson, _) in listed(name) {
            let help = run(&mut demo(name, &[&lesson, "--help"])).stdout;
            for (option, value) in COMMON_OPTIONS {
                if all.contains(option) && !help.contains(&format!("{option} <")) {
                    let line = refused(name, &[&lesson, option, value]);
                    assert!(line.contains(&format!("the lesson {lesson} takes no {option}")));
                    refusals += 1;
                }
            }
        }
    }
    assert!(refusals > 100, "only {refusals} options are refused");
}

/// A lesson's help lists the options that its file reads, and its comment names no others.
#[test]
fn lesson_takes_options_it_reads() {
    let requests = ["lab.client()", "lab.async_client()", "lab.target()", "lab.target_at("];
    let runs = ["lab.run(", "Gallery::new(lab)"];
    for name in DEMOS {
        for (lesson, _) in listed(name) {
            let help = run(&mut demo(name, &[&lesson, "--help"])).stdout;
            let file = match lesson.as_str() {
                "notebook" => format!("{name}/src/notebook.rs"),
                lesson => format!("{name}/src/lessons/{}.rs", lesson.replace('-', "_")),
            };
            let source = read(&file);
            let comment: String =
                source.lines().take_while(|line| line.starts_with("//!")).collect();
            let source: String = source.split_whitespace().collect();
            let reads = |words: &[&str]| words.iter().any(|word| source.contains(word));
            let asks = reads(&requests);
            let counts = reads(&["lab.server()", "lab.target_at(", ".connections"]);
            for (option, is_read) in [
                ("--tasks", reads(&runs) || reads(&["lab.tasks"])),
                ("--workers", reads(&["lab.workers"])),
                ("--delay", reads(&requests[..3]) || reads(&["lab.delay_ms"])),
                ("--url", asks && !counts),
                ("--timeout", asks && !reads(&["TcpStream"])),
                ("--trace", reads(&runs)),
            ] {
                let takes = help.contains(&format!("{option} <"));
                assert_eq!(takes, is_read, "{name} {lesson} {option}:\n{help}");
                let option = if option == "--tasks" { "`-n " } else { option };
                assert!(takes || !comment.contains(option), "{name} {lesson}: {comment}");
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn words_outside_utf8_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    for name in DEMOS {
        for words in [&[&b"\xff"[..]][..], &[b"--tasks", b"\xff"], &[b"--\xff"]] {
            let mut command = demo(name, &[]);
            command.args(words.iter().map(|word| std::ffi::OsStr::from_bytes(word)));
            let output = run(&mut command);
            let lines = output.stderr.lines().count();
            assert_eq!((output.exit, lines), (ChildExit::Code(2), 1), "{}", output.stderr);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn child_mode_on_terminal_is_refused() {
    for (name, mode) in [("process-demo", "worker"), ("cpu-bound-demo", "rows")] {
        let program = crate::support::workspace::binary(name);
        let on_terminal = format!("'{}' {mode}", program.display());
        let output = run(std::process::Command::new("script").args([
            "--quiet",
            "--return",
            "--command",
            &on_terminal,
            "/dev/null",
        ]));
        assert_eq!(output.exit, ChildExit::Code(2), "{}", output.stdout);
        let why = "internal mode, used by the demo, which writes to its stdin";
        assert!(output.stdout.contains(why), "{}", output.stdout);
    }
}

#[test]
fn options_stand_before_or_behind_lesson() {
    for words in [["-n", "3", "notebook"], ["notebook", "-n", "3"]] {
        let report = report(&mut demo("async-demo", &words), 0);
        assert_eq!(report.lessons[0].settings.tasks, 3);
    }
}

#[test]
fn help_names_options_pros_and_cons() {
    for name in DEMOS {
        let output = run(&mut demo(name, &["--help"]));
        assert_eq!((output.exit, output.stderr.as_str()), (ChildExit::Code(0), ""));
        let help = output.stdout;
        for part in
            ["notebook", "all", "--tasks", "--workers", "--format", "--list", "\n+ ", "\n- "]
        {
            assert!(help.contains(part), "{name} --help lacks {part}:\n{help}");
        }
        assert_eq!(help.contains("--url"), name != "cpu-bound-demo");
        for internal in ["worker ", "rows ", "ends-with-stdin"] {
            assert!(!help.contains(&format!("\n  {internal}")), "{help}");
        }
    }
}

#[test]
fn help_is_wrapped_to_columns() {
    for name in DEMOS {
        for words in [&["--help"][..], &["notebook", "--help"]] {
            let help = |columns| run(demo(name, words).env("COLUMNS", columns)).stdout;
            let too_long = |line: &&str| width(line) > 60;
            assert_eq!(help("60").lines().find(too_long), None);
            assert!(help("200").lines().any(|line| width(line) > 80));
            assert_eq!(help("0"), help(""));
        }
    }
}

/// A child mode of the same name would take a lesson's place.
#[test]
fn every_lesson_prints_its_help() {
    for name in DEMOS {
        for (lesson, _) in listed(name) {
            let help = run(&mut demo(name, &[&lesson, "--help"])).stdout;
            assert!(help.contains("Usage:"), "{name} {lesson}: {help}");
        }
    }
}

#[test]
fn error_of_a_child_names_it() {
    let mut worker = spawn(demo("process-demo", &["worker"]).stdin(Stdio::piped()));
    // Its stdin stays open, because it ends with that.
    worker.stdin.as_mut().unwrap().write_all(b"garbage\n").unwrap();
    let stderr = finish(worker).stderr;
    assert!(stderr.starts_with("process-demo: child "), "{stderr}");
    assert!(stderr.contains(" (worker): a worker reads one JSON request per line"), "{stderr}");
}
