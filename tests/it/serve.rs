//! `async-demo serve`: the embedded server alone.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use shared::child::End;

use super::demo::{demo, finish, interruptible, report, run, run_of, spawn};
use super::servers::get;

/// Starts it on a free port; returns it with its address.
fn serve() -> (Child, String) {
    let mut child = spawn(&mut interruptible("async-demo", &["serve", "--port", "0"]));
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let url = lines.nth(1).unwrap().unwrap().trim().to_string();
    (child, url.strip_suffix("/delay/100").unwrap().to_string())
}

/// Would be wrong: a server for a class that serves nobody, or that does not stop at Ctrl-C.
#[test]
fn it_serves_other_programs_until_interrupted() {
    let (child, url) = serve();
    assert_eq!(get(&format!("{url}/status/418")), 418);
    let report =
        report(&mut demo("threads-demo", &["-n", "3", "--url", &format!("{url}/delay/50")]), 0);
    assert_eq!(run_of(&report, "threads").done, 3);
    Command::new("kill").args(["-2", &child.id().to_string()]).status().unwrap();
    assert_eq!(finish(child).end, End::Signal(2));
}

/// Would be wrong: a second server on the same port that takes half of the requests.
#[test]
fn a_port_that_is_taken_is_said_with_exit_code_3() {
    let (mut child, url) = serve();
    let port = url.rsplit(':').next().unwrap();
    let ended = run(&mut demo("async-demo", &["serve", "--port", port]));
    assert_eq!(ended.end, End::Exit(3));
    let wanted = format!("cannot listen on 127.0.0.1:{port}: ");
    assert!(ended.stderr.contains(&wanted), "{}", ended.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Would be wrong: a server whose address nobody gets to know, and that serves on as if they did.
#[test]
#[cfg(target_os = "linux")]
fn an_address_that_cannot_be_said_is_exit_code_4() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = demo("async-demo", &["serve"]);
    command.stdout(full.unwrap()).stderr(std::process::Stdio::piped());
    let ended = finish(command.spawn().unwrap());
    assert_eq!(ended.end, End::Exit(4));
    assert!(ended.stderr.contains("No space left"), "{}", ended.stderr);
}
