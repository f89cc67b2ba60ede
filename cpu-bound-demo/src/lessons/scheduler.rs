//! The operating system's scheduler decides which thread runs on which core, and for how long. Busy
//! threads beyond the number of cores take turns, so no more gets done: the OS takes the core from
//! one to run another, which is an involuntary context switch. Threads that wait need no core: any
//! number can wait at once. A rayon pool has only as many threads as cores, so waits queue up in it.
//! You will see the same picture drawn by one thread for each core, by four, and by one again.
//! Try it: `num_threads(4 * cores)` in `pool_waits`. The last finding fails: nothing queues up.

use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::report::{Run, Verdict, count};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson};

use crate::cores::{WORTHWHILE_MS, busy};
use crate::gallery::{Gallery, Painter, Row};
use crate::lessons::gate::Gate;

pub const LESSON: Lesson = Lesson::new(
    "scheduler",
    "More threads than cores: busy ones, and ones that wait",
    &["G7"],
    run,
    include_str!("scheduler.rs"),
)
.uses(&["tasks", "trace"]);

fn run(lab: &Lab) -> Result<Evidence> {
    let (cores, mut gallery) = (lab.cores, Gallery::new(lab));
    let few = gallery.run("a thread for each core", None, |painter| by_threads(painter, cores))?;
    let many = gallery
        .run("four threads for each core", few.wall_ms, |painter| by_threads(painter, 4 * cores))?;
    let again = gallery
        .run("a thread for each core again", few.wall_ms, |painter| by_threads(painter, cores))?;
    let quota = lab.cpu_quota.map(|cores| format!("{BURSTS} (a CPU quota of {cores})"));
    let mut findings = vec![
        check([&few, &again], &many, cores)
            .unless(quota.as_ref())
            .on("G7", "More busy threads than cores do not help"),
        all_wait(4 * cores, thread_waits(4 * cores)?).on("G7", "Any number of threads can wait"),
        waits_queue(cores, pool_waits(cores)?).on("G7", "Waits queue up in a pool for computing"),
    ];
    let turns = interrupted([&few, &again], &many, cores).map(|check| check.unless(quota));
    findings.extend(turns.map(|check| check.on("G7", "The OS has busy threads take turns")));
    Ok(Evidence::new(vec![few, many, again], findings))
}

fn by_threads(painter: &Painter, count: usize) -> Result<Vec<Row>> {
    let draw_share = |first| -> Vec<Row> {
        painter.rows().skip(first).step_by(count).map(|y| painter.draw(y)).collect()
    };
    scope(|scope| {
        let mut threads = Vec::new();
        for first in 0..count {
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            let thread = thread.spawn_scoped(scope, move || draw_share(first));
            threads.push(thread.context("cannot start a thread")?);
        }
        Ok(threads.into_iter().flat_map(|thread| thread.join()).flatten().collect())
    })
}

/// How many of `count` threads wait at the same time.
fn thread_waits(count: usize) -> Result<usize> {
    let gate = Gate::new(count, Duration::from_secs(5));
    scope(|scope| {
        for _ in 0..count {
            let thread = Builder::new().spawn_scoped(scope, || gate.pass());
            thread.context("cannot start a thread")?;
        }
        anyhow::Ok(())
    })?;
    Ok(gate.most())
}

/// How many of four waits for each core wait at the same time in a pool of a thread for each core.
fn pool_waits(cores: usize) -> Result<usize> {
    let gate = Gate::new(4 * cores, Duration::from_millis(50)); // It never opens.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build()?;
    pool.install(|| (0..4 * cores).into_par_iter().for_each(|_| gate.pass()));
    Ok(gate.most())
}

const BURSTS: &str = "more threads use up the CPU time that the OS allows in a shorter burst";

const TOO_LITTLE: &str = "too little work to tell: try a larger -n";

/// A run had the cores to itself if it used this much of them.
const UNDISTURBED: f64 = 0.9;

/// Are many threads no faster than a thread for each core, in the runs before and after?
fn check(few: [&Run; 2], many: &Run, cores: usize) -> Check {
    let few_ms = few[0].wall_ms.min(few[1].wall_ms);
    let faster = few_ms / many.wall_ms;
    let undisturbed = |run: &&Run| busy(run).is_some_and(|busy| busy >= UNDISTURBED * cores as f64);
    // The OS's clocks are read at different moments.
    let reason = if busy(many).is_some_and(|busy| busy > cores as f64 + 1.0) {
        (Verdict::Fails, "it used more cores than there are")
    } else if faster <= 1.2 {
        (Verdict::Holds, "the threads had to take turns on the cores")
    } else if few.iter().all(undisturbed) {
        (Verdict::Fails, "more threads got more done")
    } else {
        (Verdict::NotShown, "more threads got a larger share beside other programs")
    };
    let busy = busy(many).map_or("unknown".into(), |busy| format!("{busy:.2}"));
    Check::new(
        format!("no faster, {} busy at most", count(cores, "core")),
        format!("{faster:.2} times as fast, {busy} cores busy"),
        reason,
    )
    .unless(lost(&[few[0], many, few[1]]))
    .unless((few_ms < WORTHWHILE_MS).then_some(TOO_LITTLE))
}

/// Did the OS take cores from busy threads because there were more of them than cores? `None` if it
/// does not count that.
fn interrupted(few: [&Run; 2], many: &Run, cores: usize) -> Option<Check> {
    let switches = |run: &Run| run.involuntary_switches;
    let few_ms = few[0].wall_ms.min(few[1].wall_ms);
    let fewest = switches(few[0])?.min(switches(few[1])?);
    let most = switches(many)?;
    // Each thread beyond the cores runs only after another one had to stop.
    let reason = if most < 3 * cores as u64 {
        (Verdict::Fails, "the OS took the core from hardly any of them")
    } else if most >= 2 * fewest {
        (Verdict::Holds, "a thread that computes stops only if the OS takes its core")
    } else {
        (
            Verdict::NotShown,
            "other programs interrupted the runs with one thread for each core, too",
        )
    };
    let check = Check::new(
        "involuntary context switches: twice as many with four threads for each core, or more",
        format!("{fewest}, then {most}"),
        reason,
    );
    let check = check.unless(lost(&[few[0], many, few[1]]));
    Some(check.unless((few_ms < WORTHWHILE_MS).then_some(TOO_LITTLE)))
}

/// Did all of `count` threads wait at the same time?
fn all_wait(count: usize, most: usize) -> Check {
    let reason = match most {
        most if most >= count => (Verdict::Holds, "counted at a gate that opens when all wait"),
        ..=1 => (Verdict::Fails, "they waited in turns"),
        _ => (Verdict::NotShown, "some threads did not start in time"),
    };
    Check::new(format!("{count} at once, in {count} threads"), format!("{most} at once"), reason)
}

/// Did only as many tasks wait at once as the pool has threads?
fn waits_queue(size: usize, most: usize) -> Check {
    let (tasks, plural) = (4 * size, if size == 1 { "" } else { "s" });
    let reason = if most > size {
        (Verdict::Fails, "more tasks waited than there are cores")
    } else if most == size {
        (Verdict::Holds, "a task that waits keeps its thread of the pool")
    } else {
        (Verdict::NotShown, "some of the pool's threads did not start in time")
    };
    Check::new(
        format!("{size} at once of {tasks}, in {size} thread{plural}"),
        format!("{most} at once"),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::{self, assert_check};
    use Verdict::*;
    use shared::report::sample::losing;

    fn run(wall_ms: f64, cpu_ms: impl Into<Option<f64>>) -> Run {
        tests::run(wall_ms, cpu_ms, None)
    }

    #[test]
    fn faster_than_the_cores_allow_fails() {
        let (turns, share) = ("take turns", "larger share");
        // Nine tenths of both cores, less, and unknown.
        let (quiet, loud) = (run(125.0, 225.0), run(125.0, 224.0));
        let unknown = run(125.0, None);
        let many = run(100.0, 200.0);
        for (before, many, after, verdict, because) in [
            (&quiet, &run(126.0, 250.0), &quiet, Holds, turns),
            // One core more than there are, and a bit more than that.
            (&quiet, &run(125.0, 375.0), &quiet, Holds, turns),
            (&quiet, &run(125.0, 376.0), &quiet, Fails, "more cores than there are"),
            // 1.2 times as fast as the faster of the two others, and a bit more.
            (&run(120.0, 240.0), &many, &quiet, Holds, turns),
            (&quiet, &many, &run(120.0, 240.0), Holds, turns),
            (&run(121.0, 242.0), &many, &run(121.0, 242.0), Fails, "got more done"),
            (&quiet, &many, &quiet, Fails, "got more done"),
            (&loud, &many, &quiet, NotShown, share),
            (&quiet, &many, &loud, NotShown, share),
            (&quiet, &many, &unknown, NotShown, share),
        ] {
            assert_check(check([before, after], many, 2), verdict, because);
        }
        let measured = |many| check([&quiet, &quiet], many, 2).measured;
        assert_eq!(measured(&many), "1.25 times as fast, 2.00 cores busy");
        assert_eq!(measured(&unknown), "1.00 times as fast, unknown cores busy");
        let predicted = check([&quiet, &quiet], &many, 2).predicted;
        assert_eq!(predicted, "no faster, 2 cores busy at most");
    }

    #[test]
    fn short_or_lossy_run_shows_nothing() {
        let enough = &run(50.0, 100.0);
        assert_check(check([enough, enough], enough, 2), Holds, "take turns");
        let short = &run(49.5, 99.0);
        assert_check(check([enough, short], enough, 2), NotShown, "too little work");
        let lossy = &losing(enough.clone(), 1, "");
        for [before, many, after] in
            [[lossy, enough, enough], [enough, lossy, enough], [enough, enough, lossy]]
        {
            let check = check([before, after], many, 2);
            assert_check(check, NotShown, "lost 1 of 10 tasks");
        }
    }

    #[test]
    fn interrupted_threads_are_counted() {
        let run = |switches| Run { involuntary_switches: switches, ..run(50.0, None) };
        let of = |few: [u64; 2], many| {
            let [before, after] = few.map(|switches| run(Some(switches)));
            interrupted([&before, &after], &run(Some(many)), 2).unwrap()
        };
        assert_check(of([113, 12], 61), Holds, "takes its core");
        assert_check(of([0, 0], 6), Holds, "takes its core");
        assert_check(of([0, 0], 5), Fails, "hardly any");
        assert_check(of([31, 40], 61), NotShown, "other programs");
        assert_eq!(of([113, 12], 61).measured, "12, then 61");
        let (known, unknown) = (run(Some(0)), run(None));
        assert_eq!(interrupted([&known, &unknown], &known, 2), None);
        let short = Run { wall_ms: 49.5, ..known.clone() };
        let check = interrupted([&known, &short], &known, 2).unwrap();
        assert_check(check, NotShown, "too little work");
        let lossy = losing(known.clone(), 1, "");
        let check = interrupted([&known, &known], &lossy, 2).unwrap();
        assert_check(check, NotShown, "lost 1 of 10 tasks");
    }

    #[test]
    fn waits_in_turns_or_in_a_larger_pool_fail() {
        let gate = Gate::new(8, Duration::ZERO);
        (0..8).for_each(|_| gate.pass());
        assert_check(all_wait(8, gate.most()), Fails, "in turns");
        assert_check(all_wait(8, thread_waits(8).unwrap()), Holds, "when all wait");
        assert_check(all_wait(8, 7), NotShown, "in time");
        // The trap disarmed: a thread for every wait, as a pool of eight would have.
        assert_check(waits_queue(2, thread_waits(8).unwrap()), Fails, "than there are cores");
        assert_check(waits_queue(1, pool_waits(1).unwrap()), Holds, "keeps its thread");
        assert_ne!(waits_queue(2, pool_waits(2).unwrap()).verdict, Fails);
        assert_check(waits_queue(2, 1), NotShown, "in time");
    }
}
