//! Amdahl's law: the serial part of a job limits its speed-up. A job of which a quarter is serial can
//! become at most four times as fast, on however many cores.
//! You will see the same job on one core and on more, and its speed-up, predicted and measured.
//! Try it: `tasks / 2` in `serial`. Work out the new limit before you run it.

use std::thread::{Builder, scope};

use anyhow::{Context, Result, bail};
use shared::os::clock::now_ms;
use shared::report::{Figure, Run, Scale, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};

use crate::cores::{ONE, WORTHWHILE_MS, busy, others_idle};
use crate::mandelbrot::View;

pub const LESSON: Lesson = Lesson::new(
    "amdahl",
    "A job of which a quarter is serial, on one core and on more",
    &["G6", "P11"],
    run,
    include_str!("amdahl.rs"),
)
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

    let mut threads = 1;
    let mut runs = vec![fastest(lab, 1, None)?];
    let alone_ms = runs[0].wall_ms;
    let figure = Figure::new("Speed-up by threads", "times", Scale::Linear);
    let mut figure = figure.point(1, 1.0, law(1));
    while threads < lab.cores {
        threads = (threads * 2).min(lab.cores);
        let run = fastest(lab, threads, Some(alone_ms / law(threads)))?;
        figure = figure.point(threads, alone_ms / run.wall_ms, law(threads));
        runs.push(run);
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
        speedup.levels_off().on("P11", "More cores help less and less"),
    ];
    Ok(Evidence::new(runs, findings).with(vec![figure]))
}

/// The fastest of three runs: disturbances only make a run slower.
fn fastest(lab: &Lab, threads: usize, predicted_ms: Option<f64>) -> Result<Run> {
    let mut fastest = job(lab, threads, predicted_ms)?;
    for _ in 0..2 {
        let run = job(lab, threads, predicted_ms)?;
        if run.wall_ms < fastest.wall_ms {
            fastest = run;
        }
    }
    Ok(fastest)
}

/// The job: one row of the picture again and again, so that all tasks take the same time.
fn job(lab: &Lab, threads: usize, predicted_ms: Option<f64>) -> Result<Run> {
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
    let serial = serial(lab.tasks);
    let run = lab.run(&format!("threads-{threads}"), predicted_ms, |_| {
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

/// A run on one thread had a core to itself if it used this much of it.
const UNDISTURBED: f64 = 0.9;

/// A measured speed-up this far off the law's still obeys the law.
const TOLERANCE: f64 = 0.2;

/// The speed-up of a job with a serial part.
struct Speedup<'a> {
    alone: &'a Run,
    /// The run on the most threads, and their number.
    most: &'a Run,
    threads: usize,
    /// The law's speed-up for so many threads, and its limit for any number.
    law: f64,
    limit: f64,
}

impl Speedup<'_> {
    fn measured(&self) -> f64 {
        self.alone.wall_ms / self.most.wall_ms
    }

    /// The least and the greatest speed-up that obey the law.
    fn bounds(&self) -> [f64; 2] {
        [1.0 - TOLERANCE, 1.0 + TOLERANCE].map(|part| self.law * part)
    }

    /// Why nothing follows from the runs, if nothing does.
    fn doubt(&self) -> Option<&'static str> {
        let slow = self.measured() < self.bounds()[0];
        if self.threads < 2 {
            Some("there is only one core")
        } else if self.alone.wall_ms < WORTHWHILE_MS {
            Some("too little work to divide: try a larger -n")
        } else if busy(self.alone).is_none_or(|busy| busy < UNDISTURBED)
            || (slow && !others_idle(self.most, self.threads))
        {
            Some("other programs may have kept the cores busy")
        } else {
            None
        }
    }

    /// Is it the speed-up of the law?
    fn obeys_the_law(&self) -> Check {
        let measured = self.measured();
        let off = measured / self.law - 1.0;
        let [least, greatest] = self.bounds();
        let reason = if measured > greatest {
            (Verdict::Fails, "the serial part took no time".into())
        } else if measured >= least {
            (Verdict::Holds, format!("{:+.0} % off the law's", off * 100.0))
        } else if measured <= ONE {
            (Verdict::Fails, "the parallel part gained nothing".into())
        } else {
            // Cores may share a power limit, or be two halves of one core.
            (Verdict::NotShown, "the cores are slower together than one alone".into())
        };
        Check::new(
            format!("{:.2} times as fast on {} threads", self.law, self.threads),
            format!("{measured:.2} times as fast"),
            reason,
        )
        .unless(self.doubt())
    }

    /// Is it less than it would be without a serial part?
    fn levels_off(&self) -> Check {
        let (threads, measured) = (self.threads, self.measured());
        let each = measured / threads as f64;
        let reason = match each < 0.95 && measured < self.limit {
            true => (Verdict::Holds, "each thread adds less than the one before"),
            false => (Verdict::Fails, "the last thread added as much as the first"),
        };
        Check::new(
            format!("less than {threads} times on {threads} threads, never {:.0}", self.limit),
            format!("{measured:.2} times on {threads} threads, {each:.2} for each"),
            reason,
        )
        .unless(self.doubt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::{assert_check, run};
    use Verdict::*;

    /// A job of `alone_ms` on one thread takes 100 ms on `threads`.
    fn law(alone_ms: f64, idle_ms: f64, threads: usize, law: f64) -> Check {
        let (alone, most) = (&run(alone_ms, alone_ms, 0.0), &run(100.0, 100.0, idle_ms));
        Speedup { alone, most, threads, law, limit: 4.0 }.obeys_the_law()
    }

    #[test]
    fn speedup_within_a_fifth_holds() {
        for (alone_ms, idle_ms, threads, predicted, verdict, because) in [
            // A fifth more than 1.25 times is 1.5 times, and a fifth less is 1.
            (151.0, 0.0, 2, 1.25, Fails, "the serial part took no time"),
            (150.0, 0.0, 2, 1.25, Holds, "+20 % off the law's"),
            (100.0, 0.0, 2, 1.25, Holds, "-20 % off the law's"),
            (99.0, 0.0, 2, 1.25, NotShown, "other programs"),
            (99.0, 100.0, 2, 1.25, Fails, "the parallel part gained nothing"),
            // Slower than the law, with the other core idle: not faster at all, or a bit.
            (115.0, 100.0, 2, 2.0, Fails, "the parallel part gained nothing"),
            (116.0, 100.0, 2, 2.0, NotShown, "slower together than one alone"),
            (159.0, 100.0, 2, 2.0, NotShown, "slower together than one alone"),
            (160.0, 100.0, 2, 2.0, Holds, "-20 % off the law's"),
            (100.0, 0.0, 1, 1.0, NotShown, "only one core"),
        ] {
            assert_check(law(alone_ms, idle_ms, threads, predicted), verdict, because);
        }
        let check = law(150.0, 0.0, 2, 1.25);
        assert_eq!(check.predicted, "1.25 times as fast on 2 threads");
        assert_eq!(check.measured, "1.50 times as fast");
    }

    #[test]
    fn short_or_disturbed_job_shows_nothing() {
        let check = |alone: &Run| {
            let speedup = Speedup { alone, most: alone, threads: 2, law: 1.0, limit: 4.0 };
            speedup.obeys_the_law()
        };
        assert_check(check(&run(50.0, 50.0, 0.0)), Holds, "+0 %");
        assert_check(check(&run(49.5, 49.5, 0.0)), NotShown, "too little work");
        assert_check(check(&run(100.0, 90.0, 0.0)), Holds, "+0 %");
        assert_check(check(&run(100.0, 89.0, 0.0)), NotShown, "other programs");
        assert_check(check(&run(100.0, None, None)), NotShown, "other programs");
    }

    #[test]
    fn linear_speedup_does_not_level_off() {
        let check = |alone_ms: f64, threads, limit| {
            let (alone, most) = (&run(alone_ms, alone_ms, 0.0), &run(100.0, 100.0, 400.0));
            Speedup { alone, most, threads, law: alone_ms / 100.0, limit }.levels_off()
        };
        for (alone_ms, threads, limit, verdict) in [
            // 0.95 times for each of two threads, and less.
            (190.0, 2, 4.0, Fails),
            (189.0, 2, 4.0, Holds),
            // As much as the limit, and less.
            (200.0, 4, 2.0, Fails),
            (199.0, 4, 2.0, Holds),
            (100.0, 1, 4.0, NotShown),
        ] {
            assert_check(check(alone_ms, threads, limit), verdict, "");
        }
        let check = check(200.0, 4, 3.0);
        assert_eq!(check.predicted, "less than 4 times on 4 threads, never 3");
        assert_eq!(check.measured, "2.00 times on 4 threads, 0.50 for each");
    }
}
