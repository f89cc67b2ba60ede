//! A pipe holds little (64 KiB on Linux): whoever writes more waits until somebody reads. A parent that
//! writes all before it reads anything, and a child that answers as it reads, wait for each other.
//!
//! You will see a child hang with both pipes full until it is killed, and one that does not, since a
//! thread of it reads while another writes.
//!
//! Try it: make the message small enough for the pipes, and the trap does not snap. Until one day.

use std::io::{Read, Write, copy, stdin, stdout};
use std::thread::scope;
use std::time::Duration;

use anyhow::{Result, ensure};
use shared::child::{self, End, Piped};
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::{judge, worker};

/// What starts this program as a child that talks to an echo, and as that echo.
pub const CHILD: Hidden = Hidden::new("talk", talk).watching_stdin();
pub const ECHO: Hidden = Hidden::new("echo", echo);

pub const ABOUT: &str = "Two processes that write to each other, and neither reads";

pub fn run(_: &Lab) -> Result<Evidence> {
    let end_of = |way: &str, deadline| -> Result<End> {
        let mut child = child::this_program(CHILD.name)?;
        Ok(child::run_watching(child.arg(way), deadline)?.end)
    };
    let write_first = end_of("write-first", Duration::from_secs(2))?;
    let read_meanwhile = end_of("read-meanwhile", Duration::from_secs(60))?;
    let finding = judge::full_pipes(write_first, read_meanwhile)
        .on("P8", "Processes that write to each other hang when both pipes are full");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: sends a message to an echo, and reads it back.
fn talk(words: &[String]) -> Result<()> {
    let message = vec![b'x'; 4 << 20];
    let Piped { mut child, mut to, mut from } = child::piped(ECHO.name, &[])?;
    let mut back = Vec::new();
    if words.first().is_some_and(|way| way == "write-first") {
        to.write_all(&message)?; // The trap: nobody reads yet.
        drop(to);
        from.read_to_end(&mut back)?;
    } else {
        scope(|scope| {
            scope.spawn(|| to.write_all(&message).map(|()| drop(to))); // The cure: in a thread.
            from.read_to_end(&mut back)
        })?;
    }
    child.wait()?;
    ensure!(back == message, "the echo said something else");
    Ok(())
}

/// The grandchild: writes what it reads.
fn echo(_: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    copy(&mut stdin(), &mut stdout())?;
    Ok(())
}
