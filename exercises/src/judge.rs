//! Runs an exercise and tells the learner what came of it. Each exercise brings two functions: one calls
//! the learner's code, in a process of its own; the other judges what was seen of it.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::hash::Hash;
use std::io::{self, Write};
use std::panic::{self, Location};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::os::child::ChildExit;
use shared::os::{fd_limit, stdout};
use shared::report::{count, panic_message};

use crate::event::{self, Event, What, record};
use crate::exercise::Exercise;
use crate::join;
use crate::progress;
use crate::trial::{self, End, JUDGE, Printed, Trial};

/// Green, with what was measured; or red.
pub type Verdict = Result<String, Red>;

/// Why an answer is not right yet.
#[derive(Debug)]
pub struct Red {
    wanted: Option<String>,
    measured: String,
    because: String,
}

impl Red {
    pub fn new(measured: impl Into<String>, because: impl Into<String>) -> Red {
        Red { wanted: None, measured: measured.into(), because: because.into() }
    }

    /// Replaces the exercise's goal as what was wanted.
    pub fn wanted(self, wanted: impl Into<String>) -> Red {
        Red { wanted: Some(wanted.into()), ..self }
    }
}

/// What the judges see of one run of the learner's code.
pub struct Seen {
    pub trial: Trial,
    /// The learner's file without comments. It only helps to choose the words of a message.
    pub source: String,
}

impl Seen {
    /// How many requests began.
    pub fn begun(&self) -> usize {
        self.count(|what| matches!(what, What::Begun(_)))
    }

    /// How many events there are of this kind.
    pub fn count(&self, kind: impl Fn(&What) -> bool) -> usize {
        self.trial.events.iter().filter(|event| kind(&event.what)).count()
    }

    /// Whether a request waited in vain for others.
    pub fn in_vain(&self) -> bool {
        self.count(|what| matches!(what, What::InVain(_))) > 0
    }

    /// The same run, until the first request waited in vain. What comes later, comes too late.
    pub fn in_time(&self) -> Seen {
        let in_time = |event: &&Event| !matches!(event.what, What::InVain(_));
        let events = self.trial.events.iter().take_while(in_time).cloned().collect();
        Seen { trial: Trial { events, ..self.trial.clone() }, source: self.source.clone() }
    }

    /// How many requests ended before the first waited in vain.
    pub fn ended_in_time(&self) -> usize {
        self.in_time().count(|what| matches!(what, What::Ended(_)))
    }

    /// How many threads began requests, and how many processes.
    pub fn threads(&self) -> usize {
        self.places(|event| (event.pid, event.thread.clone()))
    }

    pub fn processes(&self) -> usize {
        self.places(|event| event.pid)
    }

    fn places<T: Eq + Hash>(&self, place: impl Fn(&Event) -> T) -> usize {
        let begun = self.trial.events.iter().filter(|event| matches!(event.what, What::Begun(_)));
        begun.map(place).collect::<HashSet<_>>().len()
    }

    /// The most requests that had begun and not ended at the same time, as the learner's process saw
    /// it.
    pub fn peak(&self) -> usize {
        let (mut now, mut peak) = (0usize, 0);
        for event in &self.trial.events {
            match event.what {
                What::Begun(_) => now += 1,
                What::Ended(_) | What::InVain(_) | What::Dropped(_) => now = now.saturating_sub(1),
                _ => {}
            }
            peak = peak.max(now);
        }
        peak
    }

    /// # Errors
    /// A thread of the learner's panicked. That comes first: all else follows from it.
    pub fn no_panic(&self) -> Result<(), Red> {
        let messages = self.trial.events.iter().filter_map(|event| match &event.what {
            What::Panicked(message) => Some(message),
            _ => None,
        });
        match messages.clone().next() {
            Some(first) => {
                let count = count(messages.count(), "panic");
                Err(Red::new(count, format!("your code panicked: {first}")))
            }
            None => Ok(()),
        }
    }

    /// What the learner's function returned.
    ///
    /// # Errors
    /// It did not return.
    pub fn returned<T: DeserializeOwned>(&self) -> Result<T, Red> {
        let (measured, because) = match &self.trial.end {
            End::Returned(value) => match serde_json::from_value(value.clone()) {
                Ok(value) => return Ok(value),
                Err(error) => ("no answer".to_string(), error.to_string()),
            },
            End::Died(ChildExit::Code(code)) => (
                format!("the program ended with exit code {code}"),
                "your code ended the program before the function returned".into(),
            ),
            End::Died(exit) => (
                format!("the program {exit}"),
                match self.trial.stderr.start.contains("overflowed its stack") {
                    true => "a function calls itself without end: the stack is full".into(),
                    false => "your code crashed before the function returned".into(),
                },
            ),
            End::Silent | End::Busy if self.trial.prints_much() => (
                "no return".into(),
                "your code prints without end: does a loop lack its `break`?".into(),
            ),
            End::Silent => (
                "no return, and nothing happened for 3 s".into(),
                "your code waits for something that never comes (a deadlock), or loops without end"
                    .into(),
            ),
            End::Busy => (
                format!("no return, and {} requests", self.begun()),
                "your code was stopped: it did not return in time, or it never stops asking".into(),
            ),
        };
        Err(Red::new(measured, because))
    }
}

/// Checks that the learner's function returned the answers of `n` requests in the order of their ids.
///
/// # Errors
/// It did not. `task` is what asked: a thread, a task or a process.
pub fn all_in_order(ids: &[usize], n: usize, task: &str) -> Result<(), Red> {
    if ids.len() < n {
        let because = format!("your function returned before each {task} had ended: wait for all");
        return Err(Red::new(format!("{} of {n}", ids.len()), because).wanted("all answers"));
    }
    if ids != Vec::from_iter(0..n) {
        let because = "the answers are in the order of arrival, not of their ids";
        return Err(Red::new(format!("ids {ids:?}"), because).wanted(format!("ids 0 to {}", n - 1)));
    }
    Ok(())
}

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
    let done = match env::var(JUDGE) {
        Ok(judge) => enter_child(&judge).and_then(|()| learner()).map(|()| 0),
        Err(_) => judge(exercise, file, verdict),
    };
    done.map_or_else(
        |error| {
            eprintln!("cannot check {}: {error:#}", exercise.title());
            ExitCode::from(3)
        },
        ExitCode::from,
    )
}

/// Prepares this process for the learner's code.
///
/// # Errors
/// The judge is gone.
pub fn enter_child(judge: &str) -> Result<()> {
    fd_limit::raise_limit();
    // A crash leaves no core file.
    #[cfg(unix)]
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    event::connect(judge).context("cannot reach the judge")?;
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
    let trial = trial::run()?;
    let file = progress::directory().join("..").join(file);
    let seen = Seen { trial, source: without_comments(&file) };
    let verdict = verdict(&seen);
    let mut text = printed(&seen.trial.stdout) + &printed(&seen.trial.stderr);
    let (title, number) = (exercise.title(), exercise.number());
    match &verdict {
        Ok(measured) => text += &format!("{title}: passed\n  measured  {measured}\n"),
        Err(Red { wanted, measured, because }) => {
            let wanted = wanted.as_deref().unwrap_or(exercise.goal);
            text += &format!("{title}: not yet\n  wanted    {wanted}\n  measured  {measured}\n");
            text += &format!("  because   {because}\n  cargo ex hint {number}\n");
        }
    }
    stdout::write(&text).map_err(|error| anyhow!("cannot write the verdict: {error}"))?;
    // Tests judge other files than the learner's.
    if file.parent().is_some_and(|parent| parent.ends_with("src/bin")) {
        if verdict.is_ok() {
            progress::add_pass(exercise).context("cannot write exercises/.progress")?;
        }
        join::tell(exercise, verdict.is_ok());
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
