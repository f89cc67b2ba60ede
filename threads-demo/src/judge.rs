//! The verdicts that only threads need.

use shared::child::End;
use shared::judge::Judgement;
use shared::report::{Run, Verdict};

/// `run` has one task that panics; `survivors` are, for each way in which one of ten threads died,
/// how many of the nine others went on.
pub fn survivors(run: &Run, survivors: &[(&str, usize)]) -> Judgement {
    let others = run.tasks.len() - 1;
    let expected = |way: &str| if way == "panic" { 9 } else { 0 };
    let as_expected = survivors.iter().all(|&(way, count)| count == expected(way));
    let (verdict, because) = if others == 0 {
        (Verdict::NotShown, "a single task has no others")
    } else if as_expected && run.done == others {
        (
            Verdict::Holds,
            "a panic ends its thread; the other three end the process",
        )
    } else {
        (Verdict::Fails, "others went on, or ended, than should have")
    };
    let line = |count: &dyn Fn(&(&str, usize)) -> usize| {
        let ways = survivors
            .iter()
            .map(|way| format!("{} {}", way.0, count(way)));
        ways.collect::<Vec<_>>().join(", ")
    };
    Judgement {
        predicted: format!(
            "{others} tasks done; survivors: {}",
            line(&|way| expected(way.0))
        ),
        measured: format!("{} tasks done; survivors: {}", run.done, line(&|way| way.1)),
        verdict,
        because: because.into(),
    }
}

/// What a counter came to after one addition in each of `threads`: read and written in two steps,
/// in one step, and under a lock.
pub fn lost_update(threads: usize, two_steps: usize, one_step: usize, locked: usize) -> Judgement {
    let (verdict, because) = if threads < 2 {
        (
            Verdict::NotShown,
            "a single thread has nobody to lose to".into(),
        )
    } else if two_steps < threads && one_step == threads && locked == threads {
        let lost = threads - two_steps;
        (
            Verdict::Holds,
            format!("{lost} of {threads} additions were lost, and none with a cure"),
        )
    } else {
        (
            Verdict::Fails,
            "the trap lost nothing, or a cure lost something".into(),
        )
    };
    Judgement {
        predicted: format!("two steps 1, one step {threads}, lock {threads}"),
        measured: format!("two steps {two_steps}, one step {one_step}, lock {locked}"),
        verdict,
        because,
    }
}

/// How the child ended that takes two locks in opposite orders, and the one that does not.
pub fn deadlock(crossed: End, ordered: End) -> Judgement {
    let (verdict, because) = match (crossed, ordered) {
        (End::TimedOut, End::Exit(0)) => (
            Verdict::Holds,
            "in opposite orders it hung and had to be killed; in one order it ended",
        ),
        (_, End::Exit(0)) => (Verdict::Fails, "it did not hang"),
        _ => (Verdict::Fails, "the cure did not end by itself"),
    };
    let word = |end| match end {
        End::TimedOut => "hangs".to_string(),
        End::Exit(0) => "ends".to_string(),
        other => format!("{other:?}"),
    };
    Judgement {
        predicted: "crossed hangs, ordered ends".into(),
        measured: format!("crossed {}, ordered {}", word(crossed), word(ordered)),
        verdict,
        because: because.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::{Outcome, Task};
    use shared::stopwatch::Stopwatch;

    fn run(tasks: usize, done: usize) -> Run {
        let task = |id| {
            let outcome = if id < done {
                Outcome::Done
            } else {
                Outcome::Failed
            };
            Task {
                outcome,
                ..Task::failed(id, "")
            }
        };
        Stopwatch::start()
            .stop("test", tasks, (0..tasks).map(task).collect())
            .unwrap()
    }

    /// Would be wrong: a panic that takes others along, or an abort that does not, passes.
    #[test]
    fn survivors_are_counted() {
        let ways = |panic, abort| [("panic", panic), ("abort", abort)];
        assert_eq!(survivors(&run(10, 9), &ways(9, 0)).verdict, Holds);
        assert_eq!(survivors(&run(10, 0), &ways(9, 0)).verdict, Fails);
        assert_eq!(survivors(&run(10, 9), &ways(0, 0)).verdict, Fails);
        assert_eq!(survivors(&run(10, 9), &ways(9, 9)).verdict, Fails);
        assert_eq!(survivors(&run(1, 0), &ways(9, 0)).verdict, NotShown);
    }

    /// Would be wrong: a trap that loses nothing, or a cure that does.
    #[test]
    fn lost_updates_are_counted() {
        assert_eq!(lost_update(10, 1, 10, 10).verdict, Holds);
        assert_eq!(lost_update(10, 10, 10, 10).verdict, Fails);
        assert_eq!(lost_update(10, 1, 9, 10).verdict, Fails);
        assert_eq!(lost_update(10, 1, 10, 9).verdict, Fails);
        assert_eq!(lost_update(1, 1, 1, 1).verdict, NotShown);
    }

    /// Would be wrong: a deadlock that is none, or a cure that hangs too.
    #[test]
    fn only_the_crossed_order_may_hang() {
        assert_eq!(deadlock(End::TimedOut, End::Exit(0)).verdict, Holds);
        assert_eq!(deadlock(End::Exit(0), End::Exit(0)).verdict, Fails);
        assert_eq!(deadlock(End::TimedOut, End::TimedOut).verdict, Fails);
    }
}
