//! The operating system's scheduler decides which thread runs on which core, and for how long. Busy
//! threads beyond the number of cores take turns, so no more gets done.
//! You will see the same picture drawn by one thread for each core, by four, and by one again.
//! Try it: on Linux, `taskset -c 0` in front, or `nice -n 19`.

use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use shared::report::{Run, Verdict};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson};

use crate::cores::{WORTHWHILE_MS, busy};
use crate::gallery::{Gallery, Painter, Row};

pub const LESSON: Lesson = Lesson::new(
    "scheduler",
    "More busy threads than cores",
    &["G7"],
    run,
    include_str!("scheduler.rs"),
);

fn run(lab: &Lab) -> Result<Evidence> {
    let (cores, mut gallery) = (lab.cores, Gallery::new(lab));
    let few = gallery.run("a thread for each core", None, |painter| by_threads(painter, cores))?;
    let many = gallery
        .run("four threads for each core", few.wall_ms, |painter| by_threads(painter, 4 * cores))?;
    let again = gallery
        .run("a thread for each core again", few.wall_ms, |painter| by_threads(painter, cores))?;
    let finding =
        check([&few, &again], &many, cores).on("G7", "More busy threads than cores do not help");
    Ok(Evidence::new(vec![few, many, again], vec![finding]))
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

/// A run had the cores to itself if it used this much of them.
const UNDISTURBED: f64 = 0.9;

/// Are many threads no faster than a thread for each core, in the runs before and after?
fn check(few: [&Run; 2], many: &Run, cores: usize) -> Check {
    let few_ms = few[0].wall_ms.min(few[1].wall_ms);
    let faster = few_ms / many.wall_ms;
    let undisturbed = |run: &&Run| busy(run).is_some_and(|busy| busy >= UNDISTURBED * cores as f64);
    // A quota may allow a part of one core more.
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
        format!("no faster, {cores} cores busy at most"),
        format!("{faster:.2} times as fast, {busy} cores busy"),
        reason,
    )
    .unless(lost(&[few[0], many, few[1]]))
    .unless((few_ms < WORTHWHILE_MS).then_some("too little work to tell: try a larger -n"))
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
            assert_check(check, NotShown, "1 of 10 tasks were not done");
        }
    }
}
