//! Python's interpreter lock, the GIL: a thread computes only while it holds the lock, and releases it
//! while it waits. Each process has its own lock. The real one is asked first, where a python3 is.
//! You will see it rebuilt in Rust: two threads draw a picture in turns under one lock, then both at
//! once without it. CPython hands its lock over 5 ms after another thread asks
//! (`sys.setswitchinterval`), and this one after each row.
//! Try it: `|y| { gil.hold(|| ()); painter.draw(y) }` for the first picture. The lock is released
//! before a row is drawn, so the bars overlap, and the finding on the rebuilt lock fails.

use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::report::Verdict;
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson};

use crate::gallery::{Gallery, Painter, Row};
use crate::lessons::gate::Gate;
use crate::lessons::interpreter_lock::Gil;
use crate::lessons::python;

pub const LESSON: Lesson = Lesson::new(
    "gil",
    "Python's interpreter lock: computing and waiting, in real Python and rebuilt",
    &["G1", "G2", "G3", "T10"],
    run,
    include_str!("gil.rs"),
);

fn run(lab: &Lab) -> Result<Evidence> {
    let (mut findings, python) = python::findings(lab.cores);
    let (k, mut gallery, gil) = (lab.workers.max(2), Gallery::new(lab), Gil::default());
    let locked = gallery.run("with the lock", None, |painter| {
        by_threads(painter, k, |y| gil.hold(|| painter.draw(y)))
    })?;
    let free = gallery
        .run("without the lock", None, |painter| by_threads(painter, k, |y| painter.draw(y)))?;
    let at_once = [locked.most_at_once(), free.most_at_once()];
    findings.extend([
        computing(at_once)
            .unless(lost(&[&locked, &free]))
            .on("G1", "Rebuilt: under one lock, one thread computes at a time"),
        waiting([waiting_at_once(true)?, waiting_at_once(false)?])
            .on("G2", "Rebuilt: waits overlap, because a waiting thread releases the lock"),
    ]);
    let figures = if python.points.is_empty() { Vec::new() } else { vec![python] };
    Ok(Evidence::new(vec![locked, free], findings).with(figures))
}

fn by_threads(painter: &Painter, k: usize, draw: impl Fn(usize) -> Row + Sync) -> Result<Vec<Row>> {
    let (draw, rows) = (&draw, painter.rows());
    scope(|scope| {
        let mut threads = Vec::new();
        for first in 0..k {
            let share = rows.clone().skip(first).step_by(k);
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            let thread = thread.spawn_scoped(scope, || share.map(draw).collect::<Vec<_>>());
            threads.push(thread.context("cannot start a thread")?);
        }
        Ok(threads.into_iter().flat_map(|thread| thread.join()).flatten().collect())
    })
}

/// How many of ten threads wait at the same time, with the lock held or released meanwhile.
fn waiting_at_once(held: bool) -> Result<usize> {
    // The gate opens for ten. Under the lock they never are, so each is let through after a moment.
    let patience = Duration::from_millis(if held { 20 } else { 5_000 });
    let (gil, gate) = (Gil::default(), Gate::new(10, patience));
    scope(|scope| {
        for _ in 0..10 {
            let wait = || match held {
                true => gil.hold(|| gate.pass()),
                false => {
                    gil.hold(|| {}); // Released before the wait.
                    gate.pass();
                }
            };
            Builder::new().spawn_scoped(scope, wait).context("cannot start a thread")?;
        }
        anyhow::Ok(())
    })?;
    Ok(gate.most())
}

/// Did one thread compute at a time with the lock, and several without it?
fn computing([locked, free]: [usize; 2]) -> Check {
    let reason = match (locked, free) {
        (2.., _) => (Verdict::Fails, "two threads computed at once in spite of the lock"),
        (_, 2..) => (Verdict::Holds, "a row begins and ends while its thread holds the lock"),
        _ => (Verdict::NotShown, "the threads did not even overlap without the lock"),
    };
    Check::new(
        "rows drawn at once: 1 with the lock, several without it",
        format!("rows drawn at once: {locked} with the lock, {free} without it"),
        reason,
    )
}

/// Did ten threads wait in turns with the lock held, and together with it released?
fn waiting([held, released]: [usize; 2]) -> Check {
    let reason = match (held, released) {
        (1, 10) => (Verdict::Holds, "counted at a gate that opens when all ten wait at once"),
        (1, 1) => (Verdict::Fails, "they waited in turns even with the lock released"),
        (1, _) => (Verdict::NotShown, "some threads did not start in time"),
        _ => (Verdict::Fails, "they waited together even with the lock held"),
    };
    Check::new(
        "waiting at once: 1 with the lock held, 10 with it released",
        format!("waiting at once: {held} with the lock held, {released} with it released"),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::assert_check;
    use crate::mandelbrot::View;
    use Verdict::*;
    use shared::report::Run;

    /// Rows drawn at once by two threads, under the lock or without it.
    fn drawn_at_once(locked: bool) -> usize {
        let (painter, gil) = (Painter::new(View::of_height(400), 400), Gil::default());
        let draw = |y| match locked {
            true => gil.hold(|| painter.draw(y)),
            false => painter.draw(y),
        };
        let rows = by_threads(&painter, 2, draw).unwrap();
        Run::new("", 0.0, rows.into_iter().map(|row| row.task).collect()).most_at_once()
    }

    #[test]
    fn drawing_without_the_lock_fails() {
        for (with_lock, verdict, because) in
            [(true, Holds, "holds the lock"), (false, Fails, "in spite")]
        {
            let at_once = [drawn_at_once(with_lock), drawn_at_once(false)];
            assert_check(computing(at_once), verdict, because);
        }
        assert_check(computing([1, 1]), NotShown, "did not even overlap");
    }

    #[test]
    fn waits_under_a_held_lock_fail() {
        let [held, released] = [true, false].map(|held| waiting_at_once(held).unwrap());
        for (arms, verdict, because) in [
            ([held, released], Holds, "opens when all ten"),
            ([held, held], Fails, "in turns"),
            ([released, released], Fails, "together"),
            ([1, 9], NotShown, "in time"),
        ] {
            assert_check(waiting(arms), verdict, because);
        }
    }
}
