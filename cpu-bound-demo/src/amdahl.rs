//! Amdahl's law: what cannot be shared out sets the limit. Of a job of which a quarter is serial, four
//! times the speed is the most there can be, on however many cores.
//! You will see the same job on one core and on more, and the speed-up, predicted and measured.
//! Try it: another part in `serial`, and work out the limit before you run it.

use std::thread::{Builder, scope};

use anyhow::{Result, bail};
use shared::lab::{Evidence, Lab};
use shared::mandelbrot::View;
use shared::report::{Figure, Run, Scale};

use crate::judge::Speedup;
use crate::picture::timed;

pub const ABOUT: &str = "A job of which a quarter cannot be shared out, on one core and on more";

/// How many of the tasks only one thread can do.
fn serial(tasks: usize) -> usize {
    tasks / 4
}

pub fn run(lab: &Lab) -> Result<Evidence> {
    let mut runs = vec![fastest(lab, 1, None)?];
    let alone = runs[0].wall_ms;
    // Counted in tasks, all of one length: those of the serial part, and then rounds of `threads`.
    let serial = serial(lab.tasks);
    let rounds = |threads| serial + (lab.tasks - serial).div_ceil(threads);
    let law = |threads| lab.tasks as f64 / rounds(threads) as f64;
    // One, two, four and so on, and at last all of them.
    let counts = (1..lab.cores).filter(|threads| threads.is_power_of_two() && *threads > 1);
    for threads in counts.chain((lab.cores > 1).then_some(lab.cores)) {
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
        limit: lab.tasks as f64 / serial.max(1) as f64,
    };
    let findings = vec![
        speedup.obeys_the_law().on("G6", "Amdahl's law"),
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
    let serial = serial(lab.tasks);
    let run = lab.run(&format!("threads-{threads}"), predicted_ms, |_| {
        let mut tasks: Vec<_> = (0..serial).map(&row).collect(); // Nobody can help here,
        scope(|scope| {
            let mut helpers = Vec::new();
            for first in 0..threads {
                let mine = (serial + first..lab.tasks).step_by(threads); // but here they can.
                let helper = Builder::new().name(format!("Thread-{}", first + 1));
                helpers.push(helper.spawn_scoped(scope, || mine.map(&row).collect::<Vec<_>>())?);
            }
            let helped = helpers.into_iter().flat_map(|helper| helper.join());
            tasks.extend(helped.flatten());
            Ok(tasks)
        })
    })?;
    if let Some(why) = run.tasks.iter().find_map(|task| task.error.as_ref()) {
        bail!("a row was not drawn: {why}");
    }
    Ok(run)
}
