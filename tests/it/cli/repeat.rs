//! `--repeat`: every round is in the document; text and page show each run and finding once.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::Value;
use shared::report::{Report, Verdict};

use crate::support::demo::{DEMOS, demo, lesson, parse, parse_any, run};
use crate::support::servers::{ANSWER, listen, read_request};
use crate::support::workspace::scratch;

/// The rounds of each model and of each finding, in the order of the report.
fn rounds(report: &Report) -> Vec<(String, Vec<Option<usize>>)> {
    let lesson = lesson(report);
    let runs = lesson.runs.iter().map(|run| (run.model.clone(), run.round));
    let findings = lesson.findings.iter().map(|finding| (finding.says.clone(), finding.round));
    let mut rounds: Vec<(String, Vec<_>)> = Vec::new();
    for (name, round) in runs.chain(findings) {
        match rounds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rounds)) => rounds.push(round),
            None => rounds.push((name, vec![round])),
        }
    }
    rounds
}

#[test]
fn document_has_every_round() {
    let words = ["-n", "3", "--workers", "2", "--delay", "30ms"];
    for name in DEMOS {
        let words = if name == "cpu-bound-demo" { &words[..4] } else { &words[..] };
        let mut repeated = demo(name, words);
        repeated.args(["--repeat", "3", "--format", "json"]);
        let repeated = rounds(&parse_any(&run(&mut repeated)));
        let once = rounds(&parse_any(&run(demo(name, words).args(["--format", "json"]))));
        assert!(once.len() >= 6, "{name}: {once:?}");
        for ((name, rounds), (same, none)) in repeated.iter().zip(&once) {
            assert_eq!((name, rounds), (same, &vec![Some(1), Some(2), Some(3)]));
            assert_eq!(none, &[None]);
        }
        assert_eq!(repeated.len(), once.len());
    }
}

#[test]
fn text_page_show_runs_once() {
    let directory = scratch("repeat");
    let [page, trace] = ["page.html", "trace.json"].map(|file| directory.join(file));
    let mut repeated = demo("threads-demo", &["-n", "3", "--workers", "2", "--repeat", "4"]);
    repeated.arg("--html").arg(&page).arg("--trace").arg(&trace).env("LC_ALL", "C");
    let text = run(&mut repeated).stdout;
    let count = |text: &str, part: &str| text.matches(part).count();
    let (first, claim) =
        ("\nsequential: ", "T1 holds: Threads let waits overlap (holds in 4 of 4)");
    for part in [first, "\nthreads: ", "\nthread-pool: ", claim] {
        assert_eq!(count(&text, part), 1, "{part}\n{text}");
    }
    assert_eq!(count(&text, " of 4 rounds, "), 3, "{text}");
    let marks: Vec<&str> = text.lines().filter_map(|line| line.split('|').nth(1)).collect();
    assert!(marks.len() == 3 && marks.iter().all(|marks| marks.is_ascii()), "{text}");
    assert!(!text.contains("\n  #"), "a line for each task of each round\n{text}");
    let page = fs::read_to_string(page).unwrap();
    assert_eq!((count(&page, "<div class=\"run\""), count(&page, claim.split_at(10).1)), (3, 1));
    let marks: Vec<&str> = page.split("<svg class=\"rounds\"").skip(1).collect();
    let lines = |svg: &&str| svg.split("</svg>").next().unwrap().matches("<line").count();
    assert_eq!(marks.iter().map(lines).collect::<Vec<_>>(), [4, 4, 4]);
    let trace = fs::read_to_string(trace).unwrap();
    assert_eq!(count(&trace, "\"threads, round "), 4);
}

/// In the second of three rounds, the compiler accepts programs that it should reject.
#[test]
#[cfg(unix)]
fn finding_fails_with_one_round() {
    use std::os::unix::fs::PermissionsExt;
    let compiler = scratch("repeat compiler").join("rustc");
    let script = r#"#!/bin/sh
        cat >/dev/null
        echo >>"$0.calls"
        call=$(($(wc -l <"$0.calls") - 1))
        case "$((call / 8)) $((call % 8))" in
            1*) exit 0 ;;
            *0) error=E0373 ;;
            *2) error=E0382 ;;
            *4) error=E0499 ;;
            *6) error=E0277 ;;
            *) exit 0 ;;
        esac
        echo "<anon>:1:1: error[$error]: no" >&2
        exit 1"#;
    let run_once = |words: &[&str], code: i32| {
        let _ = fs::remove_file(compiler.with_file_name("rustc.calls"));
        let mut refused = demo("threads-demo", &["refused", "--repeat", "3"]);
        let output = run(refused.args(words).env("RUSTC", &compiler).env("COLUMNS", "200"));
        assert_eq!(output.exit, shared::os::child::ChildExit::Code(code), "{}", output.stdout);
        output
    };
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let report = parse(&run_once(&["--format", "json"], 1), 1);
    let findings = lesson(&report).findings.iter();
    let fails = findings.filter(|finding| finding.verdict == Verdict::Fails);
    assert_eq!(fails.map(|finding| finding.round).collect::<Vec<_>>(), [Some(2); 4]);
    let text = run_once(&[], 1).stdout;
    assert_eq!(text.matches("T10 FAILS: ").count(), 4, "{text}");
    let tally = "(holds in 2 of 3, fails in 1; figures of round 2)";
    assert_eq!(text.matches(tally).count(), 4, "{text}");
    assert_eq!(text.matches("measured  no error, and none with the cure").count(), 4, "{text}");
    // Without the second round, everything holds.
    fs::write(&compiler, script.replace("1*) exit 0", "9*) exit 0")).unwrap();
    assert_eq!(run_once(&[], 0).stdout.matches("(holds in 3 of 3)").count(), 4);
}

/// A server that hangs up on the second of the three requests of the second round.
#[test]
fn lost_task_of_one_round_is_told() {
    let answered = AtomicUsize::new(0);
    let address = listen(move |mut stream| {
        if read_request(&mut stream) && answered.fetch_add(1, Relaxed) % 9 != 4 {
            let _ = stream.write_all(ANSWER);
        }
    });
    let url = format!("http://{address}/");
    let words = ["-n", "1", "--workers", "1", "--repeat", "3", "--url", &url];
    let report = parse(&run(demo("threads-demo", &words).args(["--format", "json"])), 1);
    let runs = &lesson(&report).runs;
    let lost: Vec<_> = runs.iter().filter(|run| run.failed == 1).collect();
    assert_eq!((runs.len(), lost.len()), (9, 1));
    assert_eq!((lost[0].round, &*lost[0].model), (Some(2), "threads"));
    let text = run(demo("threads-demo", &words).env("COLUMNS", "200")).stdout;
    let told = "; tasks were lost in 1, of which round 2 is shown";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    assert!(text.contains("\n  1 failed: "), "{text}");
}

#[test]
fn all_repeats_each_lesson() {
    let mut all = demo("process-demo", &["all", "-n", "2", "--delay", "30ms", "--repeat", "2"]);
    let output = run(all.args(["--format", "json"]));
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    for lesson in report["lessons"].as_array().unwrap() {
        let findings = lesson["findings"].as_array().unwrap();
        let rounds: Vec<_> = findings.iter().filter_map(|one| one["round"].as_u64()).collect();
        let (first, second) = rounds.split_at(rounds.len() / 2);
        assert!(!first.is_empty() && first.iter().all(|round| *round == 1), "{lesson}");
        assert!(second.len() == first.len() && second.iter().all(|round| *round == 2));
    }
}
