//! Builds the demos once, starts one under a deadline, and reads its report.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use shared::child::{self, End, Ended};
use shared::report::{Lesson, Report, Run};

/// Far longer than any demo takes, even on a busy machine: only what hangs gets there.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// The demos whose tasks are HTTP requests, with the words for "all at once" and "through a pool".
pub const HTTP_DEMOS: [(&str, &str, &str); 3] = [
    ("threads-demo", "threads", "thread-pool"),
    ("process-demo", "processes", "process-pool"),
    ("async-demo", "async", "async-limit"),
];

/// Every demo.
pub const DEMOS: [&str; 4] = ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"];

/// The workspace's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Cargo as it was called to build this test, in the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// The program `name`, built with all others before the first is used.
pub fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let mut build = cargo();
        build.args(["build", "--quiet", "--workspace", "--bins"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the demos do not build");
        // This test is target/<profile>/deps/it-<hash>.
        env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf()
    });
    directory.join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// The demo `name` with these words, and nothing of this environment that would change it.
pub fn demo(name: &str, words: &[&str]) -> Command {
    clean(Command::new(binary(name)), words)
}

/// As [`demo`], started by another program such as `taskset`.
pub fn demo_under(starter: &[&str], name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(starter[0]);
    command.args(&starter[1..]).arg(binary(name));
    clean(command, words)
}

/// As [`demo`], but sure to end at SIGINT: a shell starts what runs in its background with that
/// signal ignored, and what it starts inherits it.
pub fn interruptible(name: &str, words: &[&str]) -> Command {
    if cfg!(target_os = "linux") {
        return demo_under(&["env", "--default-signal=INT"], name, words);
    }
    demo(name, words)
}

fn clean(mut command: Command, words: &[&str]) -> Command {
    command.args(words).stdin(Stdio::null());
    for variable in [
        // Or summary-demo would have the cargo that runs these tests build what is built.
        "CARGO",
        "COLUMNS",
        "NO_COLOR",
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

/// Runs it to its end. Whatever it did, it must not have hung or panicked.
pub fn run(command: &mut Command) -> Ended {
    check(child::run(command, DEADLINE).unwrap())
}

/// As [`run`], for cargo: it may have to wait for others that build, and then has to build a lot.
pub fn run_cargo(cargo: &mut Command) -> Ended {
    check(child::run(cargo, 5 * DEADLINE).unwrap())
}

/// As [`run`], for one that has been started.
pub fn finish(child: Child) -> Ended {
    check(child::wait(child, DEADLINE).unwrap())
}

fn check(ended: Ended) -> Ended {
    assert_ne!(ended.end, End::TimedOut, "hung; stderr: {}", ended.stderr);
    // A lesson that panics on purpose says so.
    let panics = ended.stderr.matches("panicked at").count();
    assert_eq!(panics, ended.stderr.matches("on purpose").count(), "{}", ended.stderr);
    ended
}

/// Starts it with both outputs caught.
pub fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs it with `--format json` and reads the report; `code` is what it must exit with.
pub fn report(command: &mut Command, code: i32) -> Report {
    parse(&run(command.args(["--format", "json"])), code)
}

/// Reads the report of a demo that has ended, and checks that no task is missing or there twice.
pub fn parse(ended: &Ended, code: i32) -> Report {
    assert_eq!(ended.end, End::Exit(code), "stderr: {}\nstdout: {}", ended.stderr, ended.stdout);
    assert!(ended.stdout.ends_with("}\n") && ended.stdout.lines().count() == 1, "not one document");
    let report: Report = serde_json::from_str(&ended.stdout).unwrap();
    for lesson in &report.lessons {
        for run in &lesson.runs {
            let ids: Vec<usize> = run.tasks.iter().map(|task| task.id).collect();
            assert_eq!(ids, (0..lesson.settings.tasks).collect::<Vec<_>>(), "{}", run.model);
            assert_eq!(run.done + run.lost(), lesson.settings.tasks, "{}", run.model);
        }
    }
    report
}

/// The only lesson of a report.
pub fn lesson(report: &Report) -> &Lesson {
    assert_eq!(report.lessons.len(), 1);
    &report.lessons[0]
}

/// The run of the only lesson under `model`.
pub fn run_of<'a>(report: &'a Report, model: &str) -> &'a Run {
    lesson(report).runs.iter().find(|run| run.model == model).unwrap()
}

/// Copies a program. Elsewhere than on Windows it is another process that writes the copy: what other
/// tests start meanwhile would hold it open for writing, as long as it is on its way from fork to exec,
/// and execve(2) refuses what somebody may write to.
pub fn copy_program(from: &Path, to: &Path) {
    if cfg!(unix) {
        let copied = Command::new("cp").args([from, to]).status();
        assert!(copied.unwrap().success());
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

/// A directory of its own for one test, empty.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
