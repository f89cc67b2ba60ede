//! The rows of a picture take different times. In equal blocks, one thread gets most of the work while
//! others have none left. A rayon pool splits the rows in two, and each half in two again: a thread
//! works on one half, and idle threads steal the other.
//! You will see the upper half of the picture, in which each row takes longer than the one above it,
//! in blocks and in a rayon pool, and how many halves were stolen.
//! Try it: `let block = rows.skip(worker).step_by(k);`. The blocks are now as even as rayon's work, so
//! the first finding is not shown. That works only because neighbouring rows take about as long.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
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
)
.next("cargo run -p process-demo -- own-memory");

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, mut gallery) = (lab.workers, Gallery::new(lab));
    gallery.painter.view = View::of_height(2 * lab.tasks); // Only the upper half is drawn.

    let mut work = [BTreeMap::new(), BTreeMap::new()];
    let blocks = gallery.run("blocks", None, |painter| {
        let rows = by_blocks(painter, k)?;
        work[0] = iterations(&rows);
        Ok(rows)
    })?;
    let mut stolen = 0;
    let rayon = gallery.run("rayon", None, |painter| {
        let (rows, halves) = by_rayon(painter, k)?;
        work[1] = iterations(&rows);
        stolen = halves;
        Ok(rows)
    })?;
    let findings = vec![
        check(k, [&blocks, &rayon], &work).on("G8", "A pool divides uneven work evenly"),
        steals(k, &rayon, stolen).on("G8", "Idle threads steal work"),
    ];
    let figure = busy(Figure::new("Busy time of each thread", "ms", Scale::Linear), &blocks);
    let figure = busy(figure, &rayon);
    Ok(Evidence::new(vec![blocks, rayon], findings).with(vec![figure]))
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

/// The rows, and how many halves were stolen.
fn by_rayon(painter: &Painter, k: usize) -> Result<(Vec<Row>, usize)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    let stolen = AtomicUsize::new(0);
    let rows = pool.install(|| halves(painter, painter.rows(), &stolen));
    Ok((rows, stolen.into_inner()))
}

/// Does the lower half on this thread, and offers the upper half to idle ones. A parallel iterator of
/// rayon does the same, down to a size that it chooses.
fn halves(painter: &Painter, rows: Range<usize>, stolen: &AtomicUsize) -> Vec<Row> {
    if rows.len() < 2 {
        return rows.map(|y| painter.draw(y)).collect();
    }
    let middle = rows.start + rows.len() / 2;
    let (mut lower, upper) = rayon::join_context(
        |_| halves(painter, rows.start..middle, stolen),
        |context| {
            stolen.fetch_add(usize::from(context.migrated()), Relaxed); // On another thread?
            halves(painter, middle..rows.end, stolen)
        },
    );
    lower.extend(upper);
    lower
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
        (Verdict::Fails, "the pool's work was as uneven as the blocks")
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
    .unless((threads < 2).then_some(SINGLE))
    .unless(lost(&runs))
}

/// Did idle threads of a pool of `threads` steal any half?
fn steals(threads: usize, run: &Run, stolen: usize) -> Check {
    let reason = if stolen > 0 {
        (Verdict::Holds, "rayon tells a half that migrated to another thread")
    } else if others_idle(run, threads) {
        (Verdict::Fails, "idle threads stole nothing")
    } else {
        (Verdict::NotShown, "other programs kept one of the threads from running")
    };
    let halves = run.tasks.len().saturating_sub(1);
    Check::new("some halves stolen", format!("{stolen} of {halves} halves stolen"), reason)
        .unless((threads < 2).then_some(SINGLE))
        .unless(lost(&[run]))
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

const SINGLE: &str = "a single thread, as with only one core, has none to steal from";

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
            ([10, 90], [0, 100], 10.0, 100.0, Fails, "as uneven"),
            ([10, 90], [20, 80], 10.0, 100.0, NotShown, kept),
            // The longest block is 1.1 times a fair share, and less.
            ([55, 45], [50, 50], 10.0, 100.0, Holds, counted),
            ([54, 46], [50, 50], 10.0, 100.0, NotShown, "equal times"),
            // Half as much above a fair share as the blocks, and less.
            ([6, 2], [5, 3], 10.0, 100.0, NotShown, kept),
            ([75, 25], [62, 38], 10.0, 100.0, Holds, counted),
            // As uneven as the blocks, and less.
            ([6, 2], [6, 2], 10.0, 100.0, Fails, "as uneven"),
            ([75, 25], [74, 26], 10.0, 100.0, NotShown, kept),
            // The core that it did not use was idle for more than half of the time, or just half.
            ([6, 2], [6, 2], 10.0, 51.0, Fails, "as uneven"),
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

    #[test]
    fn pool_without_theft_fails() {
        let painter = Painter::new(View::of_height(400), 400);
        let stolen = |k| by_rayon(&painter, k).unwrap().1;
        let idle = tests::run(100.0, 100.0, 100.0);
        let busy = tests::run(100.0, 100.0, 0.0);
        // The second thread of a pool may start late, but not every time.
        let halves = (0..100).map(|_| stolen(2)).find(|&halves| halves > 0).unwrap();
        assert_check(steals(2, &idle, halves), Holds, "migrated");
        // Broken: a pool with no second thread.
        assert_check(steals(2, &idle, stolen(1)), Fails, "stole nothing");
        assert_check(steals(2, &busy, stolen(1)), NotShown, "other programs");
        assert_check(steals(1, &idle, stolen(1)), NotShown, "none to steal from");
        assert_eq!(steals(2, &idle, 3).measured, "3 of 9 halves stolen");
    }

    #[test]
    fn halves_draw_every_row_once() {
        let painter = Painter::new(View::of_height(20), 13);
        let rows = by_rayon(&painter, 2).unwrap().0;
        assert!(rows.iter().map(|row| row.task.id).eq(0..13));
    }
}
