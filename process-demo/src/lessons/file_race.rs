//! Processes that share a file have the trouble that threads have with a shared variable: an update
//! made of a read and a write gets lost if another process reads in between. A lock on the file is the
//! cure. On Unix it is advisory: it stops only those that ask for it, so all must.
//! You will see ten processes increment a number in a file. Each has read it before one writes, or
//! waits for the lock. Try it: delete the line `file.lock()?;`. Locked, it is 1 as well: FAILS.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, Write, pipe, stdin};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};
use std::{env, io, process};

use anyhow::{Context, Result, bail};
use shared::os::child::{self, ChildMode, TimedChild};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use super::proc::waiting_for_lock;

const ABOUT: &str = "A number in a file, incremented by many processes";
pub const LESSON: Lesson =
    Lesson::new("file-race", ABOUT, &["P8"], run, include_str!("file_race.rs"))
        .uses(&["tasks"])
        .at_most(100)
        .child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("raise", raise).reads_stdin();

/// How long the next child may take to arrive. Where the OS lists no locked ones, they never seem to.
const PATIENCE: Duration = Duration::from_secs(2);

fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks;
    let file = env::temp_dir().join(format!("file-race-{}.txt", process::id()));
    let raised = ["plain", "locked"].map(|way| raised(&file, n, || CHILD.command(&[way])));
    let _ = fs::remove_file(&file);
    let [plain, locked] = raised;
    let finding = check(n, &plain?, &locked?)
        .on("P8", "Processes lose updates of a shared file if they do not lock it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

struct Raised {
    number: usize,
    /// Children that had read the number before one wrote it.
    had_read: usize,
    /// Children that the OS then listed as waiting for the lock.
    waiting: Option<usize>,
}

/// Has `n` children increment the number in `file` from 0. Updates get lost by chance now and then; to
/// make it certain, all have read before one writes, except those that the lock keeps from it.
fn raised(file: &Path, n: usize, command: impl Fn() -> io::Result<Command>) -> Result<Raised> {
    fs::write(file, "0\n").with_context(|| format!("cannot write {}", file.display()))?;
    let (output, input) = pipe()?;
    let mut children = Vec::new();
    for _ in 0..n {
        let mut command = command()?;
        command.arg(file).stdin(Stdio::piped()).stdout(input.try_clone()?);
        children.push(TimedChild::spawn(&mut command)?);
    }
    drop(input);
    let (send, lines) = channel();
    Builder::new().spawn(move || BufReader::new(output).lines().try_for_each(|l| send.send(l)))?;
    let (mut had_read, mut waiting, mut last) = (0, None, Instant::now());
    while had_read + waiting.unwrap_or(0) < n {
        let patience = PATIENCE * if waiting.is_some() { 5 } else { 1 };
        match lines.recv_timeout(Duration::from_millis(1)) {
            Ok(_) => (had_read, last) = (had_read + 1, Instant::now()),
            Err(RecvTimeoutError::Timeout) if last.elapsed() < patience => {}
            Err(_) => break,
        }
        waiting = waiting_for_lock(&children.iter().map(|child| child.id()).collect::<Vec<_>>());
    }
    children.iter_mut().for_each(|child| drop(child.stdin.take())); // They may go on.
    for mut child in children {
        child.wait()?.success()?;
    }
    Ok(Raised { number: fs::read_to_string(file)?.trim().parse()?, had_read, waiting })
}

/// The child: reads the number, and writes it back incremented when its stdin ends.
fn raise(words: &[String]) -> Result<()> {
    let [way, file] = words else { bail!("expected a way and a file") };
    let mut file = File::options().read(true).write(true).open(file)?;
    if way == "locked" {
        file.lock()?; // The cure: other processes wait here until this one closes the file.
    }
    let number = io::read_to_string(&file)?;
    child::write_line("has read");
    stdin().read_to_end(&mut Vec::new())?;
    file.rewind()?;
    Ok(file.write_all(format!("{}\n", number.trim().parse::<usize>()? + 1).as_bytes())?)
}

/// Judges the number in the file after `n` processes, without a lock and with one.
fn check(n: usize, plain: &Raised, locked: &Raised) -> Check {
    let others = match locked.waiting {
        Some(waiting) => format!("the OS listed {waiting} as waiting for the lock"),
        None => {
            format!("no other had within {PATIENCE:?}; this OS does not list waiting processes")
        }
    };
    let had_read = locked.had_read;
    let late = plain.had_read < n || locked.waiting.is_some_and(|waiting| had_read + waiting < n);
    Check::exactly(
        format!("plain 1, locked {n}"),
        format!("plain {}, locked {}", plain.number, locked.number),
        format!("plain, {n} had read before one wrote; locked, {had_read} had read, and {others}"),
    )
    .unless((n < 2).then_some("a single process has no other to race with"))
    .unless(late.then_some("some processes had not read the number before one wrote"))
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    fn outcome(number: usize, had_read: usize, waiting: usize) -> Raised {
        Raised { number, had_read, waiting: Some(waiting) }
    }

    #[test]
    fn only_unlocked_updates_may_get_lost() {
        for (n, plain, locked, verdict) in [
            (9, outcome(1, 9, 0), outcome(9, 1, 8), Holds),
            (9, outcome(1, 9, 0), Raised { waiting: None, ..outcome(9, 1, 0) }, Holds),
            (9, outcome(9, 9, 0), outcome(9, 1, 8), Fails),
            (9, outcome(1, 9, 0), outcome(8, 1, 8), Fails),
            (9, outcome(2, 8, 0), outcome(9, 1, 8), NotShown),
            (9, outcome(1, 9, 0), outcome(9, 1, 7), NotShown),
            (1, outcome(1, 1, 0), outcome(1, 1, 0), NotShown),
        ] {
            assert_eq!(check(n, &plain, &locked).verdict, verdict, "{n} {}", locked.number);
        }
    }

    /// The children as scripts, started by flock(1) if they are to lock the file.
    #[cfg(target_os = "linux")]
    fn scripted(arm: &str, lock: bool) -> Raised {
        let file = env::temp_dir().join(format!("file-race-{arm}-{}.txt", process::id()));
        let script = r#"read -r number <"$0"; echo has read; cat >&2; echo $((number + 1)) >"$0""#;
        let raised = raised(&file, 4, || {
            let mut command = Command::new(if lock { "flock" } else { "env" });
            if lock {
                command.arg("--no-fork").arg(&file);
            }
            command.args(["sh", "-c", script]);
            Ok(command)
        });
        fs::remove_file(&file).unwrap();
        raised.unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn lock_left_out_fails() {
        let (plain, locked) = (scripted("plain", false), scripted("locked", true));
        let (broken, disarmed) = (scripted("broken", false), scripted("disarmed", true));
        assert_eq!((locked.had_read, locked.waiting), (1, Some(3)));
        assert_eq!(check(4, &plain, &locked).verdict, Holds);
        assert_eq!(check(4, &plain, &broken).verdict, Fails);
        assert_eq!(check(4, &disarmed, &locked).verdict, NotShown); // One had read, not all.
    }
}
