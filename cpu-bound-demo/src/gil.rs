//! An interpreter lock, as in Python: whoever computes holds it, so threads take turns; whoever waits
//! gives it back, so waits overlap. Each process has one of its own.
//!
//! You will see the picture drawn by threads under one lock, and by processes with a lock each; ten
//! waits with the lock held and given back; and real Python beside it, if there is one.
//!
//! Try it: let `Painter::draw` give the lock back after every tenth row only. What changes?

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::lab::{Evidence, Lab};

use crate::judge::{self, Baseline};
use crate::picture::Gallery;
use crate::{python, rows};

pub const ABOUT: &str = "Threads and processes under an interpreter lock, computing and waiting";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k) = (lab.tasks, lab.workers);
    let mut gallery = Gallery::new(lab, 3);
    gallery.painter.gil = Some(Arc::default()); // New: every row is drawn under this lock.
    let sequential =
        gallery.run("sequential", None, |painter| Ok((0..n).map(|y| painter.draw(y)).collect()))?;

    // Threads, and one lock for all of them.
    let threads = gallery.run("threads", sequential.wall_ms, |painter| {
        let mut started = Vec::new();
        for first in 0..k {
            let (painter, mine) = (painter.clone(), (first..n).step_by(k));
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            let thread = thread.spawn(move || mine.map(|y| painter.draw(y)).collect::<Vec<_>>());
            started.push(thread.context("cannot start a thread")?);
        }
        let drawn = started.into_iter().flat_map(|thread| thread.join());
        Ok(drawn.flatten().collect())
    })?;

    // Processes, and a lock in each.
    let divided = sequential.wall_ms / k.min(lab.cores) as f64;
    let mut processes = gallery.run("processes", divided, |painter| {
        let started = (0..k).map(|first| rows::Worker::start(painter, first, k));
        let workers = started.collect::<Result<Vec<_>>>()?;
        Ok(workers.into_iter().flat_map(rows::Worker::finish).collect())
    })?;
    processes.peak_rss_kib = None; // The workers do not tell theirs.
    gallery.painter.bar.finish_and_clear();

    let baseline = Baseline::new(&sequential, lab.cores);
    let mut findings = vec![
        baseline
            .uses_one_core(&threads)
            .unless((k < 2 && lab.cores > 1).then_some("one thread waits for nobody"))
            .on("G1", "Under one lock, one thread computes at a time"),
        judge::waits(waiting_at_once(true)?, waiting_at_once(false)?)
            .on("G2", "Waits overlap, since the lock is given back"),
        baseline.uses_cores(&processes, k).on("G3", "Each process has a lock of its own"),
    ];
    findings.extend(python::findings(lab.cores));
    Ok(Evidence::new(vec![sequential, threads, processes], findings))
}

/// How many of ten threads wait at the same time, with the lock held or given back meanwhile.
fn waiting_at_once(held: bool) -> Result<usize> {
    let (gil, now, most) = (Mutex::new(()), AtomicUsize::new(0), AtomicUsize::new(0));
    scope(|scope| {
        for _ in 0..10 {
            Builder::new().spawn_scoped(scope, || {
                let lock = gil.lock();
                let lock = held.then_some(lock); // The line that matters.
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                sleep(Duration::from_millis(50));
                now.fetch_sub(1, SeqCst);
                drop(lock);
            })?;
        }
        anyhow::Ok(())
    })?;
    Ok(most.into_inner())
}
