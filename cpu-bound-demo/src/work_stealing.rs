//! Rows of a picture are not equally long. Who shares them out beforehand, in equal numbers, leaves one
//! thread with most of the work. A rayon thread that has nothing left takes from another.
//!
//! You will see the upper half of the picture, where each row takes longer than the one above it, cut
//! into blocks, and shared out by rayon.
//!
//! Try it: every k-th row in place of a block. Why is that nearly as good here, and when is it not?

use std::collections::BTreeMap;
use std::thread::Builder;

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::lab::{Evidence, Lab};
use shared::mandelbrot::View;
use shared::report::{Figure, Run, Scale};

use crate::judge;
use crate::picture::{Gallery, Row};

pub const ABOUT: &str = "Uneven rows, in equal blocks and shared out as threads run out of work";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k) = (lab.tasks, lab.workers);
    let mut gallery = Gallery::new(lab, 2);
    gallery.painter.view = View::of_height(2 * n);

    let mut work = [BTreeMap::new(), BTreeMap::new()];
    let blocks = gallery.run("blocks", None, |painter| {
        let mut started = Vec::new();
        for worker in 0..k {
            let (painter, block) = (painter.clone(), n * worker / k..n * (worker + 1) / k);
            let thread = Builder::new().name(format!("Thread-{}", worker + 1));
            let thread = thread.spawn(move || block.map(|y| painter.draw(y)).collect::<Vec<_>>());
            started.push(thread.context("cannot start a thread")?);
        }
        let rows: Vec<Row> =
            started.into_iter().flat_map(|thread| thread.join()).flatten().collect();
        work[0] = iterations(&rows);
        Ok(rows)
    })?;

    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    let stolen = gallery.run("rayon", None, |painter| {
        let rows: Vec<Row> =
            pool.install(|| (0..n).into_par_iter().map(|y| painter.draw(y)).collect());
        work[1] = iterations(&rows);
        Ok(rows)
    })?;
    gallery.painter.bar.finish_and_clear();

    let finding = judge::sharing(k, [&blocks, &stolen], &work)
        .on("G8", "Who has nothing left takes work from others");
    let figure = busy(Figure::new("Busy time of each thread", "ms", Scale::Linear), &blocks);
    let figure = busy(figure, &stolen);
    Ok(Evidence::new(vec![blocks, stolen], vec![finding]).with(vec![figure]))
}

/// How many iterations each thread has done: work that no clock can disturb.
fn iterations(rows: &[Row]) -> BTreeMap<String, u64> {
    let mut work = BTreeMap::new();
    for Row { task, pixels } in rows {
        let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
        *work.entry(task.thread.clone()).or_default() += sum;
    }
    work
}

/// Adds how long each thread of a run was busy.
fn busy(figure: Figure, run: &Run) -> Figure {
    let mut times: BTreeMap<&str, f64> = BTreeMap::new();
    for task in &run.tasks {
        *times.entry(&task.thread).or_default() += task.end_ms - task.start_ms;
    }
    times.into_iter().fold(figure, |figure, (thread, ms)| figure.point(thread, ms, None))
}
