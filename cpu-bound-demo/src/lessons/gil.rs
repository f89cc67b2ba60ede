//! Python's interpreter lock, the GIL, rebuilt: a thread computes only while it holds the lock, so
//! threads take turns. It releases the lock while it waits, so waits overlap. Each process has its
//! own lock.
//! You will see the picture drawn by threads under one lock, and by processes with a lock each; ten
//! waits, with the lock held and released; and real Python beside it, if it is installed.
//! Try it: write `drop(gil.lock());` in `draw`, so that the lock is released at once: G1 fails.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{Builder, scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::os::child::ChildMode;
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use crate::cores::Cores;
use crate::gallery::{Gallery, Painter, Row};
use crate::lessons::python;
use crate::rows::{self, Worker};

pub const LESSON: Lesson = Lesson::new(
    "gil",
    "Threads and processes under an interpreter lock, computing and waiting",
    &["G1", "G2", "G3"],
    run,
    include_str!("gil.rs"),
)
.child_modes(&[CHILD]);

/// A worker process with a lock of its own: processes share no memory, and so no lock in it.
const CHILD: ChildMode = ChildMode::new("rows-with-gil", |args| {
    let gil = Mutex::default();
    rows::write_rows(args, |painter, y| draw(&gil, painter, y))
});

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, mut gallery, gil) = (lab.workers, Gallery::new(lab), Mutex::default());
    let sequential = gallery.run("sequential", None, |painter| {
        Ok(painter.rows().map(|y| draw(&gil, painter, y)).collect())
    })?;
    let threads =
        gallery.run("threads", sequential.wall_ms, |painter| by_threads(&gil, painter, k))?;
    let divided_ms = sequential.wall_ms / k.min(lab.cores) as f64;
    let processes = gallery.run("processes", divided_ms, |painter| by_processes(painter, k))?;

    let cores = Cores::new(&sequential, lab.cores);
    let single = (k < 2 && lab.cores > 1).then_some("a single thread never waits for the lock");
    let findings = vec![
        cores
            .one_busy(&threads)
            .unless(single)
            .on("G1", "Under one lock, one thread computes at a time"),
        check_waits(waiting_at_once(true)?, waiting_at_once(false)?)
            .on("G2", "Waits overlap, because a waiting thread releases the lock"),
        cores.k_busy(k, &processes).on("G3", "Each process has its own lock"),
        python::finding(lab.cores),
    ];
    Ok(Evidence::new(vec![sequential, threads, processes], findings))
}

/// New: a row is drawn under the lock.
fn draw(gil: &Mutex<()>, painter: &Painter, y: usize) -> Row {
    let _held = gil.lock();
    painter.draw(y)
}

fn by_threads(gil: &Mutex<()>, painter: &Painter, k: usize) -> Result<Vec<Row>> {
    let draw_share = |first| -> Vec<Row> {
        painter.rows().skip(first).step_by(k).map(|y| draw(gil, painter, y)).collect()
    };
    scope(|scope| {
        let mut threads = Vec::new();
        for first in 0..k {
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            let thread = thread.spawn_scoped(scope, move || draw_share(first));
            threads.push(thread.context("cannot start a thread")?);
        }
        Ok(threads.into_iter().flat_map(|thread| thread.join()).flatten().collect())
    })
}

fn by_processes(painter: &Painter, k: usize) -> Result<Vec<Row>> {
    let mut workers = Vec::new();
    for first in 0..k {
        let mut command = CHILD.command(&[])?;
        command.args([painter.height(), first, k].map(|number| number.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let share = painter.rows().skip(first).step_by(k);
        workers.push(Worker::spawn(command, painter, share)?);
    }
    Ok(workers.into_iter().flat_map(Worker::rows).collect())
}

/// How many of ten threads wait at the same time, with the lock held or released meanwhile.
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

/// Did ten threads wait in turns with the lock held, and together with it released?
fn check_waits(held: usize, released: usize) -> Check {
    let reason = match (held, released) {
        (1, 2..) => (Verdict::Holds, "counted by the threads themselves"),
        (1, _) => (Verdict::Fails, "they waited in turns even with the lock released"),
        _ => (Verdict::Fails, "they waited together even with the lock held"),
    };
    Check::new(
        "waiting at once: 1 with the lock held, up to 10 with it released",
        format!("waiting at once: {held} with the lock held, {released} with it released"),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::assert_check;
    use Verdict::*;

    #[test]
    fn only_a_released_lock_overlaps() {
        for (held, released, verdict, because) in [
            (1, 10, Holds, "counted by the threads"),
            (1, 2, Holds, "counted by the threads"),
            (1, 1, Fails, "in turns"),
            (2, 2, Fails, "together"),
            (10, 10, Fails, "together"),
        ] {
            assert_check(check_waits(held, released), verdict, because);
        }
    }
}
