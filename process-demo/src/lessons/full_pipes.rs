//! A pipe holds little, 64 KiB on Linux; a process that writes more blocks until another reads. A
//! parent that writes everything before it reads, and a child that answers as it reads, deadlock.
//! You will see a child hang with both pipes full until it is killed, and one that does not, because
//! it writes on a thread and reads meanwhile.
//! Try it: make the message small enough for the pipes, and nothing hangs. Until one day.

use std::io::{Read, Write, copy, stdin, stdout};
use std::thread::scope;
use std::time::Duration;

use anyhow::{Result, ensure};
use shared::os::child::{ChildExit, ChildMode, PipedChild};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "full-pipes",
    "Two processes that both write, and neither reads",
    &["P8"],
    run,
    include_str!("full_pipes.rs"),
)
.child_modes(&[CHILD, ECHO]);

const CHILD: ChildMode = ChildMode::new("talk", talk);

/// A process that writes what it reads.
pub const ECHO: ChildMode = ChildMode::new("echo", echo).reads_stdin();

fn run(_: &Lab) -> Result<Evidence> {
    let write_first = CHILD.run(&["write-first"], Duration::from_secs(2))?;
    let read_meanwhile = CHILD.run(&["read-meanwhile"], Duration::from_secs(60))?;
    let finding = check(write_first.exit, read_meanwhile.exit)
        .on("P8", "Processes that write to each other hang when both pipes are full");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: sends a message to an echo, and reads it back.
fn talk(words: &[String]) -> Result<()> {
    let message = vec![b'x'; 4 << 20];
    let PipedChild { mut child, stdin: mut to, stdout: mut from } = ECHO.spawn(&[])?;
    let mut back = Vec::new();
    if words.first().is_some_and(|way| way == "write-first") {
        to.write_all(&message)?; // The trap: this process does not read yet.
        drop(to);
        from.read_to_end(&mut back)?;
    } else {
        scope(|scope| {
            scope.spawn(|| to.write_all(&message).map(|()| drop(to))); // The cure: in a thread.
            from.read_to_end(&mut back)
        })?;
    }
    child.wait()?;
    ensure!(back == message, "the echo differs from the message");
    Ok(())
}

/// The grandchild.
fn echo(_: &[String]) -> Result<()> {
    copy(&mut stdin(), &mut stdout())?;
    Ok(())
}

/// How a child ended that wrote everything before it read, and one that read meanwhile.
fn check(write_first: ChildExit, read_meanwhile: ChildExit) -> Check {
    let died = [write_first, read_meanwhile]
        .into_iter()
        .find(|exit| !matches!(exit, ChildExit::TimedOut | ChildExit::Code(0)));
    Check::exactly(
        format!("the first {}, the second {}", ChildExit::TimedOut, ChildExit::Code(0)),
        format!("the first {write_first}, the second {read_meanwhile}"),
        "a process that writes to a full pipe waits for a reader",
    )
    .unless(died.map(|exit| format!("a child {exit}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChildExit::{Code, Signal, TimedOut};
    use shared::report::Verdict::*;

    #[test]
    fn only_writing_first_may_hang() {
        for (write_first, read_meanwhile, verdict) in [
            (TimedOut, Code(0), Holds),
            (Code(0), Code(0), Fails),
            (TimedOut, TimedOut, Fails),
            (Code(3), Code(0), NotShown),
            (TimedOut, Code(3), NotShown),
            (Signal(9), Code(0), NotShown),
            (TimedOut, Signal(9), NotShown),
        ] {
            let check = check(write_first, read_meanwhile);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }
}
