//! 10: at most k async tasks at once.

use std::process::ExitCode;

use crate::course::executor::{K, N, all_returned, not_stuck, wait};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::{Answer, AsyncSite};

pub const EXERCISE: Exercise = Exercise {
    name: "10_limit",
    about: "13 async tasks, at most 3 at once",
    minutes: 12,
    starred: false,
    goal: "13 answers, never more than 3 requests at once",
    hints: [
        "Each task needs one of three tickets. When does it give the ticket back, and who does that?",
        "`tokio::sync::Semaphore::new(k)`, shared in an `Arc`. `permits.acquire().await.unwrap()` waits \
         for a permit; dropping the permit gives it back. The compiler wants a clone of the Arc for each \
         task.",
        "In each task, before it asks: `let _permit = permits.___().___.unwrap();`. A name, even one that \
         begins with `_`, keeps the permit to the end of the block; `_` alone does not.",
    ],
    stub: include_str!("../../stubs/10_limit.rs"),
    solution: include_str!("../../solutions/10_limit.rs"),
};

/// Judges the learner's `ask_limited`.
#[track_caller]
pub fn main<F: Future<Output = Vec<Answer>>>(
    ask_limited: fn(AsyncSite, usize, usize) -> F,
) -> ExitCode {
    let learner = async || ask_limited(AsyncSite::new(wait), N, K).await;
    judge::run_async(&EXERCISE, learner, verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let peak = seen.peak();
    if peak > K {
        let because = match () {
            () if seen.source.contains("acquire()") && !seen.source.contains("acquire().await") => {
                "`acquire()` is a future: without `.await`, the task has no permit"
            }
            () if peak < N => {
                "at most k may ask at once: is it `Semaphore::new(k)`, and has each task a permit?"
            }
            () if seen.source.contains("acquire") => {
                "a permit is given back too early: `let _ =` drops it, a name in the task keeps it"
            }
            () => "all tasks ask as soon as they start: nothing limits them",
        };
        return Err(Red::new(format!("{peak} at once"), because));
    }
    not_stuck(seen)?;
    all_returned(seen, "task")?;
    Ok(format!("{N} answers, {peak} at once"))
}
