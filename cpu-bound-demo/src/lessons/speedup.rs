//! The figures and the verdicts of the lesson `amdahl`.

use shared::report::{Figure, Run, Scale, Verdict, count};
use shared::verdict::Check;

use crate::cores::{ONE, WORTHWHILE_MS, busy, others_idle};

/// A run on one thread had a core to itself if it used this much of it.
const UNDISTURBED: f64 = 0.9;

/// The law is computed for up to so many threads.
const MOST_THREADS: usize = 64;

const DISTURBED: &str = "other programs may have kept the cores busy";

/// A measured speed-up this far off the law's still obeys the law.
const TOLERANCE: f64 = 0.2;

/// The speed-up of a job with a serial part.
pub struct Speedup<'a> {
    /// Numbers of threads, from 1 up, and the run of each.
    pub points: &'a [(usize, Run)],
    /// The run on the most threads without a serial part.
    pub divided: &'a Run,
    /// The law's speed-up for the most threads.
    pub law: f64,
}

impl Speedup<'_> {
    fn alone(&self) -> &Run {
        &self.points[0].1
    }

    /// The most threads, and their run.
    fn most(&self) -> (usize, &Run) {
        let (threads, run) = &self.points[self.points.len() - 1];
        (*threads, run)
    }

    fn of(&self, run: &Run) -> f64 {
        self.alone().wall_ms / run.wall_ms
    }

    fn measured(&self) -> f64 {
        self.of(self.most().1)
    }

    /// The measured speed-ups beside the `law`, which goes on where this machine has no more cores.
    pub fn curve(&self, law: impl Fn(usize) -> f64, limit: f64) -> Figure {
        let figure = Figure::new("Speed-up by threads", "times", Scale::Linear).limit(limit);
        let measured = self.points.iter().fold(figure, |figure, (threads, run)| {
            figure.point(threads, self.of(run), law(*threads))
        });
        let doubled = (0..).map(|power| 1 << power).take_while(|&threads| threads <= MOST_THREADS);
        let further = doubled.filter(|&threads| threads > self.most().0);
        further.fold(measured, |figure, threads| figure.point(threads, None, law(threads)))
    }

    /// The speed-up that each thread adds, in percent: of the job, and of the same work without a serial
    /// part, where only the machine limits it.
    pub fn efficiency(&self, law: impl Fn(usize) -> f64) -> Figure {
        let percent = |speedup: f64, threads: usize| 100.0 * speedup / threads as f64;
        let figure = Figure::new("Efficiency: speed-up by number of threads", "%", Scale::Linear);
        let job = self.points.iter().fold(figure, |figure, (threads, run)| {
            let predicted = percent(law(*threads), *threads);
            figure.point(count(*threads, "thread"), percent(self.of(run), *threads), predicted)
        });
        let threads = self.most().0;
        let label = format!("{}, nothing serial", count(threads, "thread"));
        job.point(label, percent(self.of(self.divided), threads), 100.0)
    }

    /// The least and the greatest speed-up that obey the law.
    fn bounds(&self) -> [f64; 2] {
        [1.0 - TOLERANCE, 1.0 + TOLERANCE].map(|part| self.law * part)
    }

    /// Why nothing follows from the runs, if nothing does.
    fn doubt(&self) -> Option<&'static str> {
        let (threads, most) = self.most();
        let slow = self.measured() < self.bounds()[0];
        if threads < 2 {
            Some("there is only one core")
        } else if self.alone().wall_ms < WORTHWHILE_MS {
            Some("too little work to divide: try a larger -n")
        } else if busy(self.alone()).is_none_or(|busy| busy < UNDISTURBED)
            || (slow && !others_idle(most, threads))
        {
            Some(DISTURBED)
        } else {
            None
        }
    }

    /// Is it the speed-up of the law?
    pub fn obeys_the_law(&self) -> Check {
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
            format!("{:.2} times as fast on {}", self.law, count(self.most().0, "thread")),
            format!("{measured:.2} times as fast"),
            reason,
        )
        .unless(self.doubt())
    }

    /// Is it less than it is without a serial part?
    pub fn is_limited(&self) -> Check {
        let (threads, measured) = (self.most().0, self.measured());
        let divided = self.of(self.divided);
        let used = busy(self.divided).is_some_and(|busy| busy >= UNDISTURBED * threads as f64);
        let reason = if measured < 0.9 * divided {
            (Verdict::Holds, "the same work on the same threads, with a serial part and without")
        } else if used {
            (Verdict::Fails, "the serial part cost nothing")
        } else {
            (Verdict::NotShown, DISTURBED)
        };
        Check::new(
            format!(
                "on {}: {:.2} times as fast, {threads} without it",
                count(threads, "thread"),
                self.law
            ),
            format!("{measured:.2} times as fast, {divided:.2} without it"),
            reason,
        )
        .unless(self.doubt())
    }

    /// Does a thread of the last step add less than one of the first step?
    pub fn levels_off(&self) -> Check {
        let gains: Vec<f64> = self
            .points
            .windows(2)
            .map(|step| {
                let [(few, before), (many, after)] = step else { return 0.0 };
                (self.of(after) - self.of(before)) / (many - few) as f64
            })
            .collect();
        let [first, .., last] = gains[..] else {
            let why = "two points show no trend: it takes at least three cores";
            let single = (self.points.len() < 2).then_some("there is only one core");
            return Check::new(
                "less with each step",
                count(gains.len(), "step"),
                (Verdict::NotShown, why),
            )
            .unless(single);
        };
        let reason = match last < 0.95 * first {
            true => (Verdict::Holds, "a thread of the last step added less than one of the first"),
            false => {
                (Verdict::Fails, "a thread of the last step added as much as one of the first")
            }
        };
        let gains: Vec<String> = gains.iter().map(|gain| format!("{gain:.2}")).collect();
        let measured = format!("each further thread adds {} times", gains.join(", then "));
        Check::new("less with each step", measured, reason).unless(self.doubt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::{assert_check, run};
    use Verdict::*;

    /// A job of `alone_ms` on one thread takes 100 ms on `threads`.
    fn law(alone_ms: f64, idle_ms: f64, threads: usize, law: f64) -> Check {
        let points = [(1, run(alone_ms, alone_ms, 0.0)), (threads, run(100.0, 100.0, idle_ms))];
        Speedup { points: &points, divided: &points[1].1, law }.obeys_the_law()
    }

    #[test]
    fn law_goes_on_beyond_the_cores() {
        let points = [(1, 400.0), (2, 250.0), (3, 200.0)];
        let points = points.map(|(threads, ms)| (threads, run(ms, ms, 0.0)));
        let divided = run(160.0, 400.0, 0.0);
        let speedup = Speedup { points: &points, divided: &divided, law: 2.0 };
        let law = |threads: usize| 1.0 / (0.25 + 0.75 / threads as f64);
        let cells = |figure: Figure| {
            let cell = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
            let points = figure.points.into_iter();
            let cells = points.map(|point| {
                format!("{} {} {}", point.label, cell(point.measured), cell(point.predicted))
            });
            cells.collect::<Vec<_>>()
        };
        let curve = speedup.curve(law, 4.0);
        assert_eq!(curve.limit, Some(4.0));
        assert_eq!(speedup.curve(law, f64::INFINITY).limit, None);
        assert_eq!(
            cells(curve),
            [
                "1 1.00 1.00",
                "2 1.60 1.60",
                "3 2.00 2.00",
                "4 - 2.29",
                "8 - 2.91",
                "16 - 3.37",
                "32 - 3.66",
                "64 - 3.82"
            ]
        );
        assert_eq!(
            cells(speedup.efficiency(law)),
            [
                "1 thread 100.00 100.00",
                "2 threads 80.00 80.00",
                "3 threads 66.67 66.67",
                "3 threads, nothing serial 83.33 100.00"
            ]
        );
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
            let points = [(1, alone.clone()), (2, alone.clone())];
            Speedup { points: &points, divided: alone, law: 1.0 }.obeys_the_law()
        };
        assert_check(check(&run(50.0, 50.0, 0.0)), Holds, "+0 %");
        assert_check(check(&run(49.5, 49.5, 0.0)), NotShown, "too little work");
        assert_check(check(&run(100.0, 90.0, 0.0)), Holds, "+0 %");
        assert_check(check(&run(100.0, 89.0, 0.0)), NotShown, "other programs");
        assert_check(check(&run(100.0, None, None)), NotShown, "other programs");
    }

    #[test]
    fn job_without_a_serial_part_fails() {
        for (most_ms, divided, verdict, because) in [
            (125.0, run(100.0, 200.0, 0.0), Holds, "with a serial part and without"),
            (112.0, run(100.0, 200.0, 0.0), Holds, "with a serial part and without"),
            // The serial part left out: both runs are the same.
            (100.0, run(100.0, 200.0, 0.0), Fails, "cost nothing"),
            // It shared a core, although another was idle.
            (100.0, run(100.0, 110.0, 60.0), NotShown, "other programs"),
            (100.0, run(100.0, 150.0, 0.0), NotShown, "other programs"),
        ] {
            let points = [(1, run(200.0, 200.0, 200.0)), (2, run(most_ms, 200.0, 100.0))];
            let law = 200.0 / most_ms;
            assert_check(
                Speedup { points: &points, divided: &divided, law }.is_limited(),
                verdict,
                because,
            );
        }
    }

    #[test]
    fn linear_speedup_does_not_level_off() {
        let check = |walls: &[(usize, f64)]| {
            let point = |&(threads, wall_ms)| (threads, run(wall_ms, wall_ms, 10_000.0));
            let points: Vec<_> = walls.iter().map(point).collect();
            let (threads, most) = &points[points.len() - 1];
            let law = if *threads > 1 { 400.0 / most.wall_ms } else { 1.0 };
            Speedup { points: &points, divided: most, law }.levels_off()
        };
        assert_check(check(&[(1, 400.0), (2, 200.0), (4, 100.0)]), Fails, "as much");
        assert_check(check(&[(1, 400.0), (2, 250.0)]), NotShown, "two points");
        assert_check(check(&[(1, 400.0)]), NotShown, "only one core");
        let bent = check(&[(1, 400.0), (2, 250.0), (4, 175.0)]);
        assert_eq!(bent.measured, "each further thread adds 0.60, then 0.34 times");
        assert_check(bent, Holds, "less than one of the first");
        // 1.5 times, then 2 times.
        assert_check(check(&[(1, 300.0), (2, 200.0), (3, 150.0)]), Fails, "as much");
    }
}
