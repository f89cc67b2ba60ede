//! [`Check`], the form of every verdict, and the verdicts of the notebook's cells, some of which other
//! lessons reach, too: pure functions from measured runs.
//!
//! The server's counters or the OS decide; the clock decides only where neither is available.

use std::collections::HashSet;

use crate::report::{Finding, Run, Verdict, count};

/// What was predicted, what was measured, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub predicted: String,
    pub measured: String,
    pub verdict: Verdict,
    pub because: String,
}

impl Check {
    pub fn new(
        predicted: impl ToString,
        measured: impl ToString,
        (verdict, because): (Verdict, impl ToString),
    ) -> Check {
        Check {
            predicted: predicted.to_string(),
            measured: measured.to_string(),
            verdict,
            because: because.to_string(),
        }
    }

    /// For a deterministic experiment: holds if the measured text equals the predicted text.
    pub fn exactly(
        predicted: impl ToString,
        measured: impl ToString,
        because: impl ToString,
    ) -> Check {
        let (predicted, measured) = (predicted.to_string(), measured.to_string());
        let reason = match predicted == measured {
            true => (Verdict::Holds, because.to_string()),
            false => (Verdict::Fails, "the outcome differs from the prediction".to_string()),
        };
        Check::new(predicted, measured, reason)
    }

    /// Makes it "not shown" if there is a reason why nothing follows from the measurement.
    pub fn unless(self, why: Option<impl ToString>) -> Check {
        match why {
            Some(why) => Check { verdict: Verdict::NotShown, because: why.to_string(), ..self },
            None => self,
        }
    }

    /// Makes this the finding on one claim.
    pub fn on(self, claim: &str, says: &str) -> Finding {
        let Check { predicted, measured, verdict, because } = self;
        let (claim, says) = (claim.into(), says.into());
        Finding { round: None, claim, says, predicted, measured, verdict, because }
    }
}

/// A task shorter than this, in milliseconds, may end before the next one starts.
const TOO_SHORT_MS: f64 = 20.0;

/// With less than this share of one core, other programs kept our tasks from starting.
const OUR_SHARE: f64 = 0.5;

/// Do the waits of `together` overlap, unlike those of `sequential`?
pub fn overlap(sequential: &Run, together: &Run) -> Check {
    let asked = together.tasks.len();
    let (one, source) = peak(sequential);
    let (many, _) = peak(together);
    let reason = if let Some(lost) = lost(&[sequential, together]) {
        (Verdict::NotShown, lost)
    } else if asked < 2 {
        (Verdict::NotShown, "a single task has nothing to overlap with".to_string())
    } else if one == 1 && many > 1 {
        (Verdict::Holds, format!("{source} {many} of {asked} tasks waiting at the same time"))
    } else if shorter(sequential, together).mean_task_ms() < TOO_SHORT_MS {
        (Verdict::NotShown, tasks_too_short(shorter(sequential, together)))
    } else if let Some(why) = external_limit(together).filter(|_| one == 1) {
        (Verdict::NotShown, why.to_string())
    } else if one == 1 {
        (Verdict::Fails, format!("{source} at most one task waiting"))
    } else {
        (Verdict::Fails, format!("{source} the tasks of the sequential run overlap"))
    };
    let predicted = format!("waiting at once: 1, then up to {asked}");
    Check::new(predicted, format!("waiting at once: {one}, then {many}"), reason)
}

/// Does a pool of `size` run that many tasks at once, and never more? Requests that the run `before`
/// gave up may reach the server only now.
pub fn pool(size: usize, before: &Run, pool: &Run) -> Check {
    let asked = pool.tasks.len();
    let expected = size.min(asked);
    let (most, source) = peak(pool);
    let reason = if let Some(lost) = lost(&[pool, before]) {
        (Verdict::NotShown, lost)
    } else if most > expected {
        (Verdict::Fails, format!("{source} more at once than the limit allows"))
    } else if most < expected && pool.mean_task_ms() < TOO_SHORT_MS {
        (Verdict::NotShown, tasks_too_short(pool))
    } else if let Some(why) = external_limit(pool).filter(|_| most == 1 && expected > 1) {
        (Verdict::NotShown, why.to_string())
    } else if most == 1 && expected > 1 {
        (Verdict::Fails, format!("{source} never two at once"))
    } else if most < expected {
        (Verdict::NotShown, format!("{source} fewer at once than the limit allows"))
    } else if asked <= size {
        let why = "there is a place for every task, so no task had to wait: try fewer --workers";
        (Verdict::NotShown, why.to_string())
    } else if size == 1 && pool.reduced_concurrency {
        (Verdict::NotShown, "the OS allowed a pool of one, which runs as a sequence does".into())
    } else {
        (Verdict::Holds, format!("{source} {most} at once, of {asked} tasks"))
    };
    Check::new(format!("{expected} at once"), format!("{most} at once"), reason)
}

/// Does every unfinished task have an OS thread of its own?
pub fn thread_each(run: &Run) -> Check {
    let tasks = run.not_ended(run.threads.at_ms);
    more_threads(run, tasks, |more| more >= tasks)
}

/// Do all tasks run on the threads that existed before?
pub fn no_more_threads(run: &Run) -> Check {
    let check = more_threads(run, 0, |more| more == 0);
    let excused = run.looks_up_names && check.verdict == Verdict::Fails;
    check.unless(
        excused.then_some("the resolver looks up host names on its own threads: try an IP address"),
    )
}

fn more_threads(run: &Run, expected: usize, as_claimed: impl Fn(usize) -> bool) -> Check {
    let tasks = run.not_ended(run.threads.at_ms);
    let (waiting, wait) = (count(tasks, "task"), if tasks == 1 { "waits" } else { "wait" });
    let predicted = format!("{} while {waiting} {wait}", count(expected, "more thread"));
    let (Some(before), Some(during)) = (run.threads.before, run.threads.during) else {
        let why = (Verdict::NotShown, "this operating system does not report our thread count");
        return Check::new(predicted, "unknown", why);
    };
    let more = during.saturating_sub(before);
    let verdict = if as_claimed(more) { Verdict::Holds } else { Verdict::Fails };
    let before = count(before, "thread");
    let because = format!("the OS counted {before} before and {during} while they waited");
    Check::new(predicted, count(more, "more thread"), (verdict, because))
        .unless((tasks < 2).then(|| format!("only {waiting} waited when the OS counted")))
        .unless(lost(&[run]))
}

/// Did every task run in a process of its own, and none in this one?
pub fn process_each(run: &Run) -> Check {
    let tasks = run.tasks.len();
    let pids: HashSet<u32> = run.tasks.iter().map(|task| task.pid).collect();
    let ours = std::process::id();
    let reason = if pids.contains(&ours) {
        (Verdict::Fails, "a task ran in this process".into())
    } else if pids.len() < tasks {
        (Verdict::Fails, "a process ran several tasks".into())
    } else {
        (Verdict::Holds, format!("all pids differ, from each other and from ours, {ours}"))
    };
    let [predicted, measured] = [tasks, pids.len()]
        .map(|pids| format!("{} for {}", count(pids, "pid"), count(tasks, "task")));
    Check::new(predicted, measured, reason).unless(lost(&[run]))
}

/// The most tasks at once, and the source of that figure: the server, or our own clock.
fn peak(run: &Run) -> (usize, &'static str) {
    match run.peak_in_flight {
        Some(peak) => (peak, "the server saw"),
        None => (run.most_at_once(), "by this program's clock there were"),
    }
}

/// Why waits of `--delay` are too short to tell anything, if they are.
pub fn too_short(delay_ms: Option<f64>) -> Option<String> {
    let delay = delay_ms.filter(|&delay| delay < TOO_SHORT_MS)?;
    Some(format!("waits of {delay} ms are too short: try a longer --delay"))
}

/// The run with the shorter tasks: on a busy machine, the other waited for more than the server.
fn shorter<'a>(one: &'a Run, other: &'a Run) -> &'a Run {
    match one.mean_task_ms() < other.mean_task_ms() {
        true => one,
        false => other,
    }
}

fn tasks_too_short(run: &Run) -> String {
    let mean = run.mean_task_ms();
    format!("a task takes only {mean:.1} ms, so it may end before the next one starts")
}

/// A reason outside the program why its tasks did not run at once, if there is one.
fn external_limit(run: &Run) -> Option<&'static str> {
    // The cores' idle time was free for us, and our own CPU time is what we used.
    let ours_ms = run.idle_ms.zip(run.cpu_ms).map(|(idle, own)| idle + own);
    if run.reduced_concurrency {
        Some("the OS allowed fewer tasks at once")
    } else if ours_ms.is_some_and(|ours_ms| ours_ms < OUR_SHARE * run.wall_ms) {
        Some("other programs kept the cores busy, so a task may end before the next one starts")
    } else if run.idle_ms.is_none() && run.tasks.iter().any(|task| task.pid != std::process::id()) {
        // A process takes long to start, on Windows most of all, and longer if it has to share a core.
        Some("nothing tells whether other programs delayed the start of the processes")
    } else {
        None
    }
}

/// Why nothing follows from `runs`, if one of them lost tasks.
pub fn lost(runs: &[&Run]) -> Option<String> {
    let run = runs.iter().find(|run| run.lost() > 0)?;
    let (lost, all, model) = (run.lost(), run.tasks.len(), &run.model);
    Some(format!("the run \"{model}\" lost {lost} of {all} tasks"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ThreadCount;
    use crate::report::sample::{self, seen};
    use Verdict::*;

    fn losing(run: Run) -> Run {
        sample::losing(run, 1, "refused")
    }

    fn reduced(run: Run) -> Run {
        Run { reduced_concurrency: true, ..run }
    }

    /// The same run, with tasks of this length.
    fn lasting(mut run: Run, ms: f64) -> Run {
        run.tasks.iter_mut().for_each(|task| task.end_ms = ms);
        run
    }

    #[track_caller]
    fn assert_check(check: Check, verdict: Verdict, because: &str) {
        assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
    }

    #[test]
    fn only_the_predicted_text_holds() {
        assert_eq!(Check::exactly("9 of 10", "9 of 10", "").verdict, Holds);
        assert_eq!(Check::exactly("9 of 10", "10 of 10", "").verdict, Fails);
        assert_check(Check::exactly(1, 2, "").unless(Some("too few")), NotShown, "too few");
        assert_eq!(Check::exactly(1, 2, "").unless(None::<&str>).verdict, Fails);
    }

    #[test]
    fn overlap_needs_one_then_many() {
        for (sequential, together, verdict, because) in [
            (seen(10, 1), seen(10, 10), Holds, "10 of 10"),
            (seen(2, 1), seen(2, 2), Holds, "2 of 2"),
            (seen(10, 1), seen(10, 1), Fails, "at most one"),
            (seen(10, 2), seen(10, 10), Fails, "sequential run overlap"),
            (seen(1, 1), seen(1, 1), NotShown, "single task"),
            (seen(10, 1), lasting(seen(10, 1), TOO_SHORT_MS), Fails, "at most one"),
            (seen(10, 1), lasting(seen(10, 1), 19.5), NotShown, "19.5 ms"),
            (lasting(seen(10, 1), 1.0), seen(10, 1), NotShown, "1.0 ms"),
            (seen(10, 1), reduced(seen(10, 1)), NotShown, "OS allowed"),
            (seen(10, 2), reduced(seen(10, 1)), Fails, "sequential run overlap"),
            (seen(10, 1), losing(seen(10, 10)), NotShown, "1 of 10"),
        ] {
            assert_check(overlap(&sequential, &together), verdict, because);
        }
    }

    #[test]
    fn full_pool_holds_overfull_pool_fails() {
        let all = seen(10, 10);
        for (size, run, verdict, because) in [
            (2, seen(10, 2), Holds, "2 at once"),
            (1, seen(10, 1), Holds, "1 at once"),
            (1, reduced(seen(10, 1)), NotShown, "pool of one"),
            (2, lasting(seen(10, 2), 1.0), Holds, "2 at once"),
            (2, seen(10, 3), Fails, "more at once"),
            (2, seen(10, 1), Fails, "never two"),
            (2, lasting(seen(10, 1), TOO_SHORT_MS), Fails, "never two"),
            (2, lasting(seen(10, 1), 1.0), NotShown, "1.0 ms"),
            (2, reduced(seen(10, 1)), NotShown, "OS allowed"),
            (4, seen(10, 3), NotShown, "fewer at once"),
            (4, seen(4, 4), NotShown, "fewer --workers"),
            (2, losing(seen(10, 2)), NotShown, "1 of 10"),
        ] {
            assert_check(pool(size, &all, &run), verdict, because);
        }
        assert_eq!(pool(2, &losing(seen(10, 10)), &seen(10, 3)).verdict, NotShown);
    }

    #[test]
    fn busy_cores_excuse_only_starved_runs() {
        let run = |idle_ms, cpu_ms| Run { wall_ms: 1000.0, idle_ms, cpu_ms, ..seen(10, 1) };
        for (idle_ms, cpu_ms, verdict) in [
            (None, Some(9.0), Fails),
            (Some(9.0), None, Fails),
            (Some(490.0), Some(9.0), NotShown),
            (Some(490.0), Some(10.0), Fails),
            (Some(1900.0), Some(9.0), Fails),
            (Some(0.0), Some(2000.0), Fails), // The program itself kept the cores busy.
        ] {
            assert_check(overlap(&seen(10, 1), &run(idle_ms, cpu_ms)), verdict, "");
            assert_check(pool(2, &seen(10, 10), &run(idle_ms, cpu_ms)), verdict, "");
        }
        let mut processes = run(None, Some(9.0));
        processes.tasks[0].pid = 0;
        assert_check(overlap(&seen(10, 1), &processes), NotShown, "start of the processes");
        let starved = run(Some(0.0), Some(9.0));
        assert_check(pool(1, &seen(10, 10), &starved), Holds, "");
        assert_check(overlap(&seen(10, 2), &starved), Fails, "");
    }

    #[test]
    fn delays_under_20_ms_are_too_short() {
        assert_eq!(too_short(Some(20.0)), None);
        assert_eq!(too_short(None), None);
        assert!(too_short(Some(19.0)).unwrap().contains("waits of 19 ms"));
    }

    #[test]
    fn unknown_peak_is_read_from_spans() {
        let stairs: Vec<_> =
            (0..3).map(|id| f64::from(id) * 100.0).map(|ms| (ms, ms + 90.0)).collect();
        let (stairs, block) = (sample::run(&stairs), sample::run(&[(0.0, 100.0); 3]));
        assert_check(overlap(&stairs, &block), Holds, "this program's clock");
        assert_check(overlap(&stairs, &stairs), Fails, "this program's clock");
    }

    /// A run in which the OS counted 2 threads before and `during` at 50 ms.
    fn counted(tasks: usize, during: Option<usize>) -> Run {
        let threads = ThreadCount { before: Some(2), during, at_ms: 50.0 };
        Run { threads, ..seen(tasks, tasks) }
    }

    #[test]
    fn thread_counts_decide_about_threads() {
        assert_check(thread_each(&counted(10, Some(12))), Holds, "2 threads before and 12");
        assert_check(thread_each(&counted(10, Some(2))), Fails, "");
        assert_check(thread_each(&counted(2, Some(4))), Holds, "");
        assert_check(thread_each(&counted(1, Some(4))), NotShown, "only 1 task waited");
        assert_check(no_more_threads(&counted(10, Some(2))), Holds, "");
        assert_check(no_more_threads(&counted(10, Some(3))), Fails, "");
        assert_check(no_more_threads(&counted(10, None)), NotShown, "does not report");
        assert_check(
            thread_each(&lasting(counted(10, Some(2)), 40.0)),
            NotShown,
            "only 0 tasks waited",
        );
        assert_check(thread_each(&losing(counted(10, Some(12)))), NotShown, "1 of 10");
    }

    #[test]
    fn name_lookups_excuse_more_threads() {
        let by_name = |during| Run { looks_up_names: true, ..counted(10, Some(during)) };
        assert_check(no_more_threads(&by_name(2)), Holds, "");
        assert_check(no_more_threads(&by_name(3)), NotShown, "resolver");
        assert_check(no_more_threads(&losing(by_name(2))), NotShown, "1 of 10");
    }

    #[test]
    fn every_task_needs_its_own_process() {
        let run = |pids: [u32; 3]| {
            let mut run = seen(3, 3);
            run.tasks.iter_mut().zip(pids).for_each(|(task, pid)| task.pid = pid);
            run
        };
        assert_check(process_each(&run([1, 2, 3])), Holds, "all pids differ");
        assert_check(process_each(&run([1, 2, 2])), Fails, "several tasks");
        assert_check(process_each(&run([1, 2, std::process::id()])), Fails, "in this process");
        assert_check(process_each(&losing(run([1, 2, 3]))), NotShown, "1 of 3");
    }
}
