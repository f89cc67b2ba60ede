//! Verdicts on how many cores a run kept busy: CPU time by wall time, as the operating system
//! counts it. Where it does not, how much faster a run was can show that it used several cores, but
//! not that it did not.

use shared::judge::{Judgement, lost};
use shared::report::{Finding, Run, Verdict};

/// A run on one thread had a core to itself if it had this much of it.
const UNDISTURBED: f64 = 0.9;

/// Work that takes less than this, in milliseconds, is not worth sharing out.
const WORTHWHILE_MS: f64 = 50.0;

/// Up to this many cores, a run is taken to have used one: clocks are read at different moments.
const ONE: f64 = 1.15;

/// What verdicts are measured by.
pub struct Baseline<'a> {
    /// A run on one thread before all others, and one after them: if both had a core to themselves,
    /// so did those between.
    before: &'a Run,
    after: &'a Run,
    cores: usize,
}

impl<'a> Baseline<'a> {
    pub fn new(before: &'a Run, after: &'a Run, cores: usize) -> Baseline<'a> {
        Baseline {
            before,
            after,
            cores,
        }
    }

    /// What follows for threads, processes and rayon in pools of `size`, and for the async tasks,
    /// which ran on one thread after all others.
    pub fn findings(
        &self,
        threads: &Run,
        processes: &Run,
        rayon: &Run,
        size: usize,
    ) -> Vec<Finding> {
        vec![
            self.uses_one_core(self.after)
                .on("G4", "Async does not help to compute"),
            self.same_work(processes).on(
                "P1",
                "Processes do work that computes as well as work that waits",
            ),
            self.uses_cores(processes, size)
                .on("P3", "Processes are really parallel"),
            self.uses_cores(threads, size)
                .on("G5", "Threads compute in parallel"),
            self.uses_cores(rayon, size)
                .on("G5", "Rayon computes in parallel"),
        ]
    }

    /// Did `run` do the same work as the sequential one? A row that differs counts as failed.
    fn same_work(&self, run: &Run) -> Judgement {
        let n = self.before.done;
        Judgement::exactly(
            format!("{n} of {n} rows drawn alike"),
            format!("{} of {n} rows drawn alike", run.done),
            "compared with the sequential run, pixel by pixel",
        )
    }

    /// Did `run` keep `size` cores busy, or as many as there are?
    pub fn uses_cores(&self, run: &Run, size: usize) -> Judgement {
        let expected = size.min(self.cores).min(run.tasks.len());
        let busy = self.busy(run);
        let disturbed = [self.before, self.after]
            .iter()
            .any(|run| share(run) < Some(UNDISTURBED));
        let (verdict, because) = if let Some(because) = self.cannot_tell(run) {
            (Verdict::NotShown, because)
        } else if expected < 2 {
            (
                Verdict::NotShown,
                "one worker, or one task, uses one core".into(),
            )
        } else if busy > 1.0 + 0.5 * (expected as f64 - 1.0) {
            (
                Verdict::Holds,
                "one at a time could never use more than one core".into(),
            )
        } else if disturbed {
            (
                Verdict::NotShown,
                "other programs kept the cores busy, or CPU time is unknown".into(),
            )
        } else if busy <= ONE {
            (Verdict::Fails, "it used no more than one core".into())
        } else {
            (
                Verdict::NotShown,
                "more than one core, but fewer than it should".into(),
            )
        };
        self.judgement(format!("{expected} cores busy"), run, verdict, because)
    }

    /// Did `run` get by with a single core, whatever there are?
    pub fn uses_one_core(&self, run: &Run) -> Judgement {
        let (verdict, because) = if let Some(because) = self.cannot_tell(run) {
            (Verdict::NotShown, because)
        } else if share(run).is_none() {
            (
                Verdict::NotShown,
                "this operating system does not tell our CPU time".into(),
            )
        } else if self.busy(run) <= ONE {
            (
                Verdict::Holds,
                "there were cores to be had, and it used one".into(),
            )
        } else {
            (Verdict::Fails, "it used more than one core".into())
        };
        self.judgement("1 core busy".into(), run, verdict, because)
    }

    fn cannot_tell(&self, run: &Run) -> Option<String> {
        if let Some(lost) = lost(&[self.before, run]) {
            Some(lost)
        } else if self.cores < 2 {
            Some("there is only one core".into())
        } else if self.before.wall_ms < WORTHWHILE_MS {
            Some("it is too little work to share out: try a larger -n".into())
        } else {
            None
        }
    }

    /// Cores that a run kept busy on average.
    fn busy(&self, run: &Run) -> f64 {
        share(run).unwrap_or(self.before.wall_ms / run.wall_ms)
    }

    fn judgement(
        &self,
        predicted: String,
        run: &Run,
        verdict: Verdict,
        because: String,
    ) -> Judgement {
        let faster = self.before.wall_ms / run.wall_ms;
        let measured = format!(
            "{:.2} cores busy, {faster:.2} times as fast",
            self.busy(run)
        );
        Judgement {
            predicted,
            measured,
            verdict,
            because,
        }
    }
}

fn share(run: &Run) -> Option<f64> {
    Some(run.cpu_ms? / run.wall_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::{Outcome, Task};
    use shared::stopwatch::Stopwatch;

    fn run(wall_ms: f64, cpu_ms: impl Into<Option<f64>>) -> Run {
        let task = |id| Task {
            outcome: Outcome::Done,
            ..Task::failed(id, "")
        };
        let run = Stopwatch::start()
            .stop("test", 10, (0..10).map(task).collect())
            .unwrap();
        Run {
            wall_ms,
            cpu_ms: cpu_ms.into(),
            ..run
        }
    }

    /// Would be wrong: threads under an interpreter lock pass for parallel ones.
    #[test]
    fn cores_in_use_are_told_from_one() {
        let judge = |before: Run, run: &Run, after: Run, cores| {
            Baseline {
                before: &before,
                after: &after,
                cores,
            }
            .uses_cores(run, 2)
            .verdict
        };
        let alone = || run(100.0, 100.0);
        assert_eq!(judge(alone(), &run(50.0, 100.0), alone(), 2), Holds);
        assert_eq!(judge(alone(), &run(100.0, 100.0), alone(), 2), Fails);
        assert_eq!(judge(alone(), &run(75.0, 100.0), alone(), 2), NotShown);
        // One core; too little work; a machine that was busy before, or became so.
        assert_eq!(judge(alone(), &run(100.0, 100.0), alone(), 1), NotShown);
        assert_eq!(judge(run(1.0, 1.0), &run(1.0, 1.0), alone(), 2), NotShown);
        assert_eq!(
            judge(run(200.0, 100.0), &run(100.0, 100.0), alone(), 2),
            NotShown
        );
        assert_eq!(
            judge(alone(), &run(100.0, 100.0), run(200.0, 100.0), 2),
            NotShown
        );
        // Without CPU time.
        let unknown = || run(100.0, None);
        assert_eq!(judge(unknown(), &run(50.0, None), unknown(), 2), Holds);
        assert_eq!(judge(unknown(), &run(100.0, None), unknown(), 2), NotShown);
    }

    /// Would be wrong: async tasks that use several cores pass for tasks on one thread.
    #[test]
    fn one_core_is_told_from_several() {
        let alone = run(100.0, 100.0);
        let judge = |run: &Run, cores| {
            Baseline {
                before: &alone,
                after: &alone,
                cores,
            }
            .uses_one_core(run)
            .verdict
        };
        assert_eq!(judge(&run(100.0, 100.0), 2), Holds);
        assert_eq!(judge(&run(50.0, 100.0), 2), Fails);
        assert_eq!(judge(&run(50.0, None), 2), NotShown);
        assert_eq!(judge(&run(100.0, 100.0), 1), NotShown);
    }
}
