//! 03: a lock that is held while its thread waits.

use std::ops::AddAssign;
use std::process::ExitCode;

use serde::Serialize;
use shared::report;

use crate::event::{What, record};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::{Answer, Site, Wait};

pub const EXERCISE: Exercise = Exercise {
    name: "03_lock_held",
    about: "count under a lock, wait without it",
    minutes: 8,
    starred: true,
    goal: "10 waiting at once, and 10 counted",
    hints: [
        "What does each thread hold while it waits for its answer? What do the other nine need?",
        "The lock is released when its guard is dropped: at the end of the block that the guard is \
         declared in, or at `drop(guard)`. The compiler lets you do either; no new type is needed.",
        "Between `*count += 1;` and `site.ask(id)` one line is missing: `___(count);`. Or put braces \
         around the two lines that need the lock.",
    ],
    stub: include_str!("../../stubs/03_lock_held.rs"),
    solution: include_str!("../../solutions/03_lock_held.rs"),
};

const N: usize = 10;

/// A number that can only count: `+= 1`.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Counter(usize);

impl AddAssign<usize> for Counter {
    fn add_assign(&mut self, more: usize) {
        record(What::Made(more));
        self.0 += more;
    }
}

/// Judges the learner's `ask_counted`.
#[track_caller]
pub fn main(ask_counted: fn(&Site, usize) -> (Counter, Vec<Answer>)) -> ExitCode {
    judge::run(&EXERCISE, || ask_counted(&Site::new(|_| Wait::Gate(N)), N), verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    seen.not_just_some(N)?;
    let threads = seen.threads();
    if seen.in_vain() && threads > 1 {
        let measured = format!("{threads} threads, 1 at the server");
        return Err(Red::new(measured, seen.one_at_a_time()));
    }
    if seen.in_vain() {
        return Err(Red::new(
            "1 at once",
            "1 thread asks for all: keep the thread for each request",
        ));
    }
    let (count, answers): (usize, Vec<usize>) = seen.returned()?;
    let counting = seen.threads_that(|what| matches!(what, What::Made(_)));
    if (count, counting, answers.len()) != (N, N, N) {
        let threads = report::count(counting, "thread");
        let measured = format!("{count} counted by {threads}, {} answers", answers.len());
        let because = "each thread adds 1 through its guard, `*count += 1`, and returns its answer";
        return Err(Red::new(measured, because));
    }
    Ok(format!("{N} waiting at once, {count} counted"))
}
