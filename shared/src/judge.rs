//! Verdicts that more than one demo reaches: pure functions from measured runs to a [`Judgement`].
//!
//! What the server saw or the operating system says decides; the clock only where neither is known.

use crate::report::{Finding, Run, Verdict};
use crate::stopwatch::ThreadCount;

/// What was expected, what came out, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub predicted: String,
    pub measured: String,
    pub verdict: Verdict,
    pub because: String,
}

impl Judgement {
    pub fn new(
        predicted: impl ToString,
        measured: impl ToString,
        (verdict, because): (Verdict, impl ToString),
    ) -> Judgement {
        Judgement {
            predicted: predicted.to_string(),
            measured: measured.to_string(),
            verdict,
            because: because.to_string(),
        }
    }

    /// For an experiment whose outcome is certain: holds if what was measured is what was predicted,
    /// letter for letter, and then for the reason given.
    pub fn exactly(
        predicted: impl ToString,
        measured: impl ToString,
        because: impl ToString,
    ) -> Judgement {
        let (predicted, measured) = (predicted.to_string(), measured.to_string());
        let reasons = match predicted == measured {
            true => (Verdict::Holds, because.to_string()),
            false => (Verdict::Fails, "it did not come out as predicted".to_string()),
        };
        Judgement::new(predicted, measured, reasons)
    }

    /// Makes it "not shown" if there is a reason for which nothing follows from it.
    pub fn unless(self, why: Option<impl ToString>) -> Judgement {
        match why {
            Some(why) => Judgement { verdict: Verdict::NotShown, because: why.to_string(), ..self },
            None => self,
        }
    }

    /// Makes this the finding on one claim.
    pub fn on(self, claim: &str, says: &str) -> Finding {
        let Judgement { predicted, measured, verdict, because } = self;
        Finding { claim: claim.into(), says: says.into(), predicted, measured, verdict, because }
    }
}

/// Tasks that take less than this, in milliseconds, may be over before the next one has begun.
const TOO_SHORT_MS: f64 = 20.0;

/// If other programs left us less than this share of one core's time, they kept tasks from starting.
const LEFT_TO_US: f64 = 0.5;

/// Do the waits of `together` overlap, where those of `sequential` do not?
pub fn waits_overlap(sequential: &Run, together: &Run) -> Judgement {
    let asked = together.tasks.len();
    let (one, source) = peak(sequential);
    let (many, _) = peak(together);
    let (verdict, because) = if let Some(lost) = lost(&[sequential, together]) {
        (Verdict::NotShown, lost)
    } else if asked < 2 {
        (Verdict::NotShown, "a single task has nothing to overlap with".to_string())
    } else if one == 1 && many > 1 {
        (Verdict::Holds, format!("{source} {many} of {asked} waiting at the same time"))
    } else if shorter(sequential, together).mean_task_ms() < TOO_SHORT_MS {
        (Verdict::NotShown, tasks_too_short(shorter(sequential, together)))
    } else if let Some(why) = held_back(together).filter(|_| one == 1) {
        (Verdict::NotShown, why.to_string())
    } else if one == 1 {
        (Verdict::Fails, format!("{source} never more than one waiting"))
    } else {
        (Verdict::Fails, format!("{source} the sequential run overlap, too"))
    };
    Judgement {
        predicted: format!("waiting at once: 1, then up to {asked}"),
        measured: format!("waiting at once: {one}, then {many}"),
        verdict,
        because,
    }
}

/// Does a pool of `size` run so many tasks at once, and never more? `before` is the run before it:
/// what that gave up may reach the server only now.
pub fn pool_is_full(size: usize, before: &Run, pool: &Run) -> Judgement {
    let asked = pool.tasks.len();
    let expected = size.min(asked);
    let (most, source) = peak(pool);
    let (verdict, because) = if let Some(lost) = lost(&[before, pool]) {
        (Verdict::NotShown, lost)
    } else if most > expected {
        (Verdict::Fails, format!("{source} more at once than the limit allows"))
    } else if most < expected && pool.mean_task_ms() < TOO_SHORT_MS {
        (Verdict::NotShown, tasks_too_short(pool))
    } else if let Some(why) = held_back(pool).filter(|_| most == 1 && expected > 1) {
        (Verdict::NotShown, why.to_string())
    } else if most == 1 && expected > 1 {
        (Verdict::Fails, format!("{source} never two at once"))
    } else if most < expected {
        (Verdict::NotShown, format!("{source} fewer at once than the limit allows"))
    } else if asked <= size {
        (
            Verdict::NotShown,
            "there is a place for every task, so none had to wait: try fewer --workers".to_string(),
        )
    } else {
        (Verdict::Holds, format!("{source} {most} at once, while {asked} were to be done"))
    };
    Judgement {
        predicted: format!("{expected} at once"),
        measured: format!("{most} at once"),
        verdict,
        because,
    }
}

/// Does every task that has not ended have a thread of the operating system to itself?
pub fn thread_each(run: &Run, count: ThreadCount) -> Judgement {
    let tasks = run.not_ended(count.at_ms);
    more_threads(run, count, tasks, |more| more >= tasks)
}

/// Do all tasks get by with the threads that were there before? `lookups` says that names had to
/// be looked up meanwhile, which the system's resolver does on threads of its own.
pub fn no_more_threads(run: &Run, count: ThreadCount, lookups: bool) -> Judgement {
    let judgement = more_threads(run, count, 0, |more| more == 0);
    if lookups && judgement.verdict == Verdict::Fails {
        let because = "host names are looked up on threads of their own: try an IP address".into();
        return Judgement { verdict: Verdict::NotShown, because, ..judgement };
    }
    judgement
}

fn more_threads(
    run: &Run,
    count: ThreadCount,
    expected: usize,
    as_claimed: impl Fn(usize) -> bool,
) -> Judgement {
    let tasks = run.not_ended(count.at_ms);
    let predicted = format!("{expected} more threads while {tasks} tasks wait");
    let (Some(before), Some(during)) = (count.before, count.during) else {
        return Judgement {
            predicted,
            measured: "unknown".into(),
            verdict: Verdict::NotShown,
            because: "the operating system did not say how many threads we have".into(),
        };
    };
    let more = during.saturating_sub(before);
    let (verdict, because) = if let Some(lost) = lost(&[run]) {
        (Verdict::NotShown, lost)
    } else if tasks < 2 {
        (Verdict::NotShown, format!("at the count, {tasks} tasks were still waiting"))
    } else {
        let verdict = if as_claimed(more) { Verdict::Holds } else { Verdict::Fails };
        (verdict, format!("the operating system counted {before} before and {during} then"))
    };
    Judgement { predicted, measured: format!("{more} more threads"), verdict, because }
}

/// The most tasks at once, and who says so: the server, or, where it is not ours, our own clock.
fn peak(run: &Run) -> (usize, &'static str) {
    match run.peak_in_flight {
        Some(peak) => (peak, "the server saw"),
        None => (run.most_at_once(), "by this program's clock there were"),
    }
}

/// Says so if waits are too short to rely on what happens meanwhile, by what the command line says.
pub fn too_short(delay_ms: Option<f64>) -> Option<String> {
    let delay = delay_ms.filter(|&delay| delay < TOO_SHORT_MS)?;
    Some(format!("waits of {delay} ms are too short: try a longer --delay"))
}

/// The run whose tasks took less time: on a busy machine, the others waited for more than an answer.
fn shorter<'a>(one: &'a Run, other: &'a Run) -> &'a Run {
    match one.mean_task_ms() < other.mean_task_ms() {
        true => one,
        false => other,
    }
}

fn tasks_too_short(run: &Run) -> String {
    let mean = run.mean_task_ms();
    format!("a task takes only {mean:.1} ms, and may be over before the next begins")
}

/// Says so if there is a reason outside the program for which its tasks were not under way at once.
fn held_back(run: &Run) -> Option<&'static str> {
    // What a run had of the cores, and what nobody had.
    let left_ms = run.idle_ms.zip(run.cpu_ms).map(|(idle, own)| idle + own);
    if run.rationed {
        Some("the system allowed fewer at once than there should have been")
    } else if left_ms.is_some_and(|left_ms| left_ms < LEFT_TO_US * run.wall_ms) {
        Some("other programs kept the cores busy: a task may be over before the next begins")
    } else {
        None
    }
}

/// Says so if tasks were lost: then nothing follows from the others.
pub fn lost(runs: &[&Run]) -> Option<String> {
    let run = runs.iter().find(|run| run.lost() > 0)?;
    Some(format!(
        "{} of {} tasks were not done in the run \"{}\"",
        run.lost(),
        run.tasks.len(),
        run.model
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Outcome, Task};
    use crate::stopwatch::tests::run_of;
    use Verdict::*;

    /// A run in which the server saw `peak` of `tasks` at once; by the clock, all ran from 0 to 100.
    fn seen(tasks: usize, peak: usize) -> Run {
        let task =
            Task { outcome: Outcome::Done, start_ms: 0.0, end_ms: 100.0, ..Task::failed(0, "") };
        Run { peak_in_flight: Some(peak), ..run_of(vec![task; tasks]) }
    }

    fn with_a_loss(run: Run) -> Run {
        Run { done: run.done - 1, failed: 1, ..run }
    }

    /// Would be wrong: an outcome that was not predicted passes, or a reason for doubt is not heard.
    #[test]
    fn a_certain_outcome_is_judged_to_the_letter() {
        assert_eq!(Judgement::exactly("9 of 10", "9 of 10", "").verdict, Holds);
        assert_eq!(Judgement::exactly("9 of 10", "10 of 10", "").verdict, Fails);
        let doubted = Judgement::exactly(1, 2, "").unless(Some("nobody looked"));
        assert_eq!((doubted.verdict, doubted.because.as_str()), (NotShown, "nobody looked"));
        let certain = Judgement::exactly(1, 2, "").unless(None::<&str>);
        assert_eq!(certain.verdict, Fails);
    }

    /// Would be wrong: a verdict that comes out the same for the opposite case.
    #[test]
    fn overlap_is_judged_by_what_the_server_saw() {
        assert_eq!(waits_overlap(&seen(10, 1), &seen(10, 10)).verdict, Holds);
        assert_eq!(waits_overlap(&seen(10, 1), &seen(10, 1)).verdict, Fails);
        assert_eq!(waits_overlap(&seen(10, 2), &seen(10, 10)).verdict, Fails);
        assert_eq!(waits_overlap(&seen(1, 1), &seen(1, 1)).verdict, NotShown);
        let mut short = seen(10, 1);
        short.tasks.iter_mut().for_each(|task| task.end_ms = 1.0);
        assert_eq!(waits_overlap(&seen(10, 1), &short).verdict, NotShown);
        assert_eq!(waits_overlap(&short, &seen(10, 1)).verdict, NotShown);
        assert_eq!(pool_is_full(2, &seen(10, 10), &short).verdict, NotShown);
        let rationed = Run { rationed: true, ..seen(10, 1) };
        assert_eq!(waits_overlap(&seen(10, 1), &rationed).verdict, NotShown);
        assert_eq!(waits_overlap(&seen(10, 2), &rationed).verdict, Fails);
        assert_eq!(pool_is_full(2, &seen(10, 10), &rationed).verdict, NotShown);
        assert_eq!(pool_is_full(2, &seen(10, 10), &seen(10, 1)).verdict, Fails);
        let given_up = with_a_loss(seen(10, 10));
        assert_eq!(pool_is_full(2, &given_up, &seen(10, 3)).verdict, NotShown);
        assert_eq!(waits_overlap(&seen(10, 1), &with_a_loss(seen(10, 10))).verdict, NotShown);
    }

    /// Would be wrong: a machine that has no time for us refutes a claim; or waits in turn, or cores
    /// that the program itself keeps busy, do not.
    #[test]
    fn cores_that_others_keep_busy_are_told_from_waits_in_turn() {
        let run = |idle_ms, cpu_ms| Run { wall_ms: 1000.0, idle_ms, cpu_ms, ..seen(10, 1) };
        for (idle_ms, cpu_ms, verdict) in [
            (None, Some(9.0), Fails),
            (Some(9.0), None, Fails),
            (Some(490.0), Some(9.0), NotShown),
            (Some(490.0), Some(10.0), Fails),
            (Some(1900.0), Some(9.0), Fails),
            (Some(0.0), Some(2000.0), Fails),
        ] {
            let judged = waits_overlap(&seen(10, 1), &run(idle_ms, cpu_ms));
            assert_eq!(judged.verdict, verdict, "{judged:?}");
            let judged = pool_is_full(2, &seen(10, 10), &run(idle_ms, cpu_ms));
            assert_eq!(judged.verdict, verdict, "{judged:?}");
        }
        let starved = run(Some(0.0), Some(9.0));
        let alone = pool_is_full(1, &seen(10, 10), &starved);
        assert_eq!(alone.verdict, Holds, "{alone:?}");
        let overlapping = waits_overlap(&seen(10, 2), &starved);
        assert_eq!(overlapping.verdict, Fails, "{overlapping:?}");
    }

    /// Would be wrong: waits that are long enough pass for too short, or the other way round.
    #[test]
    fn waits_of_twenty_milliseconds_are_long_enough() {
        assert_eq!(too_short(Some(20.0)), None);
        assert_eq!(too_short(None), None);
        assert!(too_short(Some(19.0)).unwrap().contains("waits of 19 ms"));
    }

    /// Would be wrong: a pool of one that is found fault with because it is none of two.
    #[test]
    fn a_pool_of_one_may_be_all_that_the_system_allows() {
        let rationed = Run { rationed: true, ..seen(10, 1) };
        assert_eq!(pool_is_full(1, &seen(10, 10), &rationed).verdict, Holds);
    }

    /// Would be wrong: no verdict at all behind `--url`, where no server of ours counts.
    #[test]
    fn without_a_server_of_ours_the_spans_are_judged() {
        let unseen = |run: Run| Run { peak_in_flight: None, ..run };
        let mut apart = unseen(seen(3, 1));
        for (place, task) in apart.tasks.iter_mut().enumerate() {
            (task.start_ms, task.end_ms) = (place as f64 * 100.0, place as f64 * 100.0 + 90.0);
        }
        assert_eq!(waits_overlap(&apart, &unseen(seen(3, 1))).verdict, Holds);
        assert_eq!(waits_overlap(&apart, &apart).verdict, Fails);
    }

    /// Would be wrong: a pool that lets too many through passes.
    #[test]
    fn a_pool_is_full_and_never_more() {
        assert_eq!(pool_is_full(2, &seen(10, 10), &seen(10, 2)).verdict, Holds);
        assert_eq!(pool_is_full(2, &seen(10, 10), &seen(10, 3)).verdict, Fails);
        assert_eq!(pool_is_full(2, &seen(10, 10), &seen(10, 1)).verdict, Fails);
        assert_eq!(pool_is_full(4, &seen(10, 10), &seen(10, 3)).verdict, NotShown);
        assert_eq!(pool_is_full(4, &seen(10, 10), &seen(4, 4)).verdict, NotShown);
        assert_eq!(pool_is_full(2, &seen(10, 10), &with_a_loss(seen(10, 2))).verdict, NotShown);
    }

    /// Would be wrong: tasks on one thread count as threads of their own, or the other way round.
    #[test]
    fn threads_are_judged_by_the_systems_count() {
        let count = |during| ThreadCount { before: Some(2), during, at_ms: 50.0 };
        let run = seen(10, 10);
        assert_eq!(thread_each(&run, count(Some(12))).verdict, Holds);
        assert_eq!(thread_each(&run, count(Some(2))).verdict, Fails);
        assert_eq!(no_more_threads(&run, count(Some(2)), false).verdict, Holds);
        assert_eq!(no_more_threads(&run, count(Some(3)), false).verdict, Fails);
        assert_eq!(no_more_threads(&run, count(None), false).verdict, NotShown);
        let late = ThreadCount { at_ms: 200.0, ..count(Some(2)) };
        assert_eq!(thread_each(&run, late).verdict, NotShown);
    }

    /// Would be wrong: a limit that is taken for one more or one less than it is.
    #[test]
    fn verdicts_change_exactly_at_their_limits() {
        let lasting = |mut run: Run, ms: f64| {
            run.tasks.iter_mut().for_each(|task| task.end_ms = ms);
            run
        };
        // Two tasks are enough to overlap, or to have threads of their own.
        assert_eq!(waits_overlap(&seen(2, 1), &seen(2, 2)).verdict, Holds);
        let count = ThreadCount { before: Some(2), during: Some(4), at_ms: 50.0 };
        assert_eq!(thread_each(&seen(2, 2), count).verdict, Holds);
        assert_eq!(thread_each(&seen(1, 1), count).verdict, NotShown);
        // As long as it must be, and a bit less.
        let alone = waits_overlap(&seen(10, 1), &lasting(seen(10, 1), TOO_SHORT_MS));
        assert_eq!(alone.verdict, Fails);
        assert!(alone.because.contains("never more than one"));
        let also = waits_overlap(&seen(10, 2), &seen(10, 10));
        assert!(also.because.contains("the sequential run overlap, too"));
        let short = waits_overlap(&seen(10, 1), &lasting(seen(10, 1), 19.5));
        assert_eq!(short.verdict, NotShown);
        assert!(short.because.contains("19.5 ms"), "{}", short.because);
        let single = pool_is_full(4, &seen(10, 10), &lasting(seen(10, 1), TOO_SHORT_MS));
        assert_eq!(single.verdict, Fails);
        // However short, a pool that was seen full was full; and one place can be full, too.
        let full = pool_is_full(2, &seen(10, 10), &lasting(seen(10, 2), 1.0));
        assert_eq!(full.verdict, Holds);
        assert_eq!(pool_is_full(1, &seen(10, 10), &seen(10, 1)).verdict, Holds);
    }

    /// Would be wrong: looking up names excuses what nothing else does, or is no excuse.
    #[test]
    fn looking_up_names_excuses_more_threads_and_nothing_else() {
        let count = |during| ThreadCount { before: Some(2), during: Some(during), at_ms: 50.0 };
        let judge = |during| no_more_threads(&seen(10, 10), count(during), true);
        assert_eq!((judge(2).verdict, judge(3).verdict), (Holds, NotShown));
        assert!(judge(3).because.contains("looked up") && !judge(2).because.contains("looked up"));
    }
}
