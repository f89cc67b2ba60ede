//! A pipe holds little, 64 KiB on Linux; a process that writes more blocks until another reads. A
//! parent that writes everything before it reads, and a child that answers as it reads, deadlock.
//! You will see a process and its child hang, both in a write to a full pipe; and the cure, which
//! writes on a thread and reads meanwhile (Python: `communicate`).
//! Try it: make the message `4 << 10` bytes. The first ends, too, so the lesson FAILS: a program like
//! this works until one day its message no longer fits.

use std::io::{BufRead, Write, copy, stdin, stdout};
use std::process::Stdio;
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use shared::os::child::{self, ChildExit, ChildMode, PipedChild};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use super::proc::both_write;

const ABOUT: &str = "Two processes that both write, and neither reads";
pub const LESSON: Lesson =
    Lesson::new("full-pipes", ABOUT, &["P8"], run, include_str!("full_pipes.rs"))
        .uses(&[])
        .child_modes(&[CHILD, ECHO]);

const CHILD: ChildMode = ChildMode::new("talk", talk);

/// A process that writes what it reads.
pub const ECHO: ChildMode = ChildMode::new("echo", echo).reads_stdin();

/// How long a talk may take where the OS does not say that it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

fn run(_: &Lab) -> Result<Evidence> {
    let write_first = end_of(CHILD.spawn(&["write-first"])?)?;
    let read_meanwhile = end_of(CHILD.spawn(&["read-meanwhile"])?)?;
    let finding = check(&write_first, &read_meanwhile)
        .on("P8", "Processes that write to each other hang when both pipes are full");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: sends a message to an echo, and reads it back.
fn talk(words: &[String]) -> Result<()> {
    let message = vec![b'x'; 4 << 20];
    let mut command = ECHO.command(&[])?;
    let mut echo = child::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let mut to = echo.stdin.take().context("no stdin")?;
    child::write_line(echo.id());
    let output = if words.first().is_some_and(|way| way == "write-first") {
        to.write_all(&message)?; // The trap: this process does not read yet.
        drop(to);
        echo.wait_with_output()?
    } else {
        scope(|scope| {
            let write = || to.write_all(&message).map(|()| drop(to));
            Builder::new().spawn_scoped(scope, write)?; // The cure: in a thread.
            echo.wait_with_output() // Reads to the end, then waits for the process.
        })?
    };
    ensure!(output.stdout == message, "the echo differs from the message");
    Ok(())
}

/// The grandchild.
fn echo(_: &[String]) -> Result<()> {
    copy(&mut stdin(), &mut stdout())?;
    Ok(())
}

#[derive(Debug)]
enum End {
    /// Both processes wait in this function of the OS.
    Hung(String),
    Ended(ChildExit),
}

/// Waits until a talk has ended, or hangs and is killed.
fn end_of(mut talk: PipedChild) -> Result<End> {
    let mut echo = String::new();
    talk.stdout.read_line(&mut echo)?; // Its echo's pid.
    let echo = echo.trim().parse().context("a child could not start its echo")?;
    let pids = [talk.child.id(), echo];
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(exit) = talk.child.try_wait()? {
            return Ok(End::Ended(exit));
        }
        if let Some(wait) = both_write(pids) {
            talk.child.kill()?;
            return Ok(End::Hung(wait));
        }
        sleep(Duration::from_millis(1));
    }
    Ok(End::Ended(talk.child.kill()?))
}

/// Judges how a process ended that wrote everything before it read, and one that read meanwhile.
fn check(write_first: &End, read_meanwhile: &End) -> Check {
    let exit = |end: &End| match end {
        End::Hung(_) => ChildExit::TimedOut,
        End::Ended(exit) => *exit,
    };
    let because = match write_first {
        End::Hung(wait) => format!("by the OS, the first and its child both waited in {wait}"),
        End::Ended(_) => format!("by time: the first did not end within {PATIENCE:?}"),
    };
    let [first, second] = [exit(write_first), exit(read_meanwhile)];
    let mut died = [first, second]
        .into_iter()
        .filter(|exit| !matches!(exit, ChildExit::TimedOut | ChildExit::Code(0)));
    Check::exactly(
        format!("the first {}, the second {}", ChildExit::TimedOut, ChildExit::Code(0)),
        format!("the first {first}, the second {second}"),
        because,
    )
    .unless(died.next().map(|exit| format!("a child {exit}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChildExit::{Code, Signal, TimedOut};
    use End::{Ended, Hung};
    use shared::report::Verdict::*;

    #[test]
    fn only_writing_first_may_hang() {
        for (write_first, read_meanwhile, verdict, because) in [
            (Hung("pipe_write".into()), Ended(Code(0)), Holds, "both waited in pipe_write"),
            (Ended(TimedOut), Ended(Code(0)), Holds, "by time"),
            (Ended(Code(0)), Ended(Code(0)), Fails, ""),
            (Ended(TimedOut), Ended(TimedOut), Fails, ""),
            (Ended(Code(3)), Ended(Code(0)), NotShown, "code 3"),
            (Ended(TimedOut), Ended(Code(3)), NotShown, "code 3"),
            (Ended(Signal(9)), Ended(Code(0)), NotShown, "signal 9"),
            (Ended(TimedOut), Ended(Signal(9)), NotShown, "signal 9"),
        ] {
            let check = check(&write_first, &read_meanwhile);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    /// The talk as a script, with dd(1) in place of both processes.
    #[cfg(target_os = "linux")]
    fn scripted(talk: &str) -> End {
        let script = r#"d=$(mktemp -d); mkfifo $d/to $d/from; exec 2>/dev/null
            dd <$d/to >$d/from & echo $!
            exec 3>$d/to 4<$d/from; rm -r $d
            "#;
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &(script.to_string() + talk)]);
        end_of(PipedChild::spawn(command).unwrap()).unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn cure_left_out_fails() {
        const WRITE_FIRST: &str = "dd if=/dev/zero bs=64k count=9 >&3";
        let trap = || scripted(&format!("exec {WRITE_FIRST}"));
        let cure = scripted(&format!("{WRITE_FIRST} & exec 3>&- dd <&4 of=/dev/null"));
        let disarmed = scripted("exec dd if=/dev/zero bs=4k count=1 >&3");
        for (write_first, read_meanwhile, verdict) in
            [(&trap(), &cure, Holds), (&trap(), &trap(), Fails), (&disarmed, &cure, Fails)]
        {
            let check = check(write_first, read_meanwhile);
            assert!(check.verdict == verdict, "{check:#?}");
            assert!(verdict != Holds || check.because.contains("pipe_write"), "{check:#?}");
        }
    }
}
