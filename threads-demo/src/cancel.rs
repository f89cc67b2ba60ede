//! A thread cannot be stopped from outside. It can be asked, by a flag that it looks at from time to
//! time; one that does not look goes on to its end. Nor can one say in which order threads finish.
//!
//! You will see two threads with the same list of requests, both told to stop after the first: one
//! looks at the flag, the other does not.
//!
//! Try it: look at the flag only before every third request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared::judge::too_short;
use shared::lab::{Evidence, Lab};
use shared::report::Run;

use crate::judge::{self, Stopped};

pub const ABOUT: &str = "A thread that is asked to stop, and one that does not listen";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let mut stopped = Vec::new();
    for looks in [false, true] {
        let (activity, n) = (lab.blocking()?, lab.tasks);
        let seen = lab.server()?.observe();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let thread = Builder::new().name("Asked".into()).spawn(move || {
            for id in 0..n {
                // The line that matters.
                if looks && flag.load(Relaxed) {
                    break;
                }
                activity.get(id);
            }
        });
        let thread = thread.context("cannot start a thread")?;
        seen.wait_until(Duration::from_secs(60), |seen| seen.hits.load(Relaxed) > 0);
        let too_late = seen.answered() == n;
        let asked = Instant::now();
        stop.store(true, Relaxed);
        let _ = thread.join();
        stopped.push(Stopped {
            requests: seen.hits.load(Relaxed),
            too_late,
            after: asked.elapsed(),
        });
    }

    let rounds = (0..5).map(|_| race(lab)).collect::<Result<Vec<_>>>()?;

    let findings = vec![
        judge::cancel(lab.tasks, &stopped[0], &stopped[1])
            .unless(too_short(lab.delay_ms))
            .on("T9", "A thread stops when it looks at the flag, and not before"),
        judge::order(&rounds, lab.cores)
            .on("T9", "Threads do not finish in the order of their start"),
    ];
    Ok(Evidence::new(rounds, findings))
}

/// The same wait for all, so that nothing but chance decides who is first.
fn race(lab: &Lab) -> Result<Run> {
    let activity = lab.blocking()?;
    lab.run("threads", lab.delay_ms, |_| {
        let mut threads = Vec::new();
        for id in 0..lab.tasks {
            let activity = activity.clone();
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            let thread = thread.spawn(move || activity.get(id));
            threads.push(thread.context("cannot start a thread")?);
        }
        // One that panicked is missing.
        Ok(threads.into_iter().flat_map(|thread| thread.join()).collect())
    })
}
