//! Amdahl's law: the serial part of a job limits its speed-up. A job of which a quarter is serial can
//! become at most four times as fast, on however many cores.
//! You will see the same job in one thread and in more, with its speed-up, predicted and measured, and
//! what the law says on to 64 threads; then how much of each thread that is; and the same work without
//! a serial part, which is this machine's own efficiency.
//! Try it: `tasks / 2` in `serial`. Half of the job is serial, so the limit is 2; on two cores it is
//! 1.33 times as fast.

use std::thread::{Builder, scope};

use anyhow::{Context, Result, bail};
use shared::os::clock::now_ms;
use shared::report::Run;
use shared::{Evidence, Lab, Lesson, Task};

use crate::lessons::speedup::Speedup;
use crate::mandelbrot::View;

const ABOUT: &str = "A job of which a quarter is serial, on one core and on more";
pub const LESSON: Lesson =
    Lesson::new("amdahl", ABOUT, &["G6", "P11"], run, include_str!("amdahl.rs"))
        .uses(&["tasks", "trace"])
        .tasks(200);

/// How many of the tasks only one thread can do.
fn serial(tasks: usize) -> usize {
    tasks / 4
}

fn run(lab: &Lab) -> Result<Evidence> {
    // Tasks take the same time. So the law counts them: the serial ones, then rounds of `threads`.
    let serial = serial(lab.tasks);
    let rounds = |threads| serial + (lab.tasks - serial).div_ceil(threads);
    let law = |threads| lab.tasks as f64 / rounds(threads) as f64;

    let mut points = vec![(1, fastest(lab, 1, serial)?)];
    while points[points.len() - 1].0 < lab.cores {
        let threads = (points[points.len() - 1].0 * 2).min(lab.cores);
        points.push((threads, fastest(lab, threads, serial)?));
    }
    let threads = points[points.len() - 1].0;
    let divided = fastest(lab, threads, 0)?;

    let speedup = Speedup { points: &points, divided: &divided, law: law(threads) };
    let limit = lab.tasks as f64 / serial as f64;
    let figures = vec![speedup.curve(law, limit), speedup.efficiency(law)];
    let findings = vec![
        speedup.obeys_the_law().on("G6", "Amdahl's law"),
        speedup.is_limited().on("P11", "A serial part makes further cores help less"),
        speedup.levels_off().on("P11", "Each further core helps less than the one before"),
    ];
    let runs = points.into_iter().map(|point| point.1).chain([divided]).collect();
    Ok(Evidence::new(runs, findings).with(figures))
}

/// The fastest of three runs: disturbances only make a run slower.
fn fastest(lab: &Lab, threads: usize, serial: usize) -> Result<Run> {
    let mut runs = (0..3).map(|_| job(lab, threads, serial)).collect::<Result<Vec<_>>>()?;
    runs.sort_by(|a, b| a.wall_ms.total_cmp(&b.wall_ms));
    Ok(runs.swap_remove(0))
}

/// The job: one row of the picture again and again, so that all tasks take the same time.
fn job(lab: &Lab, threads: usize, serial: usize) -> Result<Run> {
    let view = View::of_height(800);
    let expected = view.row(300);
    let draw = |id| {
        Task::catch_panic(id, || {
            let start_ms = now_ms();
            match view.row(300) == expected {
                true => Task::done(id, start_ms),
                false => Task::failed(id, "the row came out wrong"),
            }
        })
    };
    let name = if serial == 0 { ", nothing serial" } else { "" };
    let run = lab.run(&format!("threads-{threads}{name}"), None, |_| {
        let mut tasks: Vec<_> = (0..serial).map(draw).collect(); // The serial part, on this thread.
        scope(|scope| {
            let mut started = Vec::new();
            for first in 0..threads {
                let share = (serial + first..lab.tasks).step_by(threads); // The parallel part.
                let thread = Builder::new().name(format!("Thread-{}", first + 1));
                let thread = thread.spawn_scoped(scope, || share.map(draw).collect::<Vec<_>>());
                started.push(thread.context("cannot start a thread")?);
            }
            tasks.extend(started.into_iter().flat_map(|thread| thread.join()).flatten());
            Ok(tasks)
        })
    })?;
    if let Some(why) = run.tasks.iter().find_map(|task| task.error.as_ref()) {
        bail!("a row was not drawn: {why}");
    }
    Ok(run)
}
