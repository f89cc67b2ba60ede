//! 11: the first answer counts, the other tasks are cancelled.

use std::process::ExitCode;

use shared::report::count;

use crate::event::What;
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::{Answer, AsyncSite, Wait};

pub const EXERCISE: Exercise = Exercise {
    name: "11_cancel",
    about: "the first answer of ten mirrors; the other requests are cancelled",
    minutes: 15,
    starred: false,
    goal: "1 answer, and 9 requests cancelled",
    hints: [
        "You have an answer. Who stops the nine tasks that still wait for theirs?",
        "`tokio::task::JoinSet` holds tasks: `tasks.spawn(future)`, and `tasks.join_next().await` waits for \
         the first that ends; it is an `Option` of a `Result`. Dropping the set aborts what is left. A \
         dropped `JoinHandle` aborts nothing, unlike a Python task without a reference.",
        "After a loop that spawns: `tasks.___().await.unwrap().___`. The end of the function drops the set.",
    ],
    stub: include_str!("../../stubs/11_cancel.rs"),
    solution: include_str!("../../solutions/11_cancel.rs"),
};

const N: usize = 10;

/// Judges the learner's `first_answer`.
#[track_caller]
pub fn main<F: Future<Output = Answer>>(first_answer: fn(AsyncSite, usize) -> F) -> ExitCode {
    let learner = async || first_answer(AsyncSite::new(wait), N).await;
    judge::run_async(&EXERCISE, learner, verdict)
}

/// The last to begin answers at once, so that the others have begun by then.
fn wait(nth: usize) -> Wait {
    if nth == N - 1 { Wait::Not } else { Wait::Forever }
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    seen.at_most(N)?;
    let begun = seen.in_time().begun();
    if seen.in_vain() {
        let because = match begun {
            1 => "mirror 0 takes a minute: ask all of them at once",
            ..N => "ask all the mirrors: the one that answers at once is not among these",
            _ => "the first answer is there, but you wait for the others, which take a minute",
        };
        return Err(Red::new(format!("{} sent, and no return", count(begun, "request")), because));
    }
    if begun == N && seen.peak() < N - 1 {
        let because = "one mirror after the other: ask all of them at the same time";
        return Err(Red::new(format!("{} at once", seen.peak()), because));
    }
    let cancelled = seen.count(|what| matches!(what, What::Dropped(_)));
    let _: usize = seen.returned()?;
    if begun < N {
        return Err(Red::new(count(begun, "request"), "ask all the mirrors"));
    }
    if cancelled < N - 1 {
        let measured = format!("1 answer, but {} requests still wait", N - 1 - cancelled);
        let because = "dropping a task's handle detaches the task: it goes on, unlike in Python";
        return Err(Red::new(measured, because));
    }
    Ok(format!("1 answer, and {cancelled} requests cancelled"))
}
