//! Where Python lets threads share whatever they like, Rust refuses to compile what could go wrong.
//!
//! You will see three programs with one wrong line each, the compiler's own words on it, and that
//! the same program with the line mended compiles.
//!
//! Try it: add a line of your own, and see whether the compiler finds it out.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::child::{self, Ended};
use shared::lab::{Evidence, Lab};

use crate::judge;

pub const ABOUT: &str = "Programs with threads that do not compile, and why";

/// A claim, the compiler's number for the mistake, a program with `_LINE_` in it, and that
/// line as the trap and as the cure.
type Case = [&'static str; 5];

#[rustfmt::skip]
const CASES: [Case; 3] = [
    ["Two threads that write one variable do not compile", "E0499",
    "use std::sync::atomic::{AtomicUsize, Ordering::Relaxed}; fn main() {
        let (mut plain, atomic) = (0, AtomicUsize::new(0));
        std::thread::scope(|scope| for _ in 0..2 { scope.spawn(|| _LINE_); });
        plain += atomic.into_inner(); println!(\"{plain}\"); }",
    "plain += 1", // The trap.
    "atomic.fetch_add(1, Relaxed)"], // The cure.

    ["What was moved into a thread cannot be used outside", "E0382",
    "fn main() { let list = vec![1, 2, 3];
        let thread = std::thread::spawn(_LINE_);
        println!(\"{} {:?}\", list.len(), thread.join()); }",
    "move || list.len()", // The trap.
    "{ let list = list.clone(); move || list.len() }"], // The cure.

    ["A count of references that is not atomic stays in its thread", "E0277",
    "fn main() { let shared = _LINE_;
        println!(\"{:?}\", std::thread::spawn(move || *shared + 1).join()); }",
    "std::rc::Rc::new(1)", // The trap.
    "std::sync::Arc::new(1)"], // The cure.
];

pub fn run(_: &Lab) -> Result<Evidence> {
    let mut findings = Vec::new();
    for [says, error, program, trap, cure] in CASES {
        let broken = compile(&program.replace("_LINE_", trap));
        let mended = compile(&program.replace("_LINE_", cure));
        findings.push(judge::refused(error, trap, broken, mended).on("T10", says));
    }
    Ok(Evidence::new(Vec::new(), findings))
}

/// Has the compiler check a program, without building it.
fn compile(program: &str) -> Result<Ended> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()));
    // From stdin to stdout; what it needs beside that is not left where we are.
    let mut rustc = rustc
        .args(["--edition=2024", "--error-format=short"])
        .args(["--emit=metadata", "-o", "-", "-"])
        .current_dir(env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    rustc.stdin.take().context("no stdin")?.write_all(program.as_bytes())?;
    Ok(child::wait(rustc, Duration::from_secs(60))?)
}
