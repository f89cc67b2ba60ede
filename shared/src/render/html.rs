//! Renders a report as one self-contained page: the report as JSON, and a script that draws it.
//!
//! Text from outside reaches the page only in that JSON, with every character escaped that could end
//! its element. The script sets it as text, never as markup. The page's policy allows the style and
//! the script with this page's nonce, embedded pictures, and nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use serde_json::{Value, json};

use crate::render::escape::{is_control, outcome};
use crate::render::timeline::MAX_ROWS;
use crate::report::lanes::lanes;
use crate::report::{LessonReport, Outcome, Report, Run, Task};

/// The page as one document.
pub fn page(report: &Report) -> String {
    let lessons: Vec<Value> = report.lessons.iter().map(lesson).collect();
    let data = json!({"demo": report.demo, "machine": report.machine, "lessons": lessons});
    // The report comes last, so that nothing in it is taken for another placeholder.
    include_str!("page.html")
        .replace("@STYLE@", include_str!("page.css"))
        .replace("@SCRIPT@", include_str!("page.js"))
        .replace("@NONCE@", &nonce())
        .replacen("@REPORT@", &escape_for_script(&data.to_string()), 1)
}

/// 128 random bits, new for each page: the standard library's hash keys.
fn nonce() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

/// JSON without any character that is special in HTML or JavaScript. In JSON these occur only in
/// strings, where an escape means the same. Characters that turn the reading direction become visible,
/// like on a terminal.
fn escape_for_script(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ if is_control(c) => escaped.push_str(&format!("\\\\u{{{:x}}}", c as u32)),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn lesson(lesson: &LessonReport) -> Value {
    let runs: Vec<Value> = lesson.runs.iter().map(run).collect();
    json!({
        "name": lesson.name, "about": lesson.about, "settings": lesson.settings, "runs": runs,
        "figures": lesson.figures, "picture": lesson.picture, "findings": lesson.findings,
    })
}

/// A run with its tasks grouped by lane, which takes a fifth of the space. A task is: id, row, start,
/// end, [`kind`], status, index of its error.
fn run(run: &Run) -> Value {
    let computes = computes(run);
    let mut errors = Vec::new();
    let mut known = HashMap::new();
    let mut lanes_of_run = Vec::new();
    for lane in lanes(run) {
        // A few tasks get a row each, like on the terminal, so that a sequence looks like stairs.
        let rows = match run.tasks.len() <= MAX_ROWS {
            true => (0..lane.tasks.len()).collect(),
            false => lane.rows(),
        };
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
        "model": run.model, "wall_ms": run.wall_ms, "predicted_ms": run.predicted_ms,
        "done": run.done, "failed": run.failed, "timed_out": run.timed_out,
        "cancelled": run.cancelled, "peak_in_flight": run.peak_in_flight,
        "connections": run.connections, "peak_rss_kib": run.peak_rss_kib, "cpu_ms": run.cpu_ms,
        "most_at_once": run.most_at_once(), "errors": errors, "lanes": lanes_of_run,
    })
}

/// What a task spent its time on, or why it was lost.
fn kind(task: &Task, computes: bool) -> &'static str {
    match task.outcome {
        Outcome::Done if task.status.is_none() && computes => "computing",
        Outcome::Done => "waiting",
        lost => outcome(lost),
    }
}

/// Whether tasks without a server spent their time computing: the OS counted CPU time for at least
/// half of it. If the OS does not count, they are taken to compute.
fn computes(run: &Run) -> bool {
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
fn rounded(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}
