//! What the learner has done so far: `exercises/.progress`, a line for each pass and each hint.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::exercise::Exercise;

/// The directory of this package. Cargo names it to programs that it runs; it knew it when it built
/// them, too.
pub fn directory() -> PathBuf {
    let built = || env!("CARGO_MANIFEST_DIR").into();
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(built, PathBuf::from);
    if package.ends_with("exercises") { package } else { built() }
}

/// The learner's file.
pub fn file(exercise: &Exercise) -> PathBuf {
    directory().join("src/bin").join(exercise.name).with_extension("rs")
}

fn lines() -> Vec<String> {
    let text = fs::read_to_string(path()).unwrap_or_default();
    text.lines().map(String::from).collect()
}

fn path() -> PathBuf {
    directory().join(".progress")
}

pub fn is_passed(exercise: &Exercise) -> bool {
    lines().contains(&pass(exercise))
}

/// How many hints the learner has asked for.
pub fn hints(exercise: &Exercise) -> usize {
    lines().iter().filter(|line| **line == hint(exercise)).count()
}

/// # Errors
/// The file cannot be written.
pub fn add_pass(exercise: &Exercise) -> io::Result<()> {
    if is_passed(exercise) { Ok(()) } else { append(&pass(exercise)) }
}

/// # Errors
/// The file cannot be written.
pub fn add_hint(exercise: &Exercise) -> io::Result<()> {
    append(&hint(exercise))
}

/// Forgets the pass and the hints.
///
/// # Errors
/// The file cannot be written.
pub fn forget(exercise: &Exercise) -> io::Result<()> {
    let mut kept = lines();
    kept.retain(|line| ![pass(exercise), hint(exercise)].contains(line));
    if !path().exists() {
        return Ok(());
    }
    fs::write(path(), kept.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn append(line: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path())?;
    file.write_all(format!("{line}\n").as_bytes())
}

fn pass(exercise: &Exercise) -> String {
    format!("passed {}", exercise.name)
}

fn hint(exercise: &Exercise) -> String {
    format!("hint {}", exercise.name)
}
