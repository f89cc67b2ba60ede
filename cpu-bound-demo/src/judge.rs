//! Verdicts on how many cores a run kept busy: CPU time by wall time, as the operating system
//! counts it; where it does not, how much faster the run was.

use shared::judge::{Judgement, lost};
use shared::report::{Run, Verdict};

/// A core counts as ours alone if the sequential run had this much of it.
const UNDISTURBED: f64 = 0.9;

/// Work that takes less than this, in milliseconds, is not worth sharing out.
const WORTHWHILE_MS: f64 = 50.0;

/// Up to this many cores, a run is taken to have used one: clocks are read at different moments.
const ONE: f64 = 1.15;

/// Did `run` keep `size` cores busy, or as many as there are?
pub fn uses_cores(sequential: &Run, run: &Run, size: usize, cores: usize) -> Judgement {
    let expected = size.min(cores).min(run.tasks.len());
    let busy = busy(sequential, run);
    let (verdict, because) = if let Some(lost) = lost(&[sequential, run]) {
        (Verdict::NotShown, lost)
    } else if cores < 2 {
        (Verdict::NotShown, "there is only one core".into())
    } else if expected < 2 {
        (
            Verdict::NotShown,
            "one worker, or one task, uses one core".into(),
        )
    } else if sequential.wall_ms < WORTHWHILE_MS {
        (
            Verdict::NotShown,
            "it is too little work to share out: try a larger -n".into(),
        )
    } else if busy > 1.0 + 0.5 * (expected as f64 - 1.0) {
        (
            Verdict::Holds,
            "one at a time could never use more than one core".into(),
        )
    } else if share(sequential).is_some_and(|share| share < UNDISTURBED) {
        (
            Verdict::NotShown,
            "other programs kept the cores busy".into(),
        )
    } else if busy <= ONE {
        (Verdict::Fails, "it used no more than one core".into())
    } else {
        (
            Verdict::NotShown,
            "more than one core, but fewer than it should".into(),
        )
    };
    Judgement {
        predicted: format!("{expected} cores busy"),
        measured: measured(sequential, run, busy),
        verdict,
        because,
    }
}

/// Did `run` get by with a single core, whatever there are?
pub fn uses_one_core(sequential: &Run, run: &Run, cores: usize) -> Judgement {
    let busy = busy(sequential, run);
    let (verdict, because) = if let Some(lost) = lost(&[sequential, run]) {
        (Verdict::NotShown, lost)
    } else if cores < 2 {
        (Verdict::NotShown, "there is only one core".into())
    } else if busy <= ONE {
        (
            Verdict::Holds,
            "there were cores to be had, and it used one".into(),
        )
    } else {
        (Verdict::Fails, "it used more than one core".into())
    };
    Judgement {
        predicted: "1 core busy".into(),
        measured: measured(sequential, run, busy),
        verdict,
        because,
    }
}

fn measured(sequential: &Run, run: &Run, busy: f64) -> String {
    format!(
        "{busy:.2} cores busy, {:.2} times as fast",
        sequential.wall_ms / run.wall_ms
    )
}

/// Cores that a run kept busy on average.
fn busy(sequential: &Run, run: &Run) -> f64 {
    share(run).unwrap_or(sequential.wall_ms / run.wall_ms)
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
        let sequential = run(100.0, 100.0);
        let judge = |run: &Run| uses_cores(&sequential, run, 2, 2).verdict;
        assert_eq!(judge(&run(50.0, 100.0)), Holds);
        assert_eq!(judge(&run(100.0, 100.0)), Fails);
        assert_eq!(judge(&run(75.0, 100.0)), NotShown);
        assert_eq!(judge(&run(50.0, None)), Holds);
        assert_eq!(judge(&run(100.0, None)), Fails);
        assert_eq!(
            uses_cores(&sequential, &run(100.0, 100.0), 2, 1).verdict,
            NotShown
        );
        assert_eq!(
            uses_cores(&run(200.0, 100.0), &run(100.0, 100.0), 2, 2).verdict,
            NotShown
        );
    }

    /// Would be wrong: async tasks that use several cores pass for tasks on one thread.
    #[test]
    fn one_core_is_told_from_several() {
        let sequential = run(100.0, 100.0);
        assert_eq!(
            uses_one_core(&sequential, &run(100.0, 100.0), 2).verdict,
            Holds
        );
        assert_eq!(
            uses_one_core(&sequential, &run(50.0, 100.0), 2).verdict,
            Fails
        );
        assert_eq!(
            uses_one_core(&sequential, &run(50.0, None), 2).verdict,
            Fails
        );
        assert_eq!(
            uses_one_core(&sequential, &run(100.0, 100.0), 1).verdict,
            NotShown
        );
    }
}
