//! Where tasks compute, only more cores help: threads, processes and rayon divide the time by the
//! cores, async tasks on one thread do not. Under Python's GIL the threads would gain nothing, too.
//!
//! You will see one picture drawn five times; a row that is not the same each time counts as lost.
//!
//! Try it: `--workers 1`; `-n 1600 --png mandelbrot.png`; on Linux, `taskset -c 0` before it all.

use std::thread::Builder;

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::lab::{Evidence, Lab};

use crate::judge::Baseline;
use crate::picture::Gallery;
use crate::rows;

pub const ABOUT: &str =
    "The same picture one row after another, by threads, processes, async and rayon";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k) = (lab.tasks, lab.workers);
    let mut gallery = Gallery::new(lab, 5);

    // One row after another: what all others are measured by.
    let sequential =
        gallery.run("sequential", None, |painter| Ok((0..n).map(|y| painter.draw(y)).collect()))?;
    let divided = sequential.wall_ms / k.min(lab.cores) as f64;

    // Threads: each draws every k-th row.
    let threads = gallery.run("threads", divided, |painter| {
        let mut started = Vec::new();
        for first in 0..k {
            let painter = painter.clone();
            let mine = (first..n).step_by(k);
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            let handle = thread.spawn(move || mine.map(|y| painter.draw(y)).collect::<Vec<_>>());
            started.push(handle.context("cannot start a thread")?);
        }
        let drawn = started.into_iter().flat_map(|thread| thread.join());
        Ok(drawn.flatten().collect())
    })?;

    // Processes: the same shares, but the rows come back through pipes.
    let mut processes = gallery.run("processes", divided, |painter| {
        let started = (0..k).map(|first| rows::Worker::start(painter, first, k));
        let workers = started.collect::<Result<Vec<_>>>()?;
        Ok(workers.into_iter().flat_map(rows::Worker::finish).collect())
    })?;
    processes.peak_rss_kib = None; // The workers do not tell theirs.

    // Rayon: a pool that shares out the rows as its threads run out of work.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    let rayon = gallery.run("rayon", divided, |painter| {
        Ok(pool.install(|| (0..n).into_par_iter().map(|y| painter.draw(y)).collect()))
    })?;

    // Async: all rows are planned at once, but one thread draws them.
    let event_loop = tokio::runtime::Builder::new_current_thread().build()?;
    let tasks = gallery.run("async", sequential.wall_ms, |painter| {
        event_loop.block_on(async {
            let mut spawned = Vec::new();
            for y in 0..n {
                let painter = painter.clone();
                spawned.push(tokio::spawn(async move { painter.draw(y) }));
            }
            let mut drawn = Vec::new();
            for row in spawned {
                drawn.extend(row.await);
            }
            Ok(drawn)
        })
    })?;

    gallery.painter.bar.finish_and_clear();
    let picture = gallery.save()?;
    let baseline = Baseline::new(&sequential, lab.cores);
    let findings = baseline.findings(&threads, &processes, &rayon, &tasks, k);
    let runs = vec![sequential, threads, processes, rayon, tasks];
    Ok(Evidence::new(runs, findings).showing(picture))
}
