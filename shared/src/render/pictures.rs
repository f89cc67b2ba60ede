//! What the page's script draws, as JSON: the spans of tasks, and the points of figures.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::render::escape::outcome;
use crate::report::lanes::lanes;
use crate::report::{LessonReport, Outcome, Run, Task};

/// The pictures of a lesson.
pub fn lesson(lesson: &LessonReport) -> Value {
    let runs: Vec<Value> = lesson.runs.iter().map(|one| run(one, computes(lesson, one))).collect();
    let figures: Vec<Value> = lesson
        .figures
        .iter()
        .map(
            |figure| json!({"scale": figure.scale, "points": figure.points, "limit": figure.limit}),
        )
        .collect();
    json!({"runs": runs, "figures": figures})
}

/// A run with its tasks grouped by lane, which takes a fifth of the space. A task is: id, row, start,
/// end, [`kind`], status, index of its error.
fn run(run: &Run, computes: bool) -> Value {
    let mut errors = Vec::new();
    let mut known = HashMap::new();
    let mut lanes_of_run = Vec::new();
    for lane in lanes(run) {
        let rows = lane.rows();
        let mut tasks = Vec::with_capacity(rows.len());
        for (&task, row) in lane.tasks.iter().zip(&rows) {
            let error = task.error.as_deref().map(|error| {
                *known.entry(error).or_insert_with(|| {
                    errors.push(error);
                    errors.len() - 1
                })
            });
            let (start, end) = (rounded(task.start_ms), rounded(task.end_ms));
            let kind = kind(task, computes);
            tasks.push(json!([task.id, row, start, end, kind, task.status, error]));
        }
        let rows = rows.iter().max().map_or(0, |row| row + 1);
        lanes_of_run
            .push(json!({"pid": lane.pid, "thread": lane.thread, "rows": rows, "tasks": tasks}));
    }
    json!({
        "wall_ms": run.wall_ms, "predicted_ms": run.predicted_ms,
        "most_at_once": run.most_at_once(), "errors": errors, "lanes": lanes_of_run,
    })
}

/// What a task spent its time on, or why it was lost.
fn kind(task: &Task, computes: bool) -> &'static str {
    match task.outcome {
        Outcome::Done if computes => "computing",
        Outcome::Done => "waiting",
        lost => outcome(lost),
    }
}

/// Whether the tasks of a run spent their time computing. In a lesson with an address they did not; in
/// one without an address and without a delay they did, even if a busy machine gave them little CPU
/// time. In others, the OS counted CPU time for at least half of their time, or does not count.
pub(crate) fn computes(lesson: &LessonReport, run: &Run) -> bool {
    match (&lesson.settings.url, lesson.settings.delay_ms) {
        (Some(_), _) => return false,
        (None, None) => return true,
        (None, Some(_)) => {}
    }
    let mut spans: Vec<(f64, f64)> = run.tasks.iter().map(|t| (t.start_ms, t.end_ms)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut under_way_ms, mut until) = (0.0, 0.0);
    for (start, end) in spans {
        under_way_ms += (end - start.max(until)).max(0.0);
        until = end.max(until);
    }
    run.cpu_ms.is_none_or(|cpu_ms| cpu_ms >= under_way_ms / 2.0)
}

/// To the microsecond.
pub fn rounded(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}
