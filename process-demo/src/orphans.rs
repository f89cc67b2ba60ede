//! Nobody ends a process because its parent has ended. Python's `daemon=True` helps only where the
//! parent ends in good order. What always helps: the child watches its stdin on a thread of its own,
//! and ends when that ends, since a pipe ends with the last process that holds it.
//! You will see for how long children outlive a parent that returns, panics or is killed.
//!
//! Try it: do not start the thread in `child`, and see who is left.

use std::hint;
use std::io::{BufRead, BufReader, Read, pipe, stdin};
use std::process::{Stdio, exit};
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::{judge, worker};

/// What starts this program as a parent that ends, and as one of its children.
pub const PARENT: Hidden = Hidden::new("parent", parent);
pub const CHILD: Hidden = Hidden::new("child", child);

pub const ABOUT: &str = "Children of a parent that has ended";

pub fn run(_: &Lab) -> Result<Evidence> {
    let mut gone = Vec::new();
    for way in ["returns", "panics", "killed"] {
        gone.push((way, outlived(way)?));
    }
    let finding = judge::orphans(&gone).on("P9", "Children end with their parent if they watch it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// For how long three children outlived a parent that ended in this way; `None`: for too long to wait.
fn outlived(way: &str) -> Result<Option<Duration>> {
    let (output, input) = pipe()?;
    let mut parent = {
        let mut command = child::this_program(PARENT.name)?;
        let command = command.arg(way).stdin(Stdio::piped()).stdout(input);
        command.stderr(Stdio::null()).spawn()?
    };
    let mut output = BufReader::new(output);
    for _ in 0..3 {
        output.read_line(&mut String::new())?; // A child is there.
    }
    if way == "killed" {
        parent.kill()?; // Now the parent must end,
    }
    drop(parent.stdin.take()); // or may.
    parent.wait()?;
    let ended = Instant::now();
    // Its children hold the same pipe: it ends when the last of them has.
    let (send, receive) = channel();
    Builder::new().spawn(move || send.send(output.read_to_end(&mut Vec::new()).is_ok()))?;
    let end = receive.recv_timeout(Duration::from_secs(20));
    Ok(end.is_ok().then(|| ended.elapsed()))
}

/// A parent of three children.
fn parent(words: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    let mut children = Vec::new();
    for _ in 0..3 {
        let mut child = child::this_program(CHILD.name)?;
        children.push(child.stdin(Stdio::piped()).spawn()?);
    }
    stdin().read_to_end(&mut Vec::new())?;
    match words.first().map(String::as_str) {
        Some("panics") => panic!("on purpose"),
        _ => Ok(()),
    }
}

/// A child that is busy for ever, but for the thread that watches its stdin.
fn child(_: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    // The line that matters: with the parent its end of the pipe goes, however the parent ended.
    Builder::new().spawn(|| stdin().read_to_end(&mut Vec::new()).map(|_| exit(0)))?;
    child::tell("here");
    loop {
        hint::spin_loop();
    }
}
