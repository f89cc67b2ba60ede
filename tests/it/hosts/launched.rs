//! The lesson `hosts` with launchers on this machine.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use shared::os::child::ChildExit;

use crate::support::demo::{parse_any, run, run_of};
use crate::support::trial::Trial;
use crate::support::workspace::{binary, scratch};

#[test]
fn command_without_workers_cannot_start() {
    for lesson in ["notebook", "hosts"] {
        let command = "sh -c 'echo no route >&2; exit 255'";
        let output = Trial::start("process-demo", &[lesson, "--worker-command", command]).finish();
        assert_eq!(output.exit, ChildExit::Code(3));
        assert!(output.stderr.ends_with("before it greeted: no route\n"), "{}", output.stderr);
    }
}

#[test]
fn launcher_finds_any_path() {
    let program = scratch("launched").join(OsStr::from_bytes(b"not UTF-8: \xff"));
    fs::copy(binary("process-demo"), &program).unwrap();
    let words = ["hosts", "-n", "4", "--delay", "1ms", "--format", "json"];
    let report = parse_any(&run(Command::new(&program).args(words)));
    assert_eq!(run_of(&report, "launched-pool").done, 4);
}

#[test]
fn descriptors_of_launched_workers_suffice() {
    let command = format!("'{}' worker", binary("process-demo").display());
    let words = ["-n", "60", "--delay", "20ms", "--format", "json", "--worker-command", &command];
    let output = Trial::start_under(&["prlimit", "--nofile=128"], "process-demo", &words).finish();
    // The OS refused none.
    let why = "running fewer tasks at once: only 128 open files are allowed (ulimit -n)\n";
    assert_eq!(output.stderr, why);
    assert_eq!(run_of(&parse_any(&output), "processes").done, 60);
}
