//! 05: a process for each request.

use std::env;
use std::process::{Command, ExitCode, Output};

use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict, all_in_order};
use crate::site::{Site, Wait};

pub const EXERCISE: Exercise = Exercise {
    name: "05_processes",
    about: "five processes that wait at the same time",
    minutes: 10,
    starred: false,
    goal: "5 processes waiting at once",
    hints: [
        "What does `output()` wait for? When does it start the next process?",
        "`command.spawn()` starts a process and returns at once; `child.wait_with_output()` waits for it \
         and reads its stdout, if that is a pipe: `command.stdout(Stdio::piped())`, from `std::process`.",
        "Two loops, one after the other:\n\
         \x20   for id in 0..n { children.push(program.command(id).stdout(___).___().unwrap()); }\n\
         \x20   for child in children { outputs.push(child.___().unwrap()); }",
    ],
    stub: include_str!("../../stubs/05_processes.rs"),
    solution: include_str!("../../solutions/05_processes.rs"),
};

const N: usize = 5;

/// The environment variable that makes this program a process of the learner's.
const PROGRAM: &str = "EXERCISE_PROGRAM";

/// A program that asks the site once, and prints the id of the answer.
pub struct Program(());

impl Program {
    /// The command that starts it for request `id`.
    pub fn command(&self, id: usize) -> Command {
        let mut command = Command::new(env::current_exe().unwrap_or_default());
        command.args(env::args_os().skip(1)).env(PROGRAM, id.to_string());
        command
    }
}

/// Judges the learner's `ask_in_processes`.
#[track_caller]
pub fn main(ask_in_processes: fn(usize, &Program) -> Vec<Output>) -> ExitCode {
    if let Ok(id) = env::var(PROGRAM) {
        return ask(id.parse().unwrap_or_default());
    }
    let printed = |output: Output| String::from_utf8_lossy(&output.stdout).trim().parse().ok();
    let learner = || -> Vec<Option<usize>> {
        ask_in_processes(N, &Program(())).into_iter().map(printed).collect()
    };
    judge::run(&EXERCISE, learner, verdict)
}

/// The program: `main` of a process of the learner's.
fn ask(id: usize) -> ExitCode {
    if judge::enter_child().is_err() {
        return ExitCode::from(3);
    }
    println!("{}", Site::new(|_| Wait::Gate(N)).ask(id).id);
    ExitCode::SUCCESS
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    seen.at_most(N)?;
    if seen.in_vain() {
        let because = match seen.source.contains("output()") && !seen.source.contains("spawn()") {
            true => "`output` waits for the end of its process before the loop starts the next",
            false => "each process is waited for before the loop starts the next",
        };
        return Err(Red::new(format!("{} at once", seen.peak_at_server), because));
    }
    let printed: Vec<Option<usize>> = seen.returned()?;
    let ids: Vec<usize> = printed.iter().copied().flatten().collect();
    if ids.len() < printed.len() {
        let because = "stdout went to the terminal: only a pipe brings it to you";
        return Err(Red::new(format!("{} answers", ids.len()), because).wanted("5 answers"));
    }
    all_in_order(&ids, N, "process")?;
    Ok(format!("{N} processes waiting at once"))
}
