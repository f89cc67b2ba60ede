//! Sample runs, for the unit tests of verdicts and renderers in every crate.

use crate::report::{Outcome, Run, Task};

/// A run named "sample" whose tasks were done in these spans of milliseconds, on the thread `main`.
pub fn run(spans: &[(f64, f64)]) -> Run {
    let task = |(id, &(start_ms, end_ms))| Task {
        end_ms,
        thread: "main".into(),
        ..Task::done(id, start_ms)
    };
    let wall_ms = spans.iter().map(|span| span.1).fold(0.0, f64::max);
    Run::new("sample", wall_ms, spans.iter().enumerate().map(task).collect())
}

/// A run whose tasks were done on these threads, in these spans.
pub fn on_threads(spans: &[(&str, f64, f64)]) -> Run {
    let times: Vec<_> = spans.iter().map(|&(_, start, end)| (start, end)).collect();
    let mut run = run(&times);
    run.tasks.iter_mut().zip(spans).for_each(|(task, span)| task.thread = span.0.into());
    run
}

/// A run of `tasks` tasks, all done and all from 0 to 100 ms, `peak` of which the server saw at once.
pub fn seen(tasks: usize, peak: usize) -> Run {
    Run { peak_in_flight: Some(peak), ..run(&vec![(0.0, 100.0); tasks]) }
}

/// The same run, but the last `count` tasks failed because of `why`.
pub fn losing(run: Run, count: usize, why: &str) -> Run {
    let done = run.tasks.len() - count;
    let lose = |task: Task| match task.id < done {
        true => task,
        false => Task { outcome: Outcome::Failed, error: Some(why.into()), ..task },
    };
    let tasks = run.tasks.into_iter().map(lose).collect();
    Run { tasks, done, failed: count, ..run }
}
