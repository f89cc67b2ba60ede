//! Starts a demo under a deadline and reads its report.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use shared::os::child::{self, ChildExit, ChildOutput};
use shared::report::{LessonReport, Report, Run};

use super::workspace::binary;

/// Far longer than any demo takes, even on a busy machine. Only a program that hangs reaches it.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// The demos whose tasks are HTTP requests, with their models for "all at once" and "in a pool".
pub const HTTP_DEMOS: [(&str, &str, &str); 3] = [
    ("threads-demo", "threads", "thread-pool"),
    ("process-demo", "processes", "process-pool"),
    ("async-demo", "async", "async-limit"),
];

/// All demos.
pub const DEMOS: [&str; 4] = ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"];

/// The demo `name` with these words, without any variable of this environment that would change it.
pub fn demo(name: &str, words: &[&str]) -> Command {
    clean(Command::new(binary(name)), words)
}

/// The same, started by another program such as `taskset`.
pub fn demo_under(starter: &[&str], name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(starter[0]);
    command.args(&starter[1..]).arg(binary(name));
    clean(command, words)
}

/// The same, sure to end at SIGINT: a shell starts its background jobs with that signal ignored, and
/// their children inherit it.
pub fn interruptible(name: &str, words: &[&str]) -> Command {
    if cfg!(target_os = "linux") {
        return demo_under(&["env", "--default-signal=INT"], name, words);
    }
    demo(name, words)
}

fn clean(mut command: Command, words: &[&str]) -> Command {
    // In other locales, bars are drawn in ASCII.
    command.args(words).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    for variable in [
        // With it, summary-demo would build the demos.
        "CARGO",
        "COLUMNS",
        "TERM",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(variable);
    }
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command
}

/// Runs a program to its end. It must not hang or panic.
pub fn run(command: &mut Command) -> ChildOutput {
    check(child::run(command, DEADLINE).unwrap())
}

/// The same for cargo, which may wait for other builds and then build much.
pub fn run_cargo(cargo: &mut Command) -> ChildOutput {
    check(child::run(cargo, 5 * DEADLINE).unwrap())
}

/// Starts a program with both outputs piped.
pub fn spawn(command: &mut Command) -> Child {
    child::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())).unwrap()
}

/// Waits for a program that was started. It must not hang or panic.
pub fn finish(child: Child) -> ChildOutput {
    check(child::wait_with_output(child, DEADLINE).unwrap())
}

fn check(output: ChildOutput) -> ChildOutput {
    assert_ne!(output.exit, ChildExit::TimedOut, "hung; stderr: {}", output.stderr);
    // A lesson that panics on purpose says so.
    let panics = output.stderr.matches("panicked at").count();
    assert_eq!(panics, output.stderr.matches("on purpose").count(), "{}", output.stderr);
    output
}

/// Runs a demo with `--format json` and reads the report. It must exit with `code`.
pub fn report(command: &mut Command, code: i32) -> Report {
    parse(&run(command.args(["--format", "json"])), code)
}

/// Reads the report of a demo that ended with `code`. Every task must be in it exactly once.
pub fn parse(output: &ChildOutput, code: i32) -> Report {
    let ChildOutput { exit, stdout, stderr } = output;
    assert_eq!(*exit, ChildExit::Code(code), "stderr: {stderr}\nstdout: {stdout}");
    assert!(stdout.ends_with("}\n") && stdout.lines().count() == 1, "not one document");
    let report: Report = serde_json::from_str(stdout).unwrap();
    for lesson in &report.lessons {
        for run in &lesson.runs {
            let ids: Vec<usize> = run.tasks.iter().map(|task| task.id).collect();
            assert_eq!(ids, (0..lesson.settings.tasks).collect::<Vec<_>>(), "{}", run.model);
            assert_eq!(run.done + run.lost(), lesson.settings.tasks, "{}", run.model);
        }
    }
    report
}

/// Reads the report of a demo that ended with code 0 or 1, where a busy machine may refute a claim.
pub fn parse_any(output: &ChildOutput) -> Report {
    match output.exit {
        ChildExit::Code(code @ (0 | 1)) => parse(output, code),
        exit => panic!("{exit}; stderr: {}", output.stderr),
    }
}

/// The only lesson of a report.
pub fn lesson(report: &Report) -> &LessonReport {
    assert_eq!(report.lessons.len(), 1);
    &report.lessons[0]
}

/// The run of the only lesson under `model`.
pub fn run_of<'a>(report: &'a Report, model: &str) -> &'a Run {
    lesson(report).runs.iter().find(|run| run.model == model).unwrap()
}
