//! A task that computes keeps its thread until it awaits. So on one thread async computes with one
//! core; on a thread for each core it computes with all, but nothing else runs meanwhile. Blocking
//! threads leave the runtime alone, but there is one for each piece of work. Rayon has k.
//! You will see a picture drawn in four ways beside a heart, a task that beats every 5 ms: how often it
//! beat meanwhile, and how many threads the OS counted in addition.
//! Try it: `tokio::task::yield_now().await;` as the first line of the loop in `piece_async`, in
//! `ways_to_compute.rs`. The tasks yield after each row, so the heart beats, and A6 and G9 fail.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::os::{clock::now_ms, threads, usage::os_threads};
use shared::report::{Figure, Run, Scale, Verdict};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson};

use crate::cores::{Cores, WORTHWHILE_MS};
use crate::gallery::Gallery;
use crate::lessons::ways_to_compute::{Way, draw};

pub const LESSON: Lesson = Lesson::new(
    "compute-in-async",
    "Computing beside async: in tasks, in blocking threads and in rayon",
    &["G4", "A6", "G9"],
    run,
    include_str!("compute_in_async.rs"),
)
.tasks(1200);

/// One way to compute: its run, and how often the heart beat meanwhile.
struct Measured {
    run: Run,
    beats: usize,
}

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, mut gallery) = (lab.workers, Gallery::new(lab));
    threads::check(k).context("cannot start a thread for each worker")?; // tokio would panic.
    let alone = os_threads();
    let mut measure = |model, way| {
        // Threads of the way before may still be ending.
        let give_up_ms = now_ms() + 1000.0;
        while os_threads() > alone && now_ms() < give_up_ms {
            sleep(Duration::from_millis(1));
        }
        let mut beats = 0;
        let run = gallery.run(model, None, |painter| {
            let (rows, meanwhile) = draw(way, painter, k, || lab.count_threads())?;
            beats = meanwhile;
            Ok(rows)
        })?;
        anyhow::Ok(Measured { run, beats })
    };
    let ways = [
        measure("tasks on one thread", Way::OneThread)?,
        measure("tasks on many threads", Way::ManyThreads)?,
        measure("spawn_blocking", Way::Blocking)?,
        measure("rayon", Way::Rayon)?,
    ];
    let cores = Cores::new(&ways[0].run, lab.cores).k_busy(k, &ways[1].run);
    let findings = vec![
        cores.on("G4", "Tasks compute on as many cores as their runtime has threads"),
        hearts(&ways).on("A6", "Tasks that compute stop a runtime, on one thread or many"),
        choice(k, &ways).on("G9", "Beside async, computing belongs in rayon"),
    ];
    let mut figure = Figure::new("Beats of the heart meanwhile", "beats", Scale::Linear);
    for Measured { run, beats } in &ways {
        figure = figure.point(&run.model, *beats as f64, None);
    }
    let runs = ways.map(|way| way.run).into();
    Ok(Evidence::new(runs, findings).with(vec![figure]))
}

#[derive(Clone, Copy, PartialEq)]
enum Heart {
    Stops,
    Beats,
    Unclear,
}

impl Measured {
    fn heart(&self) -> Heart {
        match self.beats {
            // One or two before all threads had begun.
            ..=2 => Heart::Stops,
            5.. => Heart::Beats,
            _ => Heart::Unclear,
        }
    }

    /// Threads that the OS counted in addition.
    fn more_threads(&self) -> Option<usize> {
        let counts = self.run.threads.during.zip(self.run.threads.before);
        counts.map(|(during, before)| during.saturating_sub(before))
    }
}

/// Did the heart stop beside computing tasks, and beat beside rayon?
fn hearts(ways: &[Measured; 4]) -> Check {
    let [one, many, _, rayon] = ways.each_ref().map(Measured::heart);
    let reason = if rayon != Heart::Beats {
        (Verdict::NotShown, "the heart did not even beat beside rayon")
    } else if one == Heart::Beats || many == Heart::Beats {
        (Verdict::Fails, "the heart went on beside computing tasks")
    } else if one == Heart::Unclear || many == Heart::Unclear {
        (Verdict::NotShown, UNCLEAR)
    } else {
        (Verdict::Holds, "a thread that computes polls no other task")
    };
    let [one, many, _, rayon] = ways.each_ref().map(|way| way.beats);
    Check::new(
        "at most 2 beats beside tasks, 5 or more beside rayon",
        format!("beats: {one} beside tasks on one thread, {many} on many, {rayon} beside rayon"),
        reason,
    )
    .unless(doubt(ways))
}

/// Does only rayon compute on `k` threads, let the heart beat, and add no more threads than that?
fn choice(k: usize, ways: &[Measured; 4]) -> Check {
    let names = ["one thread", "many", "spawn_blocking", "rayon"];
    let hearts = [Heart::Stops, Heart::Stops, Heart::Beats, Heart::Beats];
    let threads: [&dyn Fn(usize) -> bool; 4] =
        [&|more| more == 0, &|more| more == k, &|more| more > k, &|more| more == k];
    let mut as_claimed = true;
    let mut cells = Vec::new();
    for (place, way) in ways.iter().enumerate() {
        as_claimed &= way.heart() == hearts[place] && way.more_threads().is_none_or(threads[place]);
        let more = way.more_threads().map_or("unknown".into(), |more| more.to_string());
        cells.push(format!("{}: {} beats, {more} more threads", names[place], way.beats));
    }
    let reason = match as_claimed {
        true => {
            (Verdict::Holds, "rayon keeps the heart beating, with no more threads than workers")
        }
        false => (Verdict::Fails, "a way to compute behaved otherwise"),
    };
    let unclear = ways.iter().any(|way| way.heart() == Heart::Unclear);
    let unknown = ways.iter().any(|way| way.more_threads().is_none());
    let reused = ways[2].more_threads().is_some_and(|more| more <= k);
    Check::new(
        format!(
            "one thread: at most 2 beats, 0 more threads; many: 2, {k}; spawn_blocking: 5 or \
            more, more than {k}; rayon: 5 or more, {k}"
        ),
        cells.join("; "),
        reason,
    )
    .unless(reused.then_some("blocking threads were free again before the next piece began"))
    .unless(unclear.then_some(UNCLEAR))
    .unless((k < 2).then_some("a single worker uses one core in any way"))
    .unless(unknown.then_some("this operating system does not report our thread count"))
    .unless(doubt(ways))
}

/// Windows' timers fire every 15.6 ms, so there five beats take 78 ms.
const ENOUGH_MS: f64 = if cfg!(windows) { 100.0 } else { WORTHWHILE_MS };

const UNCLEAR: &str = "too few beats to tell: try a larger -n";

fn doubt(ways: &[Measured; 4]) -> Option<String> {
    let short = ways.iter().any(|way| way.run.wall_ms < ENOUGH_MS);
    let short = short.then(|| "too little work to tell: try a larger -n".to_string());
    lost(&ways.each_ref().map(|way| &way.run)).or(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::assert_check;
    use crate::gallery::Painter;
    use crate::mandelbrot::View;
    use Verdict::*;
    use shared::report::ThreadCount;

    fn measured(beats: usize, more: impl Into<Option<usize>>) -> Measured {
        let during = more.into().map(|more| more + 1);
        let threads = ThreadCount { before: Some(1), during, at_ms: 0.0 };
        Measured { run: Run { threads, ..crate::cores::tests::run(100.0, None, None) }, beats }
    }

    #[test]
    fn heart_beside_computing_tasks_fails() {
        let painter = Painter::new(View::of_height(800), 800);
        let [one, many, blocking, rayon] =
            [Way::OneThread, Way::ManyThreads, Way::Blocking, Way::Rayon]
                .map(|way| draw(way, &painter, 2, || {}).unwrap().1);
        for (beats, verdict, because) in [
            ([one, many, rayon], Holds, "polls no other task"),
            // Computing that leaves the runtime's threads alone.
            ([rayon, many, rayon], Fails, "went on"),
            ([one, blocking, rayon], Fails, "went on"),
            ([one, many, one], NotShown, "not even beat"),
            ([3, many, rayon], NotShown, "too few beats"),
        ] {
            let [one, many, rayon] = beats.map(|beats| measured(beats, 0));
            assert_check(hearts(&[one, many, measured(9, 0), rayon]), verdict, because);
        }
    }

    #[test]
    fn every_way_draws_every_row() {
        let painter = Painter::new(View::of_height(100), 100);
        for way in [Way::OneThread, Way::ManyThreads, Way::Blocking, Way::Rayon] {
            let rows = draw(way, &painter, 2, || {}).unwrap().0;
            let mut ids: Vec<_> = rows.iter().map(|row| row.task.id).collect();
            ids.sort_unstable();
            assert!(ids.into_iter().eq(0..100));
        }
    }

    #[test]
    fn choice_needs_all_four_ways() {
        let usual = || [measured(0, 0), measured(2, 2), measured(9, 16), measured(5, 2)];
        let with = |place: usize, way| {
            let mut ways = usual();
            ways[place] = way;
            choice(2, &ways)
        };
        assert_check(choice(2, &usual()), Holds, "no more threads");
        assert_check(choice(1, &usual()), NotShown, "single worker");
        for (place, beats, more) in [
            // Another heart, or another number of threads.
            (0, 5, 0),
            (0, 0, 1),
            (1, 5, 2),
            (1, 0, 3),
            (2, 2, 16),
            (3, 2, 2),
            (3, 5, 3),
        ] {
            assert_check(with(place, measured(beats, more)), Fails, "otherwise");
        }
        assert_check(with(2, measured(9, 2)), NotShown, "free again");
        assert_check(with(3, measured(4, 2)), NotShown, "too few beats");
        assert_check(with(3, measured(9, None)), NotShown, "thread count");
        let mut short = measured(9, 2);
        short.run.wall_ms = 49.0;
        assert_check(with(3, short), NotShown, "too little work");
    }
}
