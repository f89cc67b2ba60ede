//! Processes that share an output write into it whenever they like: a line that is written in two
//! pieces can have somebody else's piece in the middle. The notebook's own output shows it.
//!
//! You will see how many lines are whole when each is written in two pieces, and in one.
//! Try it: a line of 100,000 characters, written in one piece. (A pipe takes 4,096 bytes at a time for
//! certain, says POSIX; what is longer may be torn, too.)

use std::io::{PipeWriter, Read, Write, pipe, stdin, stdout};
use std::process::{Child, Stdio, exit};
use std::thread::{Builder, sleep};
use std::time::Duration;

use anyhow::{Result, ensure};
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::{judge, worker};

/// What starts this program as a child that says a line.
pub const CHILD: Hidden = Hidden::new("say", say);

pub const ABOUT: &str = "Lines of many processes in one output, torn and whole";

/// Both pieces of a line.
const PIECES: [&str; 2] = ["this line ", "is whole\n"];

pub fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks.min(100);
    let finding = judge::torn_lines(n, whole_lines("pieces", n)?, whole_lines("line", n)?)
        .on("P8", "Lines that are written in pieces get torn");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How many of the lines that `n` children write into one pipe come out whole.
fn whole_lines(way: &str, n: usize) -> Result<usize> {
    let (mut output, input) = pipe()?;
    let mut children = Vec::new();
    for _ in 0..n {
        children.push(start(way, input.try_clone()?)?);
    }
    drop(input); // The children have theirs; so the pipe ends when they do.
    let mut said = Vec::new();
    if way == "pieces" {
        // Chance would do it now and then. This makes it certain: nobody goes on before all have begun.
        said.resize(n * PIECES[0].len(), 0);
        output.read_exact(&mut said)?;
    }
    for child in &mut children {
        drop(child.stdin.take());
    }
    output.read_to_end(&mut said)?;
    for mut child in children {
        ensure!(child.wait()?.success(), "a child could not say its line");
    }
    let said = String::from_utf8_lossy(&said);
    let whole = |line: &&str| **line == PIECES.concat();
    Ok(said.split_inclusive('\n').filter(whole).count())
}

fn start(way: &str, output: PipeWriter) -> Result<Child> {
    let mut command = child::this_program(CHILD.name)?;
    Ok(command.arg(way).stdin(Stdio::piped()).stdout(output).spawn()?)
}

/// The child: writes its line once it may go on.
fn say(words: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    let pieces = words.first().is_some_and(|way| way == "pieces");
    if pieces {
        stdout().write_all(PIECES[0].as_bytes())?; // The trap: a piece is on its way,
        stdout().flush()?;
    }
    // Should another one die before it has begun, nobody would tell this one to go on.
    Builder::new().spawn(|| {
        sleep(Duration::from_secs(20));
        exit(1)
    })?;
    stdin().read_to_end(&mut Vec::new())?;
    // and here comes the rest. The cure is to write the line in one piece.
    let rest = PIECES[usize::from(pieces)..].concat();
    stdout().write_all(rest.as_bytes())?;
    Ok(stdout().flush()?)
}
