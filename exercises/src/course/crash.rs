//! 07: a pool of worker processes, one of which dies.

use std::env;
use std::io::{self, BufRead, Write, stdin, stdout};
use std::process::{self, Command, ExitCode};

use serde::{Deserialize, Serialize};
use shared::os::child::PipedChild;
use shared::report::count;

use crate::event::{What, record};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::{Site, Wait};

pub const EXERCISE: Exercise = Exercise {
    name: "07_crash",
    about: "a pool of processes that survives the death of a worker",
    minutes: 25,
    starred: false,
    goal: "8 tasks done, 1 lost",
    hints: [
        "A worker dies. What does your pool know about its task, and who does the remaining tasks?",
        "`worker.ask(id)` returns a `Result`: use `match` in place of `unwrap`. `Outcome::Lost(id)` tells \
         the loss. A dead worker stays dead: assign a new one: `worker = start();`.",
        "In the loop: `match worker.ask(id) { Ok(_) => outcomes.push(___), Err(_) => { \
         outcomes.push(___); worker = ___; } }`",
    ],
    stub: include_str!("../../stubs/07_crash.rs"),
    solution: include_str!("../../solutions/07_crash.rs"),
};

const TASKS: usize = 9;
const WORKERS: usize = 2;

/// The task that kills its worker. The others pass in pairs.
const DEADLY: usize = 4;

/// The environment variable that makes this program a worker.
const WORKER: &str = "EXERCISE_WORKER";

/// What became of a task.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Done(usize),
    Lost(usize),
}

/// A worker process. It is killed when it is dropped.
pub struct Worker(PipedChild);

impl Worker {
    /// Sends a task, and waits for the answer.
    ///
    /// # Errors
    /// The worker is dead.
    pub fn ask(&mut self, id: usize) -> io::Result<()> {
        let mut answer = String::new();
        writeln!(self.0.stdin, "{id}")?;
        match self.0.stdout.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// How the learner's pool starts a worker.
pub type Start = fn() -> Worker;

fn start() -> Worker {
    let mut command = Command::new(env::current_exe().unwrap_or_default());
    command.args(env::args_os().skip(1)).env(WORKER, "1");
    let child = PipedChild::spawn(command);
    Worker(child.unwrap_or_else(|error| panic!("cannot start a worker: {error}")))
}

/// Judges the learner's `run`.
#[track_caller]
pub fn main(run: fn(Vec<usize>, usize, Start) -> Vec<Outcome>) -> ExitCode {
    if env::var_os(WORKER).is_some() {
        return serve();
    }
    judge::run(&EXERCISE, || run((0..TASKS).collect(), WORKERS, start), verdict)
}

/// `main` of a worker.
fn serve() -> ExitCode {
    if judge::enter_child().is_err() {
        return ExitCode::from(3);
    }
    let site = Site::new(|_| Wait::Gate(2));
    for line in stdin().lines().map_while(Result::ok) {
        let id = line.parse().unwrap_or_default();
        if id == DEADLY {
            record(What::Begun(id));
            record(What::Dropped(id));
            process::exit(9);
        }
        // The pool may be gone.
        if writeln!(stdout(), "{}", site.ask(id).id).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn verdict(seen: &Seen) -> Verdict {
    let deaths = seen.count(|what| *what == What::Begun(DEADLY));
    let done = seen.ended_in_time();
    if deaths > 1 {
        let because = "a task that kills its worker kills the next one, too: count it as lost";
        return Err(Red::new(format!("{} killed by one task", count(deaths, "worker")), because));
    }
    if seen.count(|what| matches!(what, What::Panicked(_))) > 0 && seen.source.contains("unwrap") {
        let because = "`unwrap` ends the thread with its worker, and takes its outcomes along";
        return Err(Red::new(format!("{done} done, and a panic"), because));
    }
    seen.no_panic()?;
    if seen.in_vain() {
        let because = "one worker was left, and its task waits for a second: replace the dead one";
        return Err(Red::new(format!("{done} done, then stuck"), because));
    }
    let outcomes: Vec<Outcome> = seen.returned()?;
    let lost = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Lost(_))).count();
    if lost > 1 && outcomes.contains(&Outcome::Lost(DEADLY)) {
        let because = "a dead worker loses each task that it gets: start a new one";
        return Err(Red::new(format!("{lost} lost"), because));
    }
    let mut right = (0..TASKS).map(|id| match id {
        DEADLY => Outcome::Lost(id),
        _ => Outcome::Done(id),
    });
    let missing = right.find(|outcome| !outcomes.contains(outcome));
    if missing.is_some() || outcomes.len() != TASKS {
        let none = missing.map_or(String::new(), |outcome| format!(", none is {outcome:?}"));
        let measured = format!("{} outcomes{none}", outcomes.len());
        return Err(Red::new(measured, "every task has one outcome, the one that died is lost"));
    }
    if seen.processes() > WORKERS + 1 {
        let because = "a worker is for many tasks: start a new one only when it is dead";
        return Err(Red::new(count(seen.processes(), "worker"), because));
    }
    Ok(format!("8 done, 1 lost, by {} processes", seen.processes()))
}
