//! How long does work go on that is no longer needed? A thread and a rayon job stop when they check a
//! flag, a task at its next await, a process at once. Inside a process, code that never checks a flag
//! or awaits runs to its end.
//! You will see six times the same work of a hundred pieces, stopped after the first.
//! Try it: `from_millis(100)` for `PIECE` in `stoppable_work.rs`. Which kinds take ten times as long?

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::os::child::{self, ChildMode};
use shared::os::clock::now_ms;
use shared::report::{Figure, Scale, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder as Runtime;
use tokio::task::yield_now;

use crate::lessons::stoppable_work::{PIECES, PROCESS, Work};

pub const LESSON: Lesson = Lesson::new(
    "stop",
    "How long it takes to stop a thread, a task, a job and a process",
    &["G10"],
    run,
    include_str!("stop.rs"),
)
.child_modes(&[CHILD, PROCESS]);

/// A child process in which work of one kind is stopped.
const CHILD: ChildMode = ChildMode::new("stop-one", stop_one);

fn run(_: &Lab) -> Result<Evidence> {
    let mut figure = Figure::new("Time until it stopped", "ms", Scale::Logarithmic);
    let mut done = Vec::new();
    for kind in ["thread", "thread+flag", "job", "job+flag", "task", "process"] {
        let output = CHILD.run(&[kind], Duration::from_secs(20))?;
        let line = output.stdout.trim().split_once(' ');
        let (pieces, ms) = line.with_context(|| format!("{kind}: {}", output.stderr))?;
        figure = figure.point(kind, ms.parse::<f64>()?, None);
        done.push((kind, pieces.parse()?));
    }
    let finding =
        check(&done).on("G10", "Code that never checks a flag or awaits cannot be stopped");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure]))
}

/// The child: starts work of one kind, stops it, and writes how many pieces it did and how many
/// milliseconds it took to stop.
fn stop_one(args: &[String]) -> Result<()> {
    let kind = args.first().map_or("", String::as_str);
    let (work, checks_flag) = (Arc::new(Work::default()), kind.ends_with("flag"));
    let shared = work.clone();
    let stop_ms = match kind {
        "thread" | "thread+flag" => {
            let thread = Builder::new().spawn(move || shared.run(checks_flag))?;
            (work.stop_ms(), thread.join()).0
        }
        "job" | "job+flag" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
            pool.in_place_scope(|scope| {
                scope.spawn(move |_| shared.run(checks_flag));
                work.stop_ms()
            })
        }
        "task" => Runtime::new_current_thread().enable_time().build()?.block_on(async {
            let task = tokio::spawn(async move { shared.run_async().await });
            while work.done.load(SeqCst) == 0 {
                yield_now().await;
            }
            task.abort();
            (now_ms(), task.await).0
        }),
        _ => {
            let mut process = PROCESS.spawn(&[])?;
            process.stdout.read_line(&mut String::new())?;
            let stop_ms = (process.child.kill()?, now_ms()).1;
            process.child.wait()?;
            work.done.store(1 + process.stdout.lines().count(), SeqCst);
            stop_ms
        }
    };
    let ms = now_ms() - stop_ms;
    child::write_line(format!("{} {ms:.3}", work.done.load(SeqCst)));
    Ok(())
}

/// Did only the thread and the job that never check the flag do all pieces?
fn check(done: &[(&str, usize)]) -> Check {
    let never_checks = |kind: &str| matches!(kind, "thread" | "job");
    let as_claimed = |&(kind, pieces): &(&str, usize)| (pieces < PIECES) != never_checks(kind);
    let reason = match done.iter().all(as_claimed) {
        true => (Verdict::Holds, "work that never checks the flag ran to its end"),
        false => (Verdict::Fails, "some work ran on, or stopped, against the prediction"),
    };
    let cells: Vec<String> = done.iter().map(|(kind, pieces)| format!("{kind} {pieces}")).collect();
    let predicted = format!("thread and job {PIECES} pieces, the others fewer");
    Check::new(predicted, cells.join("; "), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::assert_check;
    use Verdict::*;

    #[test]
    fn only_unchecked_work_does_every_piece() {
        let check =
            |kind, pieces| check(&[("thread", 100), ("job", 100), ("task", 99), (kind, pieces)]);
        assert_check(check("process", 99), Holds, "ran to its end");
        assert_eq!(check("process", 1).measured, "thread 100; job 100; task 99; process 1");
        for (kind, pieces) in [("process", 100), ("thread", 99), ("job", 99), ("job+flag", 100)] {
            assert_check(check(kind, pieces), Fails, "against the prediction");
        }
    }
}
