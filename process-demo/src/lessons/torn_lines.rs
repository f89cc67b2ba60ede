//! Processes that share an output write whenever they like: a line written in two pieces can get
//! another process's piece in the middle. The notebook's output shows it.
//! You will see how many lines are whole when each is written in two pieces, and in one.
//! Try it: a line of 100,000 characters, written in one piece. (POSIX guarantees that a pipe takes
//! 4,096 bytes at once; a longer line may be torn, too.)

use std::io::{PipeWriter, Read, Write, pipe, stdin, stdout};
use std::process::{Child, Stdio, exit};
use std::thread::{Builder, sleep};
use std::time::Duration;

use anyhow::{Result, ensure};
use shared::os::child::{self, ChildMode};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "torn-lines",
    "Lines of many processes in one output, torn and whole",
    &["P8"],
    run,
    include_str!("torn_lines.rs"),
)
.child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("say", say).reads_stdin();

/// Both pieces of a line.
const PIECES: [&str; 2] = ["this line ", "is whole\n"];

fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks.min(100);
    let finding = check(n, whole_lines("pieces", n)?, whole_lines("line", n)?)
        .on("P8", "Lines that are written in pieces get torn");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How many of the lines that `n` children write into one pipe are whole.
fn whole_lines(way: &str, n: usize) -> Result<usize> {
    let (mut output, input) = pipe()?;
    let mut children = Vec::new();
    for _ in 0..n {
        children.push(start(way, input.try_clone()?)?);
    }
    drop(input); // Now only the children hold it, so the pipe ends when they do.
    let mut text = Vec::new();
    if way == "pieces" {
        // This happens by chance now and then. To make it certain, no child goes on before all began.
        text.resize(n * PIECES[0].len(), 0);
        output.read_exact(&mut text)?;
    }
    for child in &mut children {
        drop(child.stdin.take());
    }
    output.read_to_end(&mut text)?;
    for mut child in children {
        ensure!(child.wait()?.success(), "a child could not write its line");
    }
    let text = String::from_utf8_lossy(&text);
    Ok(text.split_inclusive('\n').filter(|line| *line == PIECES.concat()).count())
}

fn start(way: &str, output: PipeWriter) -> Result<Child> {
    let mut command = CHILD.command(&[way])?;
    Ok(child::spawn(command.stdin(Stdio::piped()).stdout(output))?)
}

/// The child: writes its line when its stdin ends.
fn say(words: &[String]) -> Result<()> {
    let pieces = words.first().is_some_and(|way| way == "pieces");
    if pieces {
        stdout().write_all(PIECES[0].as_bytes())?; // The trap: a piece is on its way,
        stdout().flush()?;
    }
    // If another child dies before it begins, the parent never tells this one to go on.
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

/// How many of `n` lines are whole when written in pieces, and when written in one.
fn check(n: usize, pieces: usize, line: usize) -> Check {
    Check::exactly(
        format!("whole lines: 0 in pieces, {n} in one"),
        format!("whole lines: {pieces} in pieces, {line} in one"),
        "each process had begun its line before one went on",
    )
    .unless((n < 2).then_some("a single process has no other in its way"))
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    #[test]
    fn only_pieces_may_be_torn() {
        for (n, pieces, line, verdict) in [
            (9, 0, 9, Holds),
            (2, 0, 2, Holds),
            (9, 9, 9, Fails),
            (9, 0, 8, Fails),
            (1, 1, 1, NotShown),
        ] {
            assert_eq!(check(n, pieces, line).verdict, verdict, "{n} {pieces} {line}");
        }
    }
}
