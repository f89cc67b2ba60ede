//! 08: `asyncio.gather`, many tasks on one thread.

use std::process::ExitCode;

use crate::course::threads::{N, wait};
use crate::event::What;
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict, all_in_order};
use crate::site::{Answer, AsyncSite};

pub const EXERCISE: Exercise = Exercise {
    name: "08_gather",
    about: "ten async tasks that wait at the same time, on one thread",
    minutes: 10,
    starred: true,
    goal: "10 waiting at once, on 1 thread",
    hints: [
        "When does a request begin: when you call `ask`, or when you await what it returned?",
        "`tokio::spawn(future)` starts a task, and returns a handle to await later; it is Python's \
         `create_task`. The compiler wants a task that borrows nothing: give each a `site.clone()`, and \
         write `async move { ... }`. Awaiting a handle gives a `Result`: `unwrap` it. \
         In a closure of `map` there is no `await`: use a loop. No other crate is needed.",
        "Two loops, one after the other:\n\
         \x20   for id in 0..n { let site = site.___; handles.push(tokio::___(async move { ___ })); }\n\
         \x20   for handle in handles { answers.push(___); }",
    ],
    stub: include_str!("../../stubs/08_gather.rs"),
    solution: include_str!("../../solutions/08_gather.rs"),
};

/// Judges the learner's `ask_all`.
#[track_caller]
pub fn main<F: Future<Output = Vec<Answer>>>(ask_all: fn(AsyncSite, usize) -> F) -> ExitCode {
    let learner = async || ask_all(AsyncSite::new(wait), N).await;
    judge::run_async(&EXERCISE, learner, verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    seen.not_just_some(N)?;
    let threads = seen.threads();
    let made = seen.in_time().count(|what| matches!(what, What::Made(_)));
    if threads > 1 {
        let because = "each request has a thread of its own: an async task needs none";
        return Err(Red::new(format!("{threads} threads"), because));
    }
    if seen.in_vain() && made > 1 {
        let because = "a future runs only when it is awaited, and you await one after the other";
        return Err(Red::new(format!("{made} futures made, 1 begun"), because));
    }
    if seen.in_vain() && seen.source.contains("spawn") {
        let because = "each task is awaited right after its `spawn`, before the next one exists";
        return Err(Red::new("1 task at a time", because));
    }
    if seen.in_vain() {
        let because = "each `.await` waits for the answer before the loop goes on";
        return Err(Red::new("1 waiting at once", because));
    }
    all_in_order(&seen.returned::<Vec<usize>>()?, N, "task")?;
    Ok(format!("{N} waiting at once, on {threads} thread"))
}
