//! Verdicts on the cores that a run kept busy: CPU time by wall time, as the OS counts them. Where the
//! OS does not count CPU time, a speed-up shows that a run used several cores, but its absence shows
//! nothing.

use shared::report::{Run, Task, Verdict};
use shared::verdict::{Check, lost};

use crate::gallery::DIFFERS;

/// Work that takes less than this, in milliseconds, is not worth dividing.
pub const WORTHWHILE_MS: f64 = 50.0;

/// At most this many cores count as one, because the OS's clocks are read at different moments.
pub const ONE: f64 = 1.15;

/// Judges runs by the same work on one thread.
pub struct Cores<'a> {
    sequential: &'a Run,
    /// Cores that this process may use.
    cores: usize,
}

impl Cores<'_> {
    pub fn new(sequential: &Run, cores: usize) -> Cores<'_> {
        Cores { sequential, cores }
    }

    /// Did `run` use a single core, although there are more?
    pub fn one_busy(&self, run: &Run) -> Check {
        self.check("1 core busy".into(), run, one_core(run, self.cores)).unless(self.doubt(run))
    }

    /// Did `run` keep `k` cores busy, or all if there are fewer?
    pub fn k_busy(&self, k: usize, run: &Run) -> Check {
        let expected = k.min(self.cores).min(run.tasks.len());
        let single = (expected < 2).then_some("a single worker or task uses one core");
        let plural = if expected == 1 { "" } else { "s" };
        let reason = several_cores(run, self.busy(run), expected);
        self.check(format!("{expected} core{plural} busy"), run, reason)
            .unless(single)
            .unless(run.reduced_concurrency.then_some("the OS allowed fewer workers"))
            .unless(self.doubt(run))
    }

    /// Did `run` draw the same rows? A row that differs counts as failed.
    pub fn same_rows(&self, run: &Run) -> Check {
        let n = self.sequential.done;
        let differs = |task: &&Task| task.error.as_deref() == Some(DIFFERS);
        let other_losses = run.lost() > run.tasks.iter().filter(differs).count();
        Check::exactly(
            format!("{n} of {n} rows identical"),
            format!("{} of {n} rows identical", run.done),
            "compared with the sequential run, pixel by pixel",
        )
        .unless(lost(&[run]).filter(|_| other_losses))
        .unless(lost(&[self.sequential]))
    }

    /// Why nothing follows from `run`, if nothing does.
    fn doubt(&self, run: &Run) -> Option<String> {
        if let Some(lost) = lost(&[self.sequential, run]) {
            Some(lost)
        } else if self.cores < 2 {
            Some("there is only one core".into())
        } else if self.sequential.wall_ms < WORTHWHILE_MS {
            Some("too little work to divide: try a larger -n".into())
        } else {
            None
        }
    }

    /// Cores that `run` kept busy on average, by its speed-up if the OS does not tell.
    fn busy(&self, run: &Run) -> f64 {
        busy(run).unwrap_or(self.sequential.wall_ms / run.wall_ms)
    }

    fn check(&self, predicted: String, run: &Run, reason: (Verdict, &str)) -> Check {
        let faster = self.sequential.wall_ms / run.wall_ms;
        let measured = format!("{:.2} cores busy, {faster:.2} times as fast", self.busy(run));
        Check::new(predicted, measured, reason)
    }
}

/// Did `run` use a single one of `cores`?
pub fn one_core(run: &Run, cores: usize) -> (Verdict, &'static str) {
    match busy(run) {
        None => (Verdict::NotShown, "this operating system does not report our CPU time"),
        // A run that gets no more than one core does not show that it needs no more.
        Some(..=ONE) if run.idle_ms.is_some() && !others_idle(run, cores) => {
            (Verdict::NotShown, "other programs kept the other cores busy")
        }
        // Where the OS does not report idle cores, a core of its own shows that they were not all taken.
        Some(..0.9) if run.idle_ms.is_none() => {
            (Verdict::NotShown, "other programs may have kept the cores busy")
        }
        Some(..=ONE) => (Verdict::Holds, "it used one of several cores"),
        Some(..1.5) => (Verdict::NotShown, "it used a little more than one core"),
        Some(_) => (Verdict::Fails, "it used more than one core"),
    }
}

/// Did `run`, which kept so many cores `busy`, use the `expected` ones?
pub fn several_cores(run: &Run, busy: f64, expected: usize) -> (Verdict, &'static str) {
    if busy > 1.0 + 0.5 * (expected as f64 - 1.0) {
        (Verdict::Holds, "tasks that take turns cannot keep more than one core busy")
    } else if busy > ONE {
        (Verdict::NotShown, "it used more than one core, but fewer than predicted")
    } else if others_idle(run, expected) {
        (Verdict::Fails, "it used one core while others were idle")
    } else {
        (Verdict::NotShown, "other programs may have kept the cores busy")
    }
}

/// Cores that `run` kept busy on average. `None` if the OS does not tell.
pub fn busy(run: &Run) -> Option<f64> {
    Some(run.cpu_ms? / run.wall_ms)
}

/// Whether more than half of the `expected` cores that `run` did not use were idle, and so not taken
/// by other programs.
pub fn others_idle(run: &Run, expected: usize) -> bool {
    let unused = expected as f64 - busy(run).unwrap_or(0.0);
    let idle = run.idle_ms.map(|idle_ms| idle_ms / run.wall_ms);
    idle.is_some_and(|idle| idle > 0.5 * unused)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::sample;

    /// A run of ten tasks; `idle_ms` is what all cores had to spare.
    pub fn run(
        wall_ms: f64,
        cpu_ms: impl Into<Option<f64>>,
        idle_ms: impl Into<Option<f64>>,
    ) -> Run {
        let (cpu_ms, idle_ms) = (cpu_ms.into(), idle_ms.into());
        Run { wall_ms, cpu_ms, idle_ms, ..sample::seen(10, 10) }
    }

    #[track_caller]
    pub fn assert_check(check: Check, verdict: Verdict, because: &str) {
        assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
    }

    #[test]
    fn several_busy_cores_hold() {
        let sequential = run(100.0, 100.0, 100.0);
        for (cpu_ms, idle_ms, k, verdict, because) in [
            (200.0, 0.0, 2, Holds, "take turns"),
            // Half of the one or three cores to be gained, and a bit more.
            (151.0, 0.0, 2, Holds, "take turns"),
            (150.0, 0.0, 2, NotShown, "fewer than predicted"),
            (251.0, 0.0, 4, Holds, "take turns"),
            (250.0, 0.0, 4, NotShown, "fewer than predicted"),
            // One core, and a bit more.
            (116.0, 400.0, 2, NotShown, "fewer than predicted"),
            (115.0, 400.0, 2, Fails, "others were idle"),
            // Of the three cores that it did not use, more than half were idle, or just half.
            (100.0, 151.0, 4, Fails, "others were idle"),
            (100.0, 150.0, 4, NotShown, "other programs"),
            (100.0, 300.0, 1, NotShown, "a single worker"),
        ] {
            let run = run(100.0, cpu_ms, idle_ms);
            assert_check(Cores::new(&sequential, 4).k_busy(k, &run), verdict, because);
        }
    }

    #[test]
    fn unknown_cpu_time_leaves_the_speedup() {
        let sequential = run(100.0, 100.0, 100.0);
        let check = |run: &Run| Cores::new(&sequential, 2).k_busy(2, run);
        assert_check(check(&run(50.0, None, None)), Holds, "take turns");
        assert_check(check(&run(100.0, None, None)), NotShown, "other programs");
        let measured = |cpu_ms| check(&run(80.0, cpu_ms, None)).measured;
        assert_eq!(measured(Some(120.0)), "1.50 cores busy, 1.25 times as fast");
        assert_eq!(measured(None), "1.25 cores busy, 1.25 times as fast");
    }

    #[test]
    fn workers_cores_and_tasks_limit_the_prediction() {
        let ten = run(80.0, 120.0, 0.0);
        let three = Run { tasks: ten.tasks[..3].to_vec(), ..ten.clone() };
        for (run, k, cores, predicted) in [
            (&ten, 1, 8, "1 core busy"),
            (&ten, 2, 8, "2 cores busy"),
            (&ten, 8, 4, "4 cores busy"),
            (&three, 8, 8, "3 cores busy"),
        ] {
            assert_eq!(Cores::new(&ten, cores).k_busy(k, run).predicted, predicted);
        }
    }

    #[test]
    fn one_busy_core_holds_beside_idle_ones() {
        let sequential = run(100.0, 100.0, 100.0);
        for (cpu_ms, idle_ms, verdict, because) in [
            (Some(115.0), Some(100.0), Holds, "one of several"),
            (Some(116.0), Some(100.0), NotShown, "a little more"),
            (Some(149.0), Some(100.0), NotShown, "a little more"),
            (Some(150.0), Some(100.0), Fails, "more than one core"),
            // The other core was idle for more than half of the time, or for just half of it.
            (Some(100.0), Some(51.0), Holds, "one of several"),
            (Some(100.0), Some(50.0), NotShown, "kept the other cores busy"),
            // Other programs do not excuse a run that used more than one.
            (Some(116.0), Some(0.0), NotShown, "a little more"),
            (Some(150.0), Some(0.0), Fails, "more than one core"),
            (Some(90.0), None, Holds, "one of several"),
            (Some(89.0), None, NotShown, "may have kept the cores busy"),
            (None, None, NotShown, "does not report our CPU time"),
        ] {
            let run = run(100.0, cpu_ms, idle_ms);
            assert_check(Cores::new(&sequential, 2).one_busy(&run), verdict, because);
        }
        // Nothing is known of the CPU time, so a speed-up does not refute it.
        assert_eq!(Cores::new(&sequential, 2).one_busy(&run(50.0, None, None)).verdict, NotShown);
    }

    #[test]
    fn lost_rows_single_core_short_work_show_nothing() {
        let enough = run(50.0, 50.0, 50.0);
        let lossy = sample::losing(enough.clone(), 1, "");
        let one = Cores::new(&enough, 2);
        assert_check(one.k_busy(2, &enough), Fails, "others were idle");
        assert_check(one.one_busy(&enough), Holds, "one of several");
        for (sequential, run, cores, because) in [
            (&run(49.5, 49.5, 49.5), &enough, 2, "too little work"),
            (&enough, &enough, 1, "only one core"),
            (&enough, &lossy, 2, "lost 1 of 10 tasks"),
            (&lossy, &enough, 2, "lost 1 of 10 tasks"),
        ] {
            let cores = Cores::new(sequential, cores);
            assert_check(cores.k_busy(2, run), NotShown, because);
            assert_check(cores.one_busy(run), NotShown, because);
        }
    }

    #[test]
    fn differing_row_fails_missing_row_shows_nothing() {
        let whole = run(100.0, 100.0, 100.0);
        let losing = |why| sample::losing(whole.clone(), 1, why);
        let same_rows = |run: &Run| Cores::new(&whole, 2).same_rows(run);
        assert_check(same_rows(&whole), Holds, "pixel by pixel");
        assert_check(same_rows(&losing(DIFFERS)), Fails, "differs from the prediction");
        assert_check(same_rows(&losing("its worker died")), NotShown, "1 of 10");
        assert_check(Cores::new(&losing(DIFFERS), 2).same_rows(&whole), NotShown, "1 of 10");
    }
}
