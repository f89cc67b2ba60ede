//! Runs an exercise and tells the learner what came of it. Each exercise brings two functions: one calls
//! the learner's code, in a process of its own; the other judges what was seen of it.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::panic::{self, Location};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;
use shared::ExitError;
use shared::os::{fd_limit, stdout};
use shared::report::panic_message;

use crate::event::{self, What, record};
use crate::exercise::Exercise;
use crate::join;
use crate::progress;
use crate::seen::{Printed, Red, Seen, Verdict};
use crate::trial::{self, JUDGE};

/// Runs an exercise: `learner` calls the learner's function, `verdict` judges what was seen.
#[track_caller]
pub fn run<T: Serialize>(
    exercise: &Exercise,
    learner: impl FnOnce() -> T,
    verdict: fn(&Seen) -> Verdict,
) -> ExitCode {
    let learner = || {
        returned(learner());
        // What the function has left behind may go on, until the judge has seen enough.
        loop {
            thread::park();
        }
    };
    run_in_child(exercise, Location::caller().file(), learner, verdict)
}

/// The same for an async function, which runs on the main thread's event loop.
#[track_caller]
pub fn run_async<T: Serialize>(
    exercise: &Exercise,
    learner: impl AsyncFnOnce() -> T,
    verdict: fn(&Seen) -> Verdict,
) -> ExitCode {
    let learner = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            returned(learner().await);
            std::future::pending().await
        })
    };
    run_in_child(exercise, Location::caller().file(), learner, verdict)
}

fn returned(value: impl Serialize) {
    // The judge kills this process next.
    let _ = io::stdout().flush();
    record(What::Returned(serde_json::to_value(value).unwrap_or_default()));
}

fn run_in_child(
    exercise: &Exercise,
    file: &str,
    learner: impl FnOnce() -> Result<()>,
    verdict: fn(&Seen) -> Verdict,
) -> ExitCode {
    let done = match env::var_os(JUDGE) {
        Some(_) => enter_child().and_then(|()| learner()).map(|()| 0),
        None => judge(exercise, file, verdict),
    };
    done.map_or_else(
        |error| {
            eprintln!("cannot check {}: {error:#}", exercise.title());
            ExitCode::from(ExitError::code(&error))
        },
        ExitCode::from,
    )
}

/// Prepares this process for the learner's code.
///
/// # Errors
/// The judge is gone.
pub fn enter_child() -> Result<()> {
    fd_limit::raise_limit();
    // A crash leaves no core file.
    #[cfg(unix)]
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    event::connect(&env::var(JUDGE)?).context("cannot reach the judge")?;
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        print(panic);
        let message: String = panic_message(panic.payload()).chars().take(300).collect();
        let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
        record(What::Panicked(message + &place.unwrap_or_default()));
    }));
    record(What::Started);
    Ok(())
}

/// Runs the learner's code and prints the verdict.
fn judge(exercise: &Exercise, file: &str, verdict: fn(&Seen) -> Verdict) -> Result<u8> {
    let file = progress::directory().join("..").join(file);
    let seen = trial::run(without_comments(&file))?;
    let verdict = verdict(&seen);
    let mut text = printed(&seen.stdout) + &printed(&seen.stderr);
    let (title, number) = (exercise.title(), exercise.number());
    match &verdict {
        Ok(measured) => text += &format!("{title}: passed\n  measured  {measured}\n"),
        Err(Red { wanted, measured, because }) => {
            let wanted = wanted.as_deref().unwrap_or(exercise.goal);
            text += &format!("{title}: not yet\n  wanted    {wanted}\n  measured  {measured}\n");
            let name = exercise.name;
            text += &format!("  because   {because}\n  edit      exercises/src/bin/{name}.rs\n");
            text += &format!("  stuck     cargo ex hint {number}\n");
        }
    }
    stdout::write(&text)
        .map_err(|error| ExitError::Output(format!("cannot write the verdict: {error}")))?;
    // Tests judge other files than the learner's.
    if file.parent().is_some_and(|parent| parent.ends_with("src/bin")) {
        if verdict.is_ok()
            && let Err(error) = progress::add_pass(exercise)
        {
            eprintln!("cannot note the pass in exercises/.progress: {error}");
        }
        join::tell_check(exercise, verdict.is_ok());
    }
    Ok(u8::from(verdict.is_err()))
}

fn without_comments(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What the learner's code has written, for the terminal.
fn printed(printed: &Printed) -> String {
    let Printed { start, length } = printed;
    let mut text = start.clone();
    if *length > start.len() {
        text += &format!("\n... your code printed {length} bytes");
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
