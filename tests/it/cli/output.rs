//! Where the report goes: closed pipes, full disks, narrow terminals.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use shared::os::child::ChildExit;
use shared::render::columns::width;

use crate::support::demo::{DEMOS, HTTP_DEMOS, demo, finish, run, spawn};
use crate::support::workspace::scratch;

#[test]
fn json_has_exactly_the_agreed_fields() {
    fn fields(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }
    for name in DEMOS {
        let output = run(&mut demo(name, &["-n", "4", "--format", "json"]));
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
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
            "involuntary_switches",
            "model",
            "peak_in_flight",
            "peak_rss_kib",
            "predicted_ms",
            "tasks",
            "timed_out",
            "voluntary_switches",
            "wall_ms",
        ];
        assert_eq!(fields(run), agreed);
        let agreed = ["end_ms", "error", "id", "outcome", "pid", "start_ms", "status", "thread"];
        assert_eq!(fields(&run["tasks"][0]), agreed);
        let agreed = ["because", "claim", "measured", "predicted", "says", "verdict"];
        assert_eq!(fields(&lesson["findings"][0]), agreed);
        assert_eq!(run["tasks"][0]["outcome"], "done");
        assert!(run["cpu_ms"].is_number() && run["peak_rss_kib"].is_number());
        let counted = run["voluntary_switches"].is_u64() && run["involuntary_switches"].is_u64();
        assert_eq!(counted, cfg!(target_os = "linux"), "{run}");
    }
}

#[test]
fn early_leaving_reader_is_no_error() {
    for name in DEMOS {
        for words in [&[][..], &["--help"], &["--list"], &["--format", "json"]] {
            let mut child = spawn(&mut demo(name, words));
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert!(!line.is_empty());
            let output = finish(child);
            assert_eq!(
                (output.exit, output.stderr.as_str()),
                (ChildExit::Code(0), ""),
                "{name} {words:?}"
            );
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn full_stdout_is_exit_code_4() {
    for name in DEMOS {
        for words in [&["-n", "2"][..], &["-n", "2", "--format", "json"], &["--help"], &["--list"]]
        {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            let mut command = demo(name, words);
            let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
            let output = finish(child);
            assert_eq!(output.exit, ChildExit::Code(4), "{name} {words:?}");
            assert!(
                output.stderr.contains("cannot write the report: No space left"),
                "{}",
                output.stderr
            );
        }
    }
}

#[test]
fn text_is_plain_and_keeps_columns() {
    for name in DEMOS {
        for columns in [20, 40, 200] {
            let mut command = demo(name, &["-n", "5"]);
            let output = run(command.env("COLUMNS", columns.to_string()).env("NO_COLOR", "1"));
            assert_eq!((output.exit, output.stderr.as_str()), (ChildExit::Code(0), ""));
            assert!(!output.stdout.contains(['\u{1b}', '\r']), "{name}");
            // The lines of tasks are printed whole, as they come.
            for line in output.stdout.lines().filter(|line| !line.starts_with("  #")) {
                assert!(width(line) <= columns, "{name}, {columns} columns: {line}");
            }
        }
    }
}

#[test]
fn every_task_line_is_whole() {
    for (name, ..) in HTTP_DEMOS {
        let output = run(&mut demo(name, &["-n", "50", "--delay", "5ms"]));
        let lines: Vec<&str> =
            output.stdout.lines().filter(|line| line.starts_with("  #")).collect();
        assert_eq!(lines.len(), 150, "{name}");
        let mut ids = [0; 50];
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [id, "pid", pid, thread, "200", ms, "ms"] = words[..] else {
                panic!("{name}: {line}");
            };
            ids[id[1..].parse::<usize>().unwrap()] += 1;
            assert!(pid.parse::<u32>().is_ok() && ms.parse::<f64>().is_ok(), "{line}");
            // The columns are the same in all lines.
            assert_eq!((line.find(thread), line.rfind(" 200 ")), (Some(19), Some(31)), "{line}");
        }
        assert_eq!(ids, [3; 50], "{name}");
    }
}

/// Text with the escape codes for colours taken out.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn colours_are_in_text_alone() {
    for name in DEMOS {
        let forced = |words: &[&str]| run(demo(name, words).env("COLUMNS", "60")).stdout;
        let text = forced(&["-n", "3", "--color", "always"]);
        for code in ["\u{1b}[1m", "\u{1b}[2m"] {
            assert!(text.contains(code), "{name}: {text:?}");
        }
        let bar = if name == "cpu-bound-demo" { "\u{1b}[35m█" } else { "\u{1b}[36m█" };
        assert!(text.contains(bar), "{name}: {text:?}");
        let plain = uncoloured(&text);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        for line in plain.lines().filter(|line| !line.starts_with("  #")) {
            assert!(width(line) <= 60, "{name}: {line}");
        }
        let help = forced(&["--help", "--color=always"]);
        assert_eq!(uncoloured(&help), forced(&["--help"]));
        assert!(help.contains("\u{1b}[1mUsage:"), "{help:?}");
        let json = forced(&["-n", "3", "--color", "always", "--format", "json"]);
        assert!(!json.contains('\u{1b}') && !json.contains("u001b"), "{name}");
        let page = scratch(&format!("colours of {name}")).join("page.html");
        let words = ["-n", "3", "--color", "always", "--html", page.to_str().unwrap()];
        assert!(forced(&words).contains('\u{1b}'));
        assert!(!std::fs::read_to_string(page).unwrap().contains('\u{1b}'));
    }
}

#[test]
fn verbose_findings_are_in_full() {
    // Three findings, which come out as predicted on any machine.
    let texts = [&["generator"][..], &["generator", "--verbose"]]
        .map(|words| run(demo("async-demo", words).env("COLUMNS", "200")).stdout);
    let counts = |part: &str| texts.each_ref().map(|text| text.matches(part).count());
    assert_eq!((counts("\n  because   "), counts("\n  as predicted: ")), ([0, 3], [3, 0]));
}

/// By its own option, else by the environment, else by what stdout is.
#[test]
#[cfg(target_os = "linux")]
fn colours_follow_option_environment_and_terminal() {
    let program = crate::support::workspace::binary("threads-demo");
    let colours = |terminal: bool, option: &str, environment: &[(&str, &str)]| {
        let words = ["meanwhile", option];
        let words = if option.is_empty() { &words[..1] } else { &words };
        let mut command = demo("threads-demo", words);
        if terminal {
            command = Command::new("script");
            let line = format!("'{}' meanwhile {option}", program.display());
            command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
            command.env_remove("NO_COLOR").env("TERM", "xterm");
        }
        // With CI set, anstream takes even a dumb terminal for one with colours.
        for name in ["CI", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        run(command.envs(environment.iter().copied())).stdout.contains("\u{1b}[")
    };
    assert!(colours(true, "", &[]));
    assert!(!colours(true, "", &[("NO_COLOR", "1")]));
    assert!(!colours(true, "", &[("TERM", "dumb")]));
    assert!(!colours(true, "--color=never", &[]));
    assert!(colours(true, "--color=always", &[("NO_COLOR", "1")]));
    assert!(!colours(false, "", &[]));
    assert!(!colours(false, "--color=auto", &[]));
    assert!(colours(false, "", &[("CLICOLOR_FORCE", "1")]));
    assert!(colours(false, "--color=always", &[]));
}

#[test]
#[cfg(target_os = "linux")]
fn many_tasks_are_counted_on_terminal() {
    let program = crate::support::workspace::binary("async-demo");
    let words = "-n 101 --delay 10ms --workers 50";
    let on_terminal = |term: &str| {
        let command = format!("'{}' {words}", program.display());
        let words = ["--quiet", "--return", "--command", &command, "/dev/null"];
        let mut script = std::process::Command::new("script");
        run(script.args(words).env("TERM", term).env_remove("NO_COLOR")).stdout
    };
    let seen = on_terminal("xterm");
    // The sequence takes a second.
    assert!(seen.matches(" of 101 tasks\r ").count() > 1, "{seen:?}");
    for line in seen.lines() {
        let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap();
        let count = last.split(" of 101 tasks").next().unwrap().trim();
        assert!(count.parse::<u32>().is_err(), "not cleared: {line:?}");
    }
    let words: Vec<&str> = words.split(' ').collect();
    let piped = run(&mut demo("async-demo", &words));
    assert_eq!(piped.stderr, "");
    for plain in [&on_terminal("dumb"), &piped.stdout] {
        assert!(plain.contains("sequential:") && !plain.contains("\r  "), "{plain:?}");
    }
}

/// The server holds the second request until the program has ended: it must not wait for it.
#[test]
fn leaving_reader_ends_the_run() {
    use crate::support::servers::HoldingServer;
    for (name, ..) in HTTP_DEMOS {
        let server = HoldingServer::start(1, 1);
        let words = ["-n", "9", "--timeout", "60s", "--url", &server.url];
        let mut child = spawn(&mut demo(name, &words));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().contains(" 200 ") {}
        drop(lines);
        server.wait_until_held();
        server.release(); // Its line cannot be written, so no third request comes.
        let output = finish(child);
        assert_eq!((output.exit, output.stderr.as_str()), (ChildExit::Code(0), ""), "{name}");
        assert!(server.arrived() <= 3, "{name}: {} requests", server.arrived());
    }
}

#[test]
fn report_names_workers_and_sections() {
    let words = ["-n", "2", "--workers", "2", "--delay", "1ms"];
    let text = run(&mut demo("threads-demo", &words)).stdout.replace('\n', " ");
    assert!(text.contains("2 workers (--workers)"), "{text}");
    let without_pool = run(&mut demo("threads-demo", &["lock-held", "-n", "2"])).stdout;
    assert!(!without_pool.contains("--workers"), "{without_pool}");
    for text in [text, without_pool] {
        assert_eq!(text.matches("T threads, P processes, A async, G GIL").count(), 1, "{text}");
    }
}

/// The pipe takes 64 KiB, and its reader comes late.
#[test]
#[cfg(target_os = "linux")]
fn full_pipe_is_waited_for() {
    let script = r#"import fcntl, os, subprocess, sys, time
read, write = os.pipe()
fcntl.fcntl(write, fcntl.F_SETFL, os.O_NONBLOCK)
child = subprocess.Popen(sys.argv[1:], stdout=write)
os.close(write)
os.set_blocking(read, True)
time.sleep(1)
document = open(read).read()
sys.stdout.write(document)
sys.exit(child.wait())"#;
    let words = ["-I", "-c", script];
    let python = std::process::Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|python| python.status.success()) {
        return println!("skipped: no python3 to make a non-blocking pipe");
    }
    let starter = ["python3"].into_iter().chain(words).collect::<Vec<_>>();
    let words = ["-n", "800", "--delay", "1ms", "--format", "json"];
    let output = run(&mut crate::support::demo::demo_under(&starter, "async-demo", &words));
    assert!(output.stdout.len() > 100_000 && output.stdout.ends_with("}\n"), "{}", output.stderr);
    assert!(matches!(output.exit, ChildExit::Code(0 | 1)), "{}", output.stderr);
}
