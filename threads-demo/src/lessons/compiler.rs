//! Programs with a mistake in one line, and what the compiler says about it.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use shared::os::child::{self, ChildExit, ChildOutput};
use shared::report::{Finding, Verdict};
use shared::verdict::Check;

/// A program with a mistake in one line.
#[derive(Clone, Copy)]
pub struct Case {
    pub says: &'static str,
    /// The compiler's number for the mistake.
    pub error: &'static str,
    /// `LINE` stands for the line.
    pub program: &'static str,
    pub trap: &'static str,
    pub cure: &'static str,
}

impl Case {
    /// Has the compiler check the program with each line.
    pub fn finding(&self, claim: &str) -> Finding {
        let compile = |line| compile(&self.program.replace("LINE", line));
        let both = compile(self.trap).and_then(|trap| Ok((trap, compile(self.cure)?)));
        check(self.error, self.trap, both).on(claim, self.says)
    }
}

/// Has the compiler check a program, without building it.
fn compile(program: &str) -> Result<ChildOutput> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()));
    // From stdin to stdout. It writes temporary files into its current directory.
    let rustc = rustc
        .args(["--edition=2024", "--error-format=short"])
        .args(["--emit=metadata", "-o", "-", "-"])
        .current_dir(env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut rustc = child::spawn(rustc)?;
    rustc.stdin.take().context("no stdin")?.write_all(program.as_bytes())?;
    let output = child::wait_with_output(rustc, child::DEADLINE)?;
    ensure!(output.exit != ChildExit::TimedOut, "it {}", output.exit);
    Ok(output)
}

/// What the compiler said about a program with the `line` that is wrong, and with the cure. An error
/// means that no compiler could be run.
fn check(error: &str, line: &str, both: Result<(ChildOutput, ChildOutput)>) -> Check {
    let predicted = format!("error[{error}], and none with the cure");
    let unknown = |why: String| {
        let reason = (Verdict::NotShown, format!("cannot use rustc: {why}"));
        Check::new(&predicted, "unknown", reason)
    };
    let (trap, cure) = match both {
        Ok(both) => both,
        Err(why) => return unknown(format!("{why:#}")),
    };
    if let Some(why) = unusable(&trap).or(unusable(&cure)) {
        return unknown(why);
    }
    let cured = cure.exit == ChildExit::Code(0);
    let message = trap.stderr.lines().find_map(|line| line.split_once("error["));
    let message = message.map_or("no error".into(), |(_, rest)| format!("error[{rest}"));
    let number = message.split(':').next().unwrap_or_default();
    let cured = if cured { "none with the cure" } else { "one with the cure" };
    let because = format!("the compiler rejects `{line}`: {message}");
    Check::exactly(&predicted, format!("{number}, and {cured}"), because)
}

/// Why this compiler compiles nothing: it is older, or lacks memory or its standard library (E0463).
fn unusable(output: &ChildOutput) -> Option<String> {
    let says = |text| output.stderr.contains(text);
    let rejects = says("error[") && !says("error[E0463]");
    if output.exit == ChildExit::Code(0) || rejects {
        return None;
    }
    let first = output.stderr.lines().find(|line| !line.is_empty());
    Some(first.map_or_else(|| format!("it {}", output.exit), String::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    fn said(code: i32, stderr: &str) -> Result<ChildOutput> {
        let (exit, stderr) = (ChildExit::Code(code), stderr.to_string());
        Ok(ChildOutput { exit, stdout: String::new(), stderr })
    }

    fn compiles() -> Result<ChildOutput> {
        said(0, "warning: unused variable")
    }

    fn rejects() -> Result<ChildOutput> {
        said(1, "warning: unused\n<anon>:1:1: error[E0499]: cannot borrow")
    }

    #[test]
    fn compilers_error_number_decides() {
        let other = said(1, "<anon>:1:1: error[E0425]: no");
        for (trap, cure, verdict, measured) in [
            (rejects(), compiles(), Holds, "error[E0499], and none with the cure"),
            (compiles(), compiles(), Fails, "no error, and none with the cure"),
            (other, compiles(), Fails, "error[E0425], and none with the cure"),
            (rejects(), rejects(), Fails, "error[E0499], and one with the cure"),
        ] {
            let check = check("E0499", "line", trap.and_then(|trap| Ok((trap, cure?))));
            assert_eq!((check.verdict, &*check.measured), (verdict, measured));
        }
        let both = (rejects().unwrap(), compiles().unwrap());
        let because = check("E0499", "line", Ok(both)).because;
        assert_eq!(because, "the compiler rejects `line`: error[E0499]: cannot borrow");
    }

    #[test]
    fn unusable_compiler_shows_nothing() {
        let none = || Err(anyhow::anyhow!("not found"));
        let lost = || said(1, "<anon>: error[E0463]: can't find crate for `std`");
        let old = || said(1, "error: edition 2024 is unstable\nmore");
        for (trap, cure, because) in [
            (none(), compiles(), "cannot use rustc: not found"),
            (rejects(), none(), "cannot use rustc: not found"),
            (old(), old(), "cannot use rustc: error: edition 2024 is unstable"),
            (
                lost(),
                compiles(),
                "cannot use rustc: <anon>: error[E0463]: can't find crate for `std`",
            ),
            (rejects(), said(101, ""), "cannot use rustc: it exited with code 101"),
        ] {
            let check = check("E0499", "line", trap.and_then(|trap| Ok((trap, cure?))));
            assert_eq!((check.verdict, &*check.because), (NotShown, because));
        }
    }
}
