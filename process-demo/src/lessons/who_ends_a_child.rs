//! The OS ends no process because its parent ends, or because its `Child` is dropped. Python's
//! `daemon=True` ends children only if the parent exits normally. A pipe always works: the OS closes
//! the parent's end, and a child that reads the other end notices. (Linux can send a signal,
//! PR_SET_PDEATHSIG, and Windows ends all processes of a job object; std has neither.)
//! You will see children that outlive a parent or a dropped handle, and the cures: a watch, a guard.
//! Try it: delete the line with `notice_end)`. Three children outlive their parents by 10 s: FAILS.

use std::io::{BufRead, Read, Write, stdin};
use std::panic::resume_unwind;
use std::process::{Child, ChildStdin, Command, Stdio, exit};
use std::thread::{Builder, park, sleep};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use shared::os::child::{self, ChildMode, PipedChild};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use super::full_pipes::ECHO;

pub const LESSON: Lesson = Lesson::new(
    "who-ends-a-child",
    "Children whose parent has ended, or dropped its handle",
    &["P9"],
    run,
    include_str!("who_ends_a_child.rs"),
)
.uses(&[])
.child_modes(&[PARENT, WATCHING, ECHO]);

const PARENT: ChildMode = ChildMode::new("parent", parent);
const WATCHING: ChildMode = ChildMode::new("watching", watching).reads_stdin();

fn run(_: &Lab) -> Result<Evidence> {
    let (mut watching, mut heedless) = (Vec::new(), Vec::new());
    for end in ["returns", "panics", "killed"] {
        watching.push((end, after(end, PARENT.spawn(&[end, "watching"])?)?));
        heedless.push((end, after(end, PARENT.spawn(&[end, "heedless"])?)?));
    }
    let dropped = asked_after(ECHO.command(&[])?, drop)?; // The trap.
    let guarded = asked_after(ECHO.command(&[])?, |child| drop(Guard(child)))?; // The cure.
    let findings = vec![
        outlives(&heedless).on("P9", "A child that does not watch outlives its parent"),
        notices(&watching).on("P9", "A child that watches a pipe ends with its parent"),
        handle(&dropped, &guarded).on("P9", "Dropping a `Child` does not end the process"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// What a child writes after its parent has ended in this way.
fn after(end: &str, parent: PipedChild) -> Result<String> {
    let PipedChild { child: mut parent, stdin, mut stdout } = parent;
    let started = stdout.by_ref().lines().next().transpose()?;
    ensure!(started.as_deref() == Some("started"), "a parent could not start its child");
    let _ = if end == "killed" { parent.kill()? } else { parent.wait()? };
    // The child holds this stdout, too: reading it to the end waits for a process that is not ours.
    ask(stdin, stdout)
}

/// What a child of ours writes after `end` got its handle.
fn asked_after(mut command: Command, end: impl Fn(Child)) -> Result<String> {
    let mut child = child::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let ((stdin, stdout), id) = (pipes.context("a child without its pipes")?, child.id());
    end(child);
    ask(stdin, stdout).inspect_err(|_| child::kill_dropped(id))
}

/// The parent of one child.
fn parent(words: &[String]) -> Result<()> {
    let [end, kind] = words else { bail!("expected an end and a kind of child") };
    let _child = match kind.as_str() {
        "watching" => child::spawn(WATCHING.command(&[])?.stdin(Stdio::piped()))?,
        // Its stdin is our own, which the lesson holds: it does not end with us.
        _ => child::spawn(ECHO.command(&[])?.stdin(Stdio::inherit()))?,
    };
    child::write_line("started");
    match end.as_str() {
        "returns" => {}
        "panics" => resume_unwind(Box::new("on purpose")), // Prints nothing, unlike panic!.
        _ => park(),                                       // Until it is killed.
    }
    Ok(())
}

/// A child that is busy, and a thread in it that watches its stdin.
fn watching(_: &[String]) -> Result<()> {
    Builder::new().spawn(notice_end)?;
    sleep(Duration::from_secs(10)); // Nothing runs for ever.
    Ok(())
}

fn notice_end() {
    let _ = stdin().read_to_end(&mut Vec::new()); // The parent holds the other end.
    child::write_line("parent ended");
    exit(0);
}

/// Judges the answers of children that do not watch, after their parents' ends.
fn outlives(answers: &[(&str, String)]) -> Check {
    let because = "each answered after its parent had been reaped, and held the parent's pipe open";
    said(answers, "still here", because)
}

/// Judges the last words of children that watch, after their parents' ends.
fn notices(answers: &[(&str, String)]) -> Check {
    said(answers, "parent ended", "the child said so, and the pipe that it held has ended")
}

fn said(answers: &[(&str, String)], expected: &str, because: &str) -> Check {
    let list = |answer: &dyn Fn(&str) -> String| {
        let words = answers.iter().map(|(end, said)| format!("{end}: '{}'", answer(said)));
        words.collect::<Vec<_>>().join(", ")
    };
    Check::exactly(list(&|_| expected.to_string()), list(&str::to_string), because)
}

/// What can still be read from a process when it is asked.
fn ask(mut stdin: ChildStdin, stdout: impl Read + Send + 'static) -> Result<String> {
    let _ = stdin.write_all(b"still here"); // Refused if no process is left to read it.
    drop(stdin);
    Ok(child::read_to_end(stdout)?.trim().to_string())
}

/// Kills and reaps its process when it is dropped. (tokio: `kill_on_drop`.)
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a child answered after its handle was dropped, and after a guard's was.
fn handle(dropped: &str, guarded: &str) -> Check {
    Check::exactly(
        "dropped: 'still here', guarded: ''",
        format!("dropped: '{dropped}', guarded: '{guarded}'"),
        "the dropped one ran on, the guard killed the other",
    )
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    #[cfg(unix)]
    use super::*;

    #[test]
    fn only_the_expected_words_hold() {
        for (returned, killed, outlives, notices) in [
            ("still here", "still here", Holds, Fails),
            ("still here", "", Fails, Fails),
            ("parent ended", "parent ended", Fails, Holds),
            ("parent ended", "", Fails, Fails),
        ] {
            let answers = [("returns", returned.to_string()), ("killed", killed.to_string())];
            assert_eq!(super::outlives(&answers).verdict, outlives, "{answers:?}");
            assert_eq!(super::notices(&answers).verdict, notices, "{answers:?}");
        }
    }

    /// A parent as a script, which leaves its child in both ways.
    #[cfg(target_os = "linux")]
    fn scripted(child: &str) -> Vec<(&'static str, String)> {
        let ends = [("returns", "exit 0"), ("panics", "exit 101"), ("killed", "exec sleep 60")];
        let said = ends.map(|(end, last)| {
            let mut parent = Command::new("sh");
            parent.args(["-c", &format!("{child}\necho started; {last}")]);
            (end, after(end, PipedChild::spawn(parent).unwrap()).unwrap())
        });
        said.to_vec()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn watch_left_out_fails() {
        // Only the parent holds the fifo's other end.
        let watching = scripted(
            r#"d=$(mktemp -d); mkfifo $d/fifo
            { cat $d/fifo; echo parent ended; } & exec 9>$d/fifo; rm -r $d"#,
        );
        let heedless = scripted("exec 9<&0; cat <&9 & exec 9<&-");
        assert_eq!(notices(&watching).verdict, Holds, "{watching:?}");
        assert_eq!(outlives(&heedless).verdict, Holds, "{heedless:?}");
        assert_eq!(notices(&heedless).verdict, Fails);
        assert_eq!(outlives(&watching).verdict, Fails);
    }

    #[test]
    #[cfg(unix)]
    fn guard_left_out_fails() {
        let after = |end: fn(Child)| asked_after(Command::new("cat"), end).unwrap();
        let (dropped, guarded) = (after(drop), after(|child| drop(Guard(child))));
        assert_eq!(handle(&dropped, &guarded).verdict, Holds);
        assert_eq!(handle(&dropped, &dropped).verdict, Fails);
        assert_eq!(handle(&guarded, &guarded).verdict, Fails);
    }
}
