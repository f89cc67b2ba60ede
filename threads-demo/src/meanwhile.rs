//! Every program starts as one process with one thread, and while that thread waits, nothing else
//! happens. With a second thread to do the waiting, the first is free.
//!
//! You will see what a program has before it starts anything, and how much the main thread got done
//! while the server kept another one waiting.
//!
//! Try it: call `activity.get(0)` in the main thread, and count what it gets done then.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::child;
use shared::cli::Hidden;
use shared::judge::too_short;
use shared::lab::{Evidence, Lab};
use shared::stopwatch::os_threads;

use crate::judge;

/// What starts this program as a child that does nothing.
pub const CHILD: Hidden = Hidden::new("bare", bare);

pub const ABOUT: &str = "What a program starts with, and what it can do while another thread waits";

pub fn run(lab: &Lab) -> Result<Evidence> {
    // A fresh program, since this one has threads of its own by now.
    let mut child = child::this_program(CHILD.name)?;
    let ended = child::run(&mut child, Duration::from_secs(20))?;

    let seen = lab.server()?.observe();
    let (mut task, mut steps) = (None, 0);
    for _ in 0..10 {
        let activity = lab.blocking()?;
        let waiting = Builder::new().name("Thread-1".into());
        let waiting = waiting.spawn(move || activity.get(0));
        let waiting = waiting.context("cannot start a thread")?;
        while !waiting.is_finished() {
            // Counted only while the server has the other thread's request and has not answered it.
            steps += seen.in_flight.load(Relaxed);
        }
        task = waiting.join().ok();
        if steps > 0 {
            break; // Once will do, unless other programs leave this thread no time for so long.
        }
    }

    let findings = vec![
        judge::bare(&ended.stdout).on("T4", "A program has at least one process and one thread"),
        judge::meanwhile(task.as_ref(), steps)
            .unless(too_short(lab.delay_ms))
            .on("T3", "While one thread waits, another one works"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// The child: says what it has.
fn bare(_: &[String]) -> Result<()> {
    match os_threads() {
        Some(threads) => child::tell(format!("1 process, {threads} thread")),
        None => child::tell("1 process"),
    }
    Ok(())
}
