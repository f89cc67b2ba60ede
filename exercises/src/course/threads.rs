//! 01: a thread for each request.

use std::process::ExitCode;

use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict, all_in_order};
use crate::site::{Answer, Site, Wait};

pub const EXERCISE: Exercise = Exercise {
    name: "01_threads",
    about: "ten requests that wait at the same time",
    minutes: 10,
    starred: true,
    goal: "10 waiting at once",
    hints: [
        "When does your second request start: before or after the first has its answer?",
        "`std::thread::scope` lets threads borrow `site`; `scope.spawn` starts one and returns a handle, \
         and `handle.join()` waits for its result, a `Result`: `unwrap` it. The compiler asks for `move`, \
         because each thread needs its own `id`. Collect all handles in a Vec before you join the first.",
        "Two loops, one after the other, inside of `thread::scope`:\n\
         \x20   for id in 0..n { handles.push(scope.___(move || ___)); }\n\
         \x20   for handle in handles { answers.push(___); }",
    ],
    stub: include_str!("../../stubs/01_threads.rs"),
    solution: include_str!("../../solutions/01_threads.rs"),
};

/// Requests. Exercise 08 has the same.
pub const N: usize = 10;

/// Judges the learner's `ask_all`.
#[track_caller]
pub fn main(ask_all: fn(&Site, usize) -> Vec<Answer>) -> ExitCode {
    judge::run(&EXERCISE, || ask_all(&Site::new(wait), N), verdict)
}

/// The first to begin returns last, so that the order of arrival is never the order of ids.
pub fn wait(nth: usize) -> Wait {
    if nth == 0 { Wait::LateGate(N) } else { Wait::Gate(N) }
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    seen.not_just_some(N)?;
    let threads = seen.threads();
    if seen.in_vain() && threads == 1 {
        return Err(Red::new(
            "1, from 1 thread",
            "each request began when the last had its answer",
        ));
    }
    if seen.in_vain() {
        let measured = format!("1, though {threads} threads asked");
        return Err(Red::new(measured, seen.one_at_a_time()));
    }
    all_in_order(&seen.returned::<Vec<usize>>()?, N, "thread")?;
    Ok(format!("{N} waiting at once, from {threads} threads"))
}
