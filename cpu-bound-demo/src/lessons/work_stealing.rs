//! The rows of a picture take different times. In equal blocks, one thread gets most of the work while
//! others have none left. In a rayon pool, idle threads steal work.
//! You will see the upper half of the picture, in which each row takes longer than the one above it,
//! in blocks and in a rayon pool.
//! Try it: `let block = rows.skip(worker).step_by(k);`. Why is that nearly as good here, and when is
//! it not?

use std::collections::BTreeMap;
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::report::{Figure, Run, Scale, Verdict};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson};

use crate::cores::{WORTHWHILE_MS, others_idle};
use crate::gallery::{Gallery, Painter, Row};
use crate::mandelbrot::View;

pub const LESSON: Lesson = Lesson::new(
    "work-stealing",
    "Uneven rows, in equal blocks and in a pool whose idle threads steal work",
    &["G8"],
    run,
    include_str!("work_stealing.rs"),
);

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, mut gallery) = (lab.workers, Gallery::new(lab));
    gallery.painter.view = View::of_height(2 * lab.tasks); // Only the upper half is drawn.

    let mut work = [BTreeMap::new(), BTreeMap::new()];
    let blocks = gallery.run("blocks", None, |painter| {
        let rows = by_blocks(painter, k)?;
        work[0] = iterations(&rows);
        Ok(rows)
    })?;
    let stolen = gallery.run("rayon", None, |painter| {
        let rows = by_rayon(painter, k)?;
        work[1] = iterations(&rows);
        Ok(rows)
    })?;
    let finding = check(k, [&blocks, &stolen], &work).on("G8", "Idle threads steal work");
    let figure = busy(Figure::new("Busy time of each thread", "ms", Scale::Linear), &blocks);
    let figure = busy(figure, &stolen);
    Ok(Evidence::new(vec![blocks, stolen], vec![finding]).with(vec![figure]))
}

fn by_blocks(painter: &Painter, k: usize) -> Result<Vec<Row>> {
    scope(|scope| {
        let mut threads = Vec::new();
        for worker in 0..k {
            let rows = painter.rows();
            let block = rows.len() * worker / k..rows.len() * (worker + 1) / k;
            let thread = Builder::new().name(format!("Thread-{}", worker + 1));
            let draw = || block.map(|y| painter.draw(y)).collect::<Vec<_>>();
            threads.push(thread.spawn_scoped(scope, draw).context("cannot start a thread")?);
        }
        Ok(threads.into_iter().flat_map(|thread| thread.join()).flatten().collect())
    })
}

fn by_rayon(painter: &Painter, k: usize) -> Result<Vec<Row>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    Ok(pool.install(|| painter.rows().into_par_iter().map(|y| painter.draw(y)).collect()))
}

/// Iterations by thread: a measure of work that other programs cannot disturb.
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

/// Is the work of the busiest of `threads` far above a fair share in blocks, and near it in rayon?
fn check(threads: usize, runs: [&Run; 2], work: &[BTreeMap<String, u64>; 2]) -> Check {
    let [_, run] = runs;
    let busy_ms = run.mean_task_ms() * run.tasks.len() as f64;
    let [blocks, stolen] = work.each_ref().map(|work| {
        let sum: u64 = work.values().sum();
        let most = work.values().copied().max().unwrap_or(0);
        most as f64 * threads as f64 / sum.max(1) as f64
    });
    let reason = if blocks < 1.1 {
        (Verdict::NotShown, "the blocks happen to take equal times")
    } else if stolen - 1.0 < (blocks - 1.0) / 2.0 {
        (Verdict::Holds, "counted in iterations, which other programs cannot disturb")
    } else if stolen < blocks || !others_idle(run, threads) {
        (Verdict::NotShown, "other programs kept one of the threads from running")
    } else {
        (Verdict::Fails, "idle threads stole nothing")
    };
    let short = busy_ms < WORTHWHILE_MS;
    Check::new(
        "blocks well above 1, rayon near 1 times a fair share",
        format!(
            "most work of one thread: blocks {blocks:.2}, rayon {stolen:.2} times a fair share"
        ),
        reason,
    )
    .unless(short.then_some("too little work to divide: try a larger -n"))
    .unless((threads < 2).then_some("a single thread, as on a single core, has none to steal from"))
    .unless(lost(&runs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::{self, assert_check};
    use Verdict::*;

    /// Ten tasks of `mean_ms` each, and the work of each thread.
    fn checked(blocks: &[u64], stolen: &[u64], mean_ms: f64, idle_ms: f64) -> Check {
        let mut run = tests::run(100.0, 100.0, idle_ms);
        run.tasks.iter_mut().for_each(|task| (task.start_ms, task.end_ms) = (1.0, 1.0 + mean_ms));
        let work = |done: &[u64]| {
            let name = |worker| format!("Thread-{worker}");
            (0..).map(name).zip(done.iter().copied()).collect()
        };
        check(blocks.len(), [&run, &run], &[work(blocks), work(stolen)])
    }

    #[test]
    fn stolen_work_is_counted_in_iterations() {
        let (counted, kept) = ("counted in iterations", "other programs");
        for (blocks, stolen, mean_ms, idle_ms, verdict, because) in [
            ([10, 90], [49, 51], 10.0, 100.0, Holds, counted),
            ([10, 90], [0, 100], 10.0, 100.0, Fails, "stole nothing"),
            ([10, 90], [20, 80], 10.0, 100.0, NotShown, kept),
            // The longest block is 1.1 times a fair share, and less.
            ([55, 45], [50, 50], 10.0, 100.0, Holds, counted),
            ([54, 46], [50, 50], 10.0, 100.0, NotShown, "equal times"),
            // Half as much above a fair share as the blocks, and less.
            ([6, 2], [5, 3], 10.0, 100.0, NotShown, kept),
            ([75, 25], [62, 38], 10.0, 100.0, Holds, counted),
            // As uneven as the blocks, and less.
            ([6, 2], [6, 2], 10.0, 100.0, Fails, "stole nothing"),
            ([75, 25], [74, 26], 10.0, 100.0, NotShown, kept),
            // The core that it did not use was idle for more than half of the time, or just half.
            ([6, 2], [6, 2], 10.0, 51.0, Fails, "stole nothing"),
            ([6, 2], [6, 2], 10.0, 50.0, NotShown, kept),
            // Just enough work, and a bit less.
            ([6, 2], [4, 4], 5.0, 100.0, Holds, counted),
            ([6, 2], [4, 4], 4.5, 100.0, NotShown, "too little work"),
        ] {
            assert_check(checked(&blocks, &stolen, mean_ms, idle_ms), verdict, because);
        }
    }

    #[test]
    fn fair_share_depends_on_the_threads() {
        let four = checked(&[5, 1, 1, 1], &[3, 2, 2, 1], 10.0, 100.0);
        let measured = "most work of one thread: blocks 2.50, rayon 1.50 times a fair share";
        assert_eq!(four.measured, measured);
        assert_check(four, Holds, "counted in iterations");
        assert_check(checked(&[8], &[8], 10.0, 100.0), NotShown, "none to steal from");
    }
}
