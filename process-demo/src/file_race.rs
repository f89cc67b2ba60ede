//! Processes can share a file, and with it the trouble that threads have with shared variables: what is
//! read, raised and written back in steps gets lost where another process reads in between.
//!
//! You will see a number in a file after each process has raised it, without a lock on the file and
//! with one.
//! Try it: `try_lock`, and give up where another process has it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, process};

use anyhow::{Context, Result, ensure};
use shared::child;
use shared::cli::{Hidden, Stop};
use shared::lab::{Evidence, Lab};

use crate::{judge, worker};

/// What starts this program as a child that raises the number.
pub const CHILD: Hidden = Hidden::new("raise", raise);

pub const ABOUT: &str = "A number in a file, raised by many processes";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks.min(100);
    let file = env::temp_dir().join(format!("file-race-{}.txt", process::id()));
    let numbers = ["plain", "locked"].map(|way| raised(&file, way, n));
    let _ = fs::remove_file(&file);
    let [plain, locked] = numbers;
    let finding = judge::file_race(n, plain?, locked?)
        .on("P8", "Processes lose updates of a shared file if they do not lock it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The number in the file after `n` children have raised it from 0.
fn raised(file: &Path, way: &str, n: usize) -> Result<usize> {
    fs::write(file, "0").with_context(|| format!("cannot write {}", file.display()))?;
    let mut children = Vec::new();
    for _ in 0..n {
        let mut command = child::this_program(CHILD.name)?;
        let command = command.arg(way).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        children.push(command.spawn()?);
    }
    if way == "plain" {
        // Makes certain what chance does now and then: all have read before one writes.
        for child in &mut children {
            let stdout = child.stdout.take().context("no stdout")?;
            BufReader::new(stdout).read_line(&mut String::new())?;
        }
    }
    for mut child in children {
        drop(child.stdin.take()); // It may go on.
        ensure!(child.wait()?.success(), "a child could not raise the number");
    }
    Ok(fs::read_to_string(file)?.parse()?)
}

/// The child: reads the number, and writes it back raised by one.
fn raise(words: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    let [way, file] = words else {
        return Err(Stop::Usage("this mode is for the program itself".into()).into());
    };
    let mut file = File::options().read(true).write(true).open(PathBuf::from(file))?;
    if way == "locked" {
        file.lock()?; // The cure: others wait here until this process closes the file.
    }
    let mut number = String::new();
    file.read_to_string(&mut number)?;
    if way == "plain" {
        child::tell("has read");
        stdin().read_to_end(&mut Vec::new())?;
    }
    file.rewind()?;
    Ok(file.write_all((number.parse::<usize>()? + 1).to_string().as_bytes())?)
}
