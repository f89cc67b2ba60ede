//! The OS does not end a process when its parent ends. Python's `daemon=True` helps only if the parent
//! exits normally. A thread that watches stdin always helps: a pipe ends when the last process that
//! holds its other end does, so the child notices, and exits.
//! You will see how long children outlive a parent that returns, panics or is killed.
//! Try it: do not start the thread in `child`, and see which processes are left.

use std::hint;
use std::io::{BufRead, BufReader, Read, pipe, stdin};
use std::process::{Stdio, exit};
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::os::child::{self, ChildMode};
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "orphans",
    "Children of a parent that has ended",
    &["P9"],
    run,
    include_str!("orphans.rs"),
)
.child_modes(&[PARENT, CHILD]);

const PARENT: ChildMode = ChildMode::new("parent", parent).reads_stdin();
const CHILD: ChildMode = ChildMode::new("child", child).reads_stdin();

fn run(_: &Lab) -> Result<Evidence> {
    let mut ways = Vec::new();
    for way in ["returns", "panics", "killed"] {
        ways.push((way, outlived(way)?));
    }
    let finding = check(&ways).on("P9", "Children end with their parent if they watch it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How long three children outlived a parent that ended in this way; `None`: longer than we wait.
fn outlived(way: &str) -> Result<Option<Duration>> {
    let (output, input) = pipe()?;
    let mut parent = {
        let mut command = PARENT.command(&[way])?;
        child::spawn(command.stdin(Stdio::piped()).stdout(input).stderr(Stdio::null()))?
    };
    let mut output = BufReader::new(output);
    for _ in 0..3 {
        output.read_line(&mut String::new())?; // A child is there.
    }
    if way == "killed" {
        parent.kill()?;
    }
    drop(parent.stdin.take()); // The others end now.
    parent.wait()?;
    let ended = Instant::now();
    // The children hold the same pipe: it ends with the last of them.
    let (send, receive) = channel();
    Builder::new().spawn(move || send.send(output.read_to_end(&mut Vec::new()).is_ok()))?;
    let end = receive.recv_timeout(Duration::from_secs(20));
    Ok(end.is_ok().then(|| ended.elapsed()))
}

/// A parent of three children.
fn parent(words: &[String]) -> Result<()> {
    let mut children = Vec::new();
    for _ in 0..3 {
        children.push(child::spawn(CHILD.command(&[])?.stdin(Stdio::piped()))?);
    }
    stdin().read_to_end(&mut Vec::new())?;
    match words.first().map(String::as_str) {
        Some("panics") => panic!("on purpose"),
        _ => Ok(()),
    }
}

/// A child that computes for ever, except for the thread that watches its stdin.
fn child(_: &[String]) -> Result<()> {
    // The line that matters: however the parent ends, the OS closes its end of the pipe.
    Builder::new().spawn(|| stdin().read_to_end(&mut Vec::new()).map(|_| exit(0)))?;
    child::write_line("here");
    loop {
        hint::spin_loop();
    }
}

/// How long children outlived a parent that ended in each way; `None`: too long.
fn check(ways: &[(&str, Option<Duration>)]) -> Check {
    let measured = ways.iter().map(|(way, time)| match time {
        Some(time) => format!("{way}: {:.0} ms", time.as_secs_f64() * 1000.0),
        None => format!("{way}: more than 20 s"),
    });
    let measured: Vec<String> = measured.collect();
    let late = |(_, time): &(_, Option<Duration>)| *time > Some(Duration::from_secs(1));
    let reason = if ways.iter().any(|(_, time)| time.is_none()) {
        (Verdict::Fails, "another process still holds the pipe")
    } else if ways.iter().any(late) {
        (Verdict::NotShown, "they ended, but slowly: the machine is busy")
    } else {
        (Verdict::Holds, "the pipe that all of them held has ended")
    };
    Check::new("gone within a second, however the parent ended", measured.join(", "), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survivors_fail_stragglers_show_nothing() {
        for (seconds, verdict) in [
            (Some(0), Verdict::Holds),
            (Some(1), Verdict::Holds),
            (Some(3), Verdict::NotShown),
            (None, Verdict::Fails),
        ] {
            let ways =
                [("returns", Some(Duration::ZERO)), ("killed", seconds.map(Duration::from_secs))];
            assert_eq!(check(&ways).verdict, verdict, "{seconds:?}");
        }
    }
}
