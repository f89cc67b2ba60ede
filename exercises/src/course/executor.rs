//! 04: a pool of threads, as in `ThreadPoolExecutor`.

use std::process::ExitCode;

use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{End, Red, Seen, Verdict, all_in_order};
use crate::site::{Answer, Site, Wait};

pub const EXERCISE: Exercise = Exercise {
    name: "04_executor",
    about: "a pool of 3 threads for 13 requests",
    minutes: 20,
    starred: false,
    goal: "13 answers from 3 threads, none idle while a request is left",
    hints: [
        "The first request takes long. Which thread has nothing to do meanwhile?",
        "`std::sync::mpsc::channel()` is the queue. Its receiver has one owner, so the threads share a \
         `Mutex<Receiver>`: lock, `recv`, unlock, then ask. `recv` returns an error once the queue is \
         empty and every sender is dropped.",
        "In each of the k threads, in a loop: `let next = queue.___().unwrap().___();` on a line of its \
         own, because the lock is held to the end of the statement. Before: `drop(___);`.",
    ],
    stub: include_str!("../../stubs/04_executor.rs"),
    solution: include_str!("../../solutions/04_executor.rs"),
};

/// Requests, and how many of them at once. Exercise 10 has the same.
pub const N: usize = 13;
pub const K: usize = 3;

/// The first to begin waits for 10 others, which pass in pairs. Of the 12, two may arrive before it.
pub fn wait(nth: usize) -> Wait {
    if nth == 0 { Wait::After(N - K) } else { Wait::Gate(2) }
}

/// Judges the learner's `pool`.
#[track_caller]
pub fn main(pool: fn(&Site, usize, usize) -> Vec<Answer>) -> ExitCode {
    judge::run(&EXERCISE, || pool(&Site::new(wait), N, K), verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let (threads, ended) = (seen.in_time().threads(), seen.ended_in_time());
    if threads > K || threads == K - 1 {
        return Err(Red::new(
            format!("{threads} threads"),
            "a pool starts k threads, and each asks many times",
        ));
    }
    if seen.in_vain() && seen.peak() == 1 && seen.source.contains("lock()") {
        let because =
            "the lock is held while asking: `while let` keeps its guard to the end of the body";
        return Err(Red::new("1 at once", because));
    }
    not_stuck(seen)?;
    if ended == N && !matches!(seen.end, End::Returned(_)) {
        let because = "all are answered, but a thread goes on: a sender is still alive, or a loop lacks its `break`";
        return Err(Red::new("13 answers, and no return", because));
    }
    all_returned(seen, "thread")?;
    Ok(format!("{N} answers from {threads} threads, none idle while a request was left"))
}

/// Checks that no request waited in vain, and none was one too many.
///
/// # Errors
/// Why one did, told by how many ended before.
pub fn not_stuck(seen: &Seen) -> Result<(), Red> {
    seen.at_most(N)?;
    let ended = seen.ended_in_time();
    let because = match (seen.peak(), ended) {
        _ if !seen.in_vain() => return Ok(()),
        (1, _) => "one after the other: nothing else runs while the first waits",
        (_, ..3) => "rounds of k: two have ended and wait for the slowest of their round",
        _ => "each has a share of its own: two have run out, the third has work left",
    };
    Err(Red::new(format!("stuck after {ended} of {N}"), because))
}

/// Checks that all answers were returned, in any order.
///
/// # Errors
/// They were not. `task` is what asked.
pub fn all_returned(seen: &Seen, task: &str) -> Result<(), Red> {
    let mut ids: Vec<usize> = seen.returned()?;
    ids.sort_unstable();
    all_in_order(&ids, N, task)
}
