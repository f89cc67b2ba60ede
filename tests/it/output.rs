//! Where the report goes: pipes that close, disks that are full, terminals that are narrow.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use shared::child::End;

use super::demo::{DEMOS, demo, finish, run, spawn};

/// Would be wrong: a field that is missing, has another name, or was never agreed on.
#[test]
fn the_json_has_exactly_the_agreed_fields() {
    fn fields(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }
    for name in DEMOS {
        let ended = run(&mut demo(name, &["-n", "4", "--format", "json"]));
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(fields(&report), ["demo", "lessons", "machine", "version"]);
        assert_eq!(fields(&report["machine"]), ["cores", "os", "profile"]);
        let lesson = &report["lessons"][0];
        let mut agreed = vec!["about", "findings", "name", "runs", "settings"];
        if name == "cpu-bound-demo" {
            agreed.insert(3, "picture");
        }
        assert_eq!(fields(lesson), agreed);
        assert_eq!(fields(&lesson["settings"]), ["delay_ms", "embedded", "tasks", "url"]);
        let run = &lesson["runs"][0];
        let agreed = [
            "cancelled",
            "connections",
            "cpu_ms",
            "done",
            "failed",
            "model",
            "peak_in_flight",
            "peak_rss_kib",
            "predicted_ms",
            "tasks",
            "timed_out",
            "wall_ms",
        ];
        assert_eq!(fields(run), agreed);
        let agreed = ["end_ms", "error", "id", "outcome", "pid", "start_ms", "status", "thread"];
        assert_eq!(fields(&run["tasks"][0]), agreed);
        let agreed = ["because", "claim", "measured", "predicted", "says", "verdict"];
        assert_eq!(fields(&lesson["findings"][0]), agreed);
        assert_eq!(run["tasks"][0]["outcome"], "done");
        if cfg!(unix) {
            assert!(run["cpu_ms"].is_number() && run["peak_rss_kib"].is_number());
        }
    }
}

/// Would be wrong: an error, or a worker left over, because the reader had read enough.
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for name in DEMOS {
        for words in [&[][..], &["--help"], &["--list"], &["--format", "json"]] {
            let mut child = spawn(&mut demo(name, words));
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert!(!line.is_empty());
            let ended = finish(child);
            assert_eq!((ended.end, ended.stderr.as_str()), (End::Exit(0), ""), "{name} {words:?}");
        }
    }
}

/// Would be wrong: a report that was lost, and an exit code that says all is well.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_with_exit_code_4() {
    for name in DEMOS {
        for words in [&["-n", "2"][..], &["-n", "2", "--format", "json"], &["--help"], &["--list"]]
        {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            let mut command = demo(name, words);
            let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
            let ended = finish(child);
            assert_eq!(ended.end, End::Exit(4), "{name} {words:?}");
            assert!(
                ended.stderr.contains("cannot write the report: No space left"),
                "{}",
                ended.stderr
            );
        }
    }
}

/// Would be wrong: escapes in a file, lines broken by the terminal, or bars that overflow it.
#[test]
fn the_text_is_plain_and_keeps_to_the_columns() {
    for name in DEMOS {
        for columns in [20, 40, 200] {
            let mut command = demo(name, &["-n", "5"]);
            let ended = run(command.env("COLUMNS", columns.to_string()).env("NO_COLOR", "1"));
            assert_eq!((ended.end, ended.stderr.as_str()), (End::Exit(0), ""));
            assert!(!ended.stdout.contains(['\u{1b}', '\r']), "{name}");
            // The tasks' own lines are printed as they come, whole.
            let report = ended.stdout.lines().filter(|line| !line.starts_with("  process "));
            for line in report {
                assert!(line.chars().count() <= columns, "{name}, {columns} columns: {line}");
            }
        }
    }
}

/// Would be wrong: lines of several processes or threads that run into each other.
#[test]
fn every_line_of_a_task_is_whole() {
    for name in ["threads-demo", "process-demo", "async-demo"] {
        let ended = run(&mut demo(name, &["-n", "50", "--delay", "5ms"]));
        let lines: Vec<&str> =
            ended.stdout.lines().filter(|line| line.contains("status")).collect();
        assert_eq!(lines.len(), 150, "{name}");
        for line in lines {
            let rest = line.strip_prefix("  process ").unwrap();
            let (pid, rest) = rest.split_once(", ").unwrap();
            assert!(pid.parse::<u32>().is_ok() && rest.ends_with(": status 200"), "{line}");
        }
    }
}
