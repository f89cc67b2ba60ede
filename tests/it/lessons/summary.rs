//! summary-demo starts the other demos.

use std::process::Command;

use shared::os::child::ChildExit;

use crate::support::demo::run;
use crate::support::workspace::{binary, copy_program, scratch};

#[test]
fn missing_demos_are_exit_code_3() {
    let program = scratch("summary alone").join(binary("summary-demo").file_name().unwrap());
    copy_program(&binary("summary-demo"), &program);
    let mut alone = Command::new(program);
    let output = run(alone.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR"));
    assert_eq!(output.exit, ChildExit::Code(3));
    assert!(output.stderr.contains("threads-demo is not built"), "{}", output.stderr);
}

/// With stand-ins for the demos, the first of which waits until the reader has left.
#[test]
#[cfg(unix)]
fn leaving_reader_ends_the_summary() {
    use crate::support::demo::{finish, spawn};
    use std::fs::{self, Permissions};
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::PermissionsExt;
    let directory = scratch("summary left");
    let program = directory.join("summary-demo");
    copy_program(&binary("summary-demo"), &program);
    let report =
        r#"{"version":1,"demo":"","machine":{"os":"","cores":1,"profile":""},"lessons":[]}"#;
    for demo in ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"] {
        let script = format!(
            "#!/bin/sh\n[ $1 = --list ] && exec echo 'notebook  T1  Requests'\n\
             : > '{0}/{demo} ran'\nuntil [ -e '{0}/go' ]; do sleep 0.01; done\n\
             echo '{report}'\n",
            directory.display()
        );
        fs::write(directory.join(demo), script).unwrap();
        fs::set_permissions(directory.join(demo), Permissions::from_mode(0o755)).unwrap();
    }
    let mut summary = Command::new(program);
    let mut child = spawn(summary.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR"));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "summary-demo, lesson ledger\n");
    fs::write(directory.join("go"), "").unwrap();
    assert_eq!(finish(child).exit, ChildExit::Code(0));
    assert!(directory.join("threads-demo ran").exists());
    assert!(!directory.join("process-demo ran").exists());
}

/// summary-demo with stand-ins for the demos, which list a lesson and are killed when they run it.
#[cfg(unix)]
fn summary_of_killed_demos(directory: &str) -> Command {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    let directory = scratch(directory);
    let program = directory.join("summary-demo");
    copy_program(&binary("summary-demo"), &program);
    for demo in ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"] {
        let script = "#!/bin/sh\n[ $1 = --list ] || kill -9 $$\n\
                      echo 'notebook  T1 P12  Requests in sequence'\n";
        fs::write(directory.join(demo), script).unwrap();
        fs::set_permissions(directory.join(demo), Permissions::from_mode(0o755)).unwrap();
    }
    let mut summary = Command::new(program);
    for variable in ["CARGO", "CARGO_MANIFEST_DIR", "CLICOLOR_FORCE"] {
        summary.env_remove(variable);
    }
    summary
}

#[test]
#[cfg(unix)]
fn killed_demo_is_not_shown() {
    use crate::support::demo::parse;
    use shared::report::Verdict;
    let mut summary = summary_of_killed_demos("summary without demos");
    let report = parse(&run(summary.args(["--format", "json"])), 0);
    let names: Vec<_> = report.lessons.iter().map(|lesson| lesson.name.as_str()).collect();
    let demos = ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"];
    assert_eq!(names[..4], demos.map(|demo| format!("{demo}/notebook")));
    for lesson in &report.lessons[..4] {
        let claims: Vec<_> = lesson.findings.iter().map(|finding| &finding.claim[..]).collect();
        assert_eq!((claims, &lesson.about[..]), (vec!["T1", "P12"], "Requests in sequence"));
    }
    for finding in report.lessons.iter().flat_map(|lesson| &lesson.findings) {
        assert_eq!(finding.verdict, Verdict::NotShown, "{finding:?}");
    }
    let because = &report.lessons[0].findings[0].because;
    assert!(because.contains("threads-demo was killed by signal 9"), "{because}");
}

/// With stand-ins for the demos, which write down their words and report two rounds of a finding.
#[test]
#[cfg(unix)]
fn demos_repeat_their_lessons() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    let directory = scratch("summary repeated");
    let program = directory.join("summary-demo");
    copy_program(&binary("summary-demo"), &program);
    let finding = |round, verdict| {
        format!(
            r#"{{"round":{round},"claim":"T1","says":"Waits overlap","predicted":"p","measured":"m",
            "verdict":"{verdict}","because":"b"}}"#
        )
    };
    let settings = r#"{"tasks":1,"url":null,"embedded":false,"delay_ms":null}"#;
    let findings = [finding(1, "holds"), finding(2, "holds")].join(",");
    let lesson = format!(
        r#"{{"name":"notebook","about":"","settings":{settings},"runs":[],"findings":[{findings}]}}"#
    );
    let machine = r#"{"os":"","cores":1,"profile":""}"#;
    let report = format!(r#"{{"version":1,"demo":"","machine":{machine},"lessons":[{lesson}]}}"#);
    for demo in crate::support::demo::DEMOS {
        let file = directory.join(demo);
        let script = format!(
            "#!/bin/sh\n[ $1 = --list ] && exec echo 'notebook T1 Requests'\n\
             echo \"$@\" >\"$0 words\"\necho '{report}'\n"
        );
        fs::write(&file, script.replace(",\n", ",")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    }
    let summary = |words: &[&str]| {
        let mut summary = Command::new(&program);
        run(summary.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR").args(words))
    };
    let text = summary(&["--repeat", "2", "--verbose"]).stdout;
    assert_eq!(text.matches("Waits overlap (holds in 2 of 2)").count(), 4, "{text}");
    let json = summary(&["--repeat", "2", "--format", "json"]).stdout;
    assert_eq!(json.matches(r#""round":2"#).count(), 4, "{json}");
    for demo in crate::support::demo::DEMOS {
        let words = fs::read_to_string(directory.join(format!("{demo} words"))).unwrap();
        assert_eq!(words, "notebook --format json --ends-with-stdin --repeat 2\n");
    }
    assert_eq!(summary(&["--repeat", "0"]).exit, ChildExit::Code(2));
}

#[test]
#[cfg(unix)]
fn summary_begins_with_the_choice() {
    let mut summary = summary_of_killed_demos("summary in order");
    let text = run(summary.env("COLUMNS", "120")).stdout;
    let parts = [
        "cpu-bound-demo: 1 lesson\n",
        "Waiting: speed-up",
        "not shown Which models speed up which work\n",
        "Which model for which work\n",
        "not shown Tasks wait, some hundreds at once: threads\n",
        "unknown (cargo run -p async-demo -- cost)\n",
        "\n3 claims: 0 hold, 3 not shown; ",
        "  threads         1 claim: 0 hold, 1 not shown (T1)\n",
        "What does not hold or was not shown\n",
        "T1 not shown: Requests in sequence (threads-demo/notebook)\n",
        "\nNext: ",
    ];
    let places: Vec<_> = parts.iter().map(|part| text.find(part)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}\n{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.iter().position(|line| line.starts_with("3 claims")) < Some(45), "{text}");
    assert!(!text.contains("All findings"));
    let all = run(summary.arg("--verbose")).stdout;
    assert!(
        all.starts_with(text.split("\nNext: ").next().unwrap()) && all.contains("All findings")
    );
}

#[test]
#[cfg(target_os = "linux")]
fn demos_end_with_a_killed_summary() {
    use crate::support::demo::{DEADLINE, demo, spawn};
    use crate::support::processes::{assert_ended, children};
    use std::time::{Duration, Instant};
    let mut summary = spawn(&mut demo("summary-demo", &["--format", "json"]));
    let give_up = Instant::now() + DEADLINE;
    let demos = loop {
        let demos = children(summary.id());
        let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
        if demos.iter().any(|pid| name(pid).is_ok_and(|name| name.starts_with("threads-demo"))) {
            break demos;
        }
        assert!(Instant::now() < give_up, "no demo was started");
        std::thread::sleep(Duration::from_millis(5));
    };
    summary.kill().unwrap();
    summary.wait().unwrap();
    assert_ended(&demos);
}

#[test]
#[cfg(unix)]
fn demos_are_found_where_cargo_puts_them() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let directory = scratch("summary target");
    let script = |name: &str, text: &str| {
        let file = directory.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    };
    // A demo without lessons, and a cargo that says that it has built it.
    let machine = r#"{"os":"linux","cores":2,"profile":"debug"}"#;
    let report = format!(r#"{{"version":1,"demo":"d","machine":{machine},"lessons":[]}}"#);
    let demo = script("demo", &format!("echo '{report}'"));
    let mut cargo = format!("echo \"$@\" >'{}'\n", directory.join("words").display());
    for name in crate::support::demo::DEMOS {
        let (target, demo) = (format!(r#"{{"name":"{name}"}}"#), demo.display());
        let reason = "compiler-artifact";
        cargo += &format!(
            "echo '{{\"reason\":\"{reason}\",\"target\":{target},\"executable\":\"{demo}\"}}'\n"
        );
    }
    let cargo = script("cargo", &cargo);
    for chosen in ["", "some-target"] {
        let program = directory.join(chosen).join("debug");
        fs::create_dir_all(&program).unwrap();
        let program = program.join("summary-demo");
        copy_program(&binary("summary-demo"), &program);
        let mut summary = Command::new(program);
        summary.env("CARGO", &cargo).env("CARGO_MANIFEST_DIR", &directory);
        let output = run(summary.env("CARGO_BUILD_TARGET", chosen));
        assert_eq!(output.exit, ChildExit::Code(0), "{}", output.stderr);
        let words = fs::read_to_string(directory.join("words")).unwrap();
        let wanted = format!("--target-dir {} ", directory.display());
        assert!(words.contains(&wanted), "{words}");
    }
}
