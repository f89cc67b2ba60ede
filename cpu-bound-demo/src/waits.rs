//! Waiting needs no core. However few there are, any number of threads can wait at the same time. A
//! rayon pool has only as many threads as there are cores, so it makes waits queue up.
//!
//! You will see ten waits one after another, with a thread for each, and in a rayon pool.
//!
//! Try it: `-n 100`, and `--workers 50` for the pool.

use std::thread::{Builder, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::judge;
use shared::lab::{Evidence, Lab};

use crate::picture::timed;

pub const ABOUT: &str = "Waits, which need no core: one after another, in threads, and in rayon";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k, delay) = (lab.tasks, lab.workers, lab.delay_ms.unwrap_or(100.0));
    let wait = move |id| {
        timed(id, || {
            sleep(Duration::from_secs_f64(delay / 1000.0));
            true
        })
    };
    let sequential = lab.run("sequential", delay * n as f64, |_| Ok((0..n).map(wait).collect()))?;
    let threads = lab.run("threads", delay, |_| {
        let mut started = Vec::new();
        for id in 0..n {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            started.push(thread.spawn(move || wait(id)).context("cannot start a thread")?);
        }
        Ok(started.into_iter().flat_map(|thread| thread.join()).collect())
    })?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    let rounds = n.div_ceil(k) as f64;
    let rayon = lab.run("rayon", delay * rounds, |_| {
        Ok(pool.install(|| (0..n).into_par_iter().map(wait).collect()))
    })?;
    let findings = vec![
        judge::waits_overlap(&sequential, &threads).on("G7", "Any number of threads can wait"),
        judge::pool_is_full(k, &threads, &rayon)
            .on("G7", "A pool for computing makes waits queue up"),
    ];
    Ok(Evidence::new(vec![sequential, threads, rayon], findings))
}
