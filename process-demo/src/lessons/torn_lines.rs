//! Processes that share an output write whenever they like: a line written in two pieces can get
//! another process's piece in the middle. The notebook's output shows it. A line written in one piece
//! stays whole, if it is short: POSIX guarantees it up to PIPE_BUF, at least 512 bytes, 4,096 on Linux.
//! You will see how many lines of ten processes are whole, when each flushes its first piece, and when
//! the piece waits in a buffer for the rest. All begin a line before one ends it.
//! Try it: delete the line `stdout().flush()?;` behind `pieces`. Rust's stdout then keeps the piece
//! until its line is whole: 10 are whole in pieces, too, and the lesson FAILS.

use std::io::{self, BufRead, BufReader, Read, Write, pipe, stderr, stdin, stdout};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use shared::os::child::{ChildMode, TimedChild};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "torn-lines",
    "Lines of many processes in one output, torn and whole",
    &["P8"],
    run,
    include_str!("torn_lines.rs"),
)
.uses(&["tasks"])
.at_most(100)
.child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("say", say).reads_stdin();

/// Both pieces of a line.
const PIECES: [&str; 2] = ["this line ", "is whole\n"];

fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks;
    let pieces = whole_lines(n, || CHILD.command(&["pieces"]))?;
    let line = whole_lines(n, || CHILD.command(&["line"]))?;
    let finding = check(n, pieces, line).on("P8", "Lines that are written in pieces get torn");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How many of the lines that `n` children write into one pipe are whole.
fn whole_lines(n: usize, command: impl Fn() -> io::Result<Command>) -> Result<usize> {
    let (mut output, input) = pipe()?;
    let mut children = Vec::new();
    for _ in 0..n {
        let mut command = command()?;
        command.stdin(Stdio::piped()).stdout(input.try_clone()?).stderr(Stdio::piped());
        children.push(TimedChild::spawn(&mut command)?);
    }
    drop(input); // Now only the children hold it, so the pipe ends when they do.
    // Lines get torn by chance now and then. To make it certain, none goes on before all began.
    for child in &mut children {
        let stderr = child.stderr.take().context("no stderr")?;
        BufReader::new(stderr).read_line(&mut String::new())?;
    }
    for child in &mut children {
        drop(child.stdin.take());
    }
    let mut text = Vec::new();
    output.read_to_end(&mut text)?;
    for mut child in children {
        child.wait()?.success()?;
    }
    let text = String::from_utf8_lossy(&text);
    Ok(text.split_inclusive('\n').filter(|line| *line == PIECES.concat()).count())
}

/// The child: begins its line, and ends it when its stdin ends.
fn say(words: &[String]) -> Result<()> {
    stdout().write_all(PIECES[0].as_bytes())?;
    if words.first().is_some_and(|way| way == "pieces") {
        stdout().flush()?; // The trap: the piece is on its way. The cure is to leave it in the buffer.
    }
    writeln!(stderr(), "began")?;
    stdin().read_to_end(&mut Vec::new())?;
    stdout().write_all(PIECES[1].as_bytes())?;
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

    /// The lines of four children, which are scripts.
    #[cfg(unix)]
    fn scripted(before: &str, after: &str) -> usize {
        let script =
            format!("printf '{before}'; echo began >&2; cat >/dev/null; printf '{after}\\n'");
        let whole = whole_lines(4, || {
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            Ok(command)
        });
        whole.unwrap()
    }

    #[test]
    #[cfg(unix)]
    fn one_write_left_out_fails() {
        let pieces = || scripted("this line ", "is whole");
        let line = || scripted("", "this line is whole");
        for (pieces, line, verdict) in [
            (pieces(), line(), Holds),
            (pieces(), pieces(), Fails), // Without the cure.
            (line(), line(), Fails),     // Without the trap.
        ] {
            assert_eq!(check(4, pieces, line).verdict, verdict, "{pieces} {line}");
        }
    }
}
