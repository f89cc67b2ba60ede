//! Processes that share a file have the trouble that threads have with a shared variable: an update
//! made of a read and a write gets lost if another process reads in between.
//! You will see the number in a file after each process has incremented it, without and with a lock.
//! Try it: `try_lock`, and give up if another process has the lock.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, Write, stdin};
use std::path::Path;
use std::process::Stdio;
use std::{env, process};

use anyhow::{Context, Result, bail, ensure};
use shared::os::child::{self, ChildMode};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "file-race",
    "A number in a file, incremented by many processes",
    &["P8"],
    run,
    include_str!("file_race.rs"),
)
.child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("raise", raise).reads_stdin();

fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks.min(100);
    let file = env::temp_dir().join(format!("file-race-{}.txt", process::id()));
    let numbers = ["plain", "locked"].map(|way| raised(&file, way, n));
    let _ = fs::remove_file(&file);
    let [plain, locked] = numbers;
    let finding = check(n, plain?, locked?)
        .on("P8", "Processes lose updates of a shared file if they do not lock it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The number in the file after `n` children have incremented it from 0.
fn raised(file: &Path, way: &str, n: usize) -> Result<usize> {
    fs::write(file, "0").with_context(|| format!("cannot write {}", file.display()))?;
    let mut children = Vec::new();
    for _ in 0..n {
        let mut command = CHILD.command(&[way])?;
        command.arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        children.push(child::spawn(&mut command)?);
    }
    if way == "plain" {
        // This happens by chance now and then. To make it certain, all read before one writes.
        for child in &mut children {
            let stdout = child.stdout.take().context("no stdout")?;
            BufReader::new(stdout).read_line(&mut String::new())?;
        }
    }
    for mut child in children {
        drop(child.stdin.take()); // It may go on.
        ensure!(child.wait()?.success(), "a child could not increment the number");
    }
    Ok(fs::read_to_string(file)?.parse()?)
}

/// The child: reads the number, and writes it back incremented.
fn raise(words: &[String]) -> Result<()> {
    let [way, file] = words else { bail!("expected a way and a file") };
    let mut file = File::options().read(true).write(true).open(file)?;
    if way == "locked" {
        file.lock()?; // The cure: other processes wait here until this one closes the file.
    }
    let mut number = String::new();
    file.read_to_string(&mut number)?;
    if way == "plain" {
        child::write_line("has read");
        stdin().read_to_end(&mut Vec::new())?;
    }
    file.rewind()?;
    Ok(file.write_all((number.parse::<usize>()? + 1).to_string().as_bytes())?)
}

/// The number in the file after `n` processes, without a lock and with one.
fn check(n: usize, plain: usize, locked: usize) -> Check {
    Check::exactly(
        format!("plain 1, locked {n}"),
        format!("plain {plain}, locked {locked}"),
        "all had read before one wrote, unless a lock made them wait",
    )
    .unless((n < 2).then_some("a single process has no other to race with"))
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    #[test]
    fn only_unlocked_updates_may_get_lost() {
        for (n, plain, locked, verdict) in [
            (9, 1, 9, Holds),
            (2, 1, 2, Holds),
            (9, 9, 9, Fails),
            (9, 1, 8, Fails),
            (1, 1, 1, NotShown),
        ] {
            assert_eq!(check(n, plain, locked).verdict, verdict, "{n} {plain} {locked}");
        }
    }
}
