//! `cargo run -p shared`: the embedded server alone.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::os::child::{self, ChildExit};

use crate::support::demo::{demo, finish, interruptible, report, run, run_of, spawn};
use crate::support::processes::signal;
use crate::support::servers::get;

/// Starts the server on a free port. Returns it with its URL.
fn serve() -> (Child, String) {
    let mut child = spawn(&mut interruptible("serve", &["--port", "0"]));
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let url = lines.nth(1).unwrap().unwrap().trim().to_string();
    (child, url.strip_suffix("/delay/100").unwrap().to_string())
}

#[test]
fn serve_answers_programs_until_interrupted() {
    let (child, url) = serve();
    assert_eq!(get(&format!("{url}/status/418")), 418);
    let report =
        report(&mut demo("threads-demo", &["-n", "3", "--url", &format!("{url}/delay/50")]), 0);
    assert_eq!(run_of(&report, "threads").done, 3);
    assert!(signal(Signal::SIGINT, child.id()));
    assert_eq!(finish(child).exit, ChildExit::Signal(2));
}

#[test]
fn taken_port_is_exit_code_3() {
    let (mut child, url) = serve();
    let port = url.rsplit(':').next().unwrap();
    let output = run(&mut demo("serve", &["--port", port]));
    assert_eq!(output.exit, ChildExit::Code(3));
    let wanted = format!("cannot listen on 127.0.0.1:{port}: ");
    assert!(output.stderr.contains(&wanted), "{}", output.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn unwritable_address_is_exit_code_4() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = demo("serve", &[]);
    command.stdout(full.unwrap()).stderr(std::process::Stdio::piped());
    let output = finish(command.spawn().unwrap());
    assert_eq!(output.exit, ChildExit::Code(4));
    assert!(output.stderr.contains("No space left"), "{}", output.stderr);
}

#[test]
fn child_past_its_deadline_is_killed() {
    let output = child::run(&mut demo("serve", &[]), Duration::from_secs(3)).unwrap();
    assert_eq!(output.exit, ChildExit::TimedOut);
    assert!(output.stdout.contains("Serving until Ctrl-C"), "its output is kept");
}
