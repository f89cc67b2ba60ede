//! Amdahl's law: what cannot be shared out sets the limit. Of a job of which a quarter is serial, four
//! times the speed is the most there can be, on however many cores.
//!
//! You will see the same job on one core and on more, the speed-up that the law predicts, and the one
//! measured.
//!
//! Try it: another `SERIAL`, and work out the limit before you run it.

use std::thread::{Builder, scope};

use anyhow::{Result, ensure};
use shared::lab::{Evidence, Lab};
use shared::mandelbrot::View;
use shared::report::{Figure, Run, Scale};

use crate::judge::Speedup;
use crate::picture::timed;

pub const ABOUT: &str = "A job of which a quarter cannot be shared out, on one core and on more";

/// The part that only one thread can do.
const SERIAL: f64 = 0.25;

pub fn run(lab: &Lab) -> Result<Evidence> {
    let mut runs = vec![fastest(lab, 1, None)?];
    let alone = runs[0].wall_ms;
    let law = |threads: usize| 1.0 / (SERIAL + (1.0 - SERIAL) / threads as f64);
    let counts = [2, 4, 8, 16]
        .into_iter()
        .filter(|&threads| threads < lab.cores);
    for threads in counts.chain([lab.cores]).filter(|&threads| threads > 1) {
        runs.push(fastest(lab, threads, Some(alone / law(threads)))?);
    }

    let mut figure = Figure::new("Speed-up by threads", "times", Scale::Linear);
    let mut threads = 1;
    for run in &runs {
        threads = run.model.trim_start_matches("threads-").parse()?;
        figure = figure.point(threads, alone / run.wall_ms, law(threads));
    }
    let speedup = Speedup {
        alone: &runs[0],
        most: &runs[runs.len() - 1],
        threads,
        law: law(threads),
        limit: 1.0 / SERIAL,
    };
    let findings = vec![
        speedup
            .obeys_the_law()
            .on("G6", "A serial part limits the speed-up as Amdahl says"),
        speedup.ends().on("P11", "More cores help less and less"),
    ];
    Ok(Evidence::new(runs, findings).with(vec![figure]))
}

/// The fastest of three: whatever disturbs can only slow it down.
fn fastest(lab: &Lab, threads: usize, predicted_ms: Option<f64>) -> Result<Run> {
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(job(lab, threads, predicted_ms)?);
    }
    runs.sort_by(|a, b| b.wall_ms.total_cmp(&a.wall_ms));
    Ok(runs.remove(2))
}

/// The job: one row of the picture over and over, so that each task is as long as any other.
fn job(lab: &Lab, threads: usize, predicted_ms: Option<f64>) -> Result<Run> {
    let view = View::of_height(800);
    let expected = view.row(300);
    let row = |id| timed(id, || view.row(300) == expected);
    let serial = (lab.tasks as f64 * SERIAL) as usize;
    let run = lab.run(&format!("threads-{threads}"), predicted_ms, |_| {
        let mut tasks: Vec<_> = (0..serial).map(&row).collect(); // Nobody can help here,
        scope(|scope| {
            let mut helpers = Vec::new();
            for first in 0..threads {
                let mine = (serial + first..lab.tasks).step_by(threads); // but here they can.
                let helper = Builder::new().name(format!("Thread-{}", first + 1));
                helpers.push(helper.spawn_scoped(scope, || mine.map(&row).collect::<Vec<_>>())?);
            }
            // One that panicked leaves its tasks without an outcome.
            let helped = helpers.into_iter().flat_map(|helper| helper.join());
            tasks.extend(helped.flatten());
            Ok(tasks)
        })
    })?;
    ensure!(run.lost() == 0, "a row was drawn wrong");
    Ok(run)
}
