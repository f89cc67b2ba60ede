//! Renders a report as one page that needs nothing else: the report as JSON, and a script that
//! draws it.
//!
//! All text from outside reaches the page as that JSON, with every character escaped that could end
//! its element; the script sets it as text, never as markup. The page's policy allows the style and
//! the script that carry this page's own nonce, pictures written into it, and nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use serde_json::{Value, json};

use crate::lanes::lanes;
use crate::report::{Lesson, Outcome, Report, Run, Task};
use crate::text::{self, outcome};
use crate::timeline::MAX_ROWS;

/// The page as one document.
pub fn page(report: &Report) -> String {
    let lessons: Vec<Value> = report.lessons.iter().map(lesson).collect();
    let data = json!({"demo": report.demo, "machine": report.machine, "lessons": lessons});
    // The report comes last: nothing that it says is taken for one of the others.
    include_str!("page.html")
        .replace("@STYLE@", include_str!("page.css"))
        .replace("@SCRIPT@", include_str!("page.js"))
        .replace("@NONCE@", &nonce())
        .replacen("@REPORT@", &inert(&data.to_string()), 1)
}

/// A number that is new for each page: 128 bits of the standard library's hash keys, which are random.
fn nonce() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

/// JSON without any character that HTML or JavaScript could take for its own. In JSON these only
/// stand in strings, where an escape means the same. Those that turn the direction of writing, and
/// with it what somebody reads, become visible, as they do on a terminal.
fn inert(json: &str) -> String {
    let mut inert = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                inert.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ if text::is_obeyed(c) => inert.push_str(&format!("\\\\u{{{:x}}}", c as u32)),
            _ => inert.push(c),
        }
    }
    inert
}

fn lesson(lesson: &Lesson) -> Value {
    let runs: Vec<Value> = lesson.runs.iter().map(run).collect();
    json!({
        "name": lesson.name, "about": lesson.about, "settings": lesson.settings, "runs": runs,
        "figures": lesson.figures, "picture": lesson.picture, "findings": lesson.findings,
    })
}

/// A run as in the report, but its tasks by lanes and without names, which takes a fifth of the
/// space: id, row, start, end, kind (see [`kind`]), status, number of the error.
fn run(run: &Run) -> Value {
    let computes = computes(run);
    let mut errors = Vec::new();
    let mut known = HashMap::new();
    let mut lanes_of_run = Vec::new();
    for lane in lanes(run) {
        // A few tasks have a row each, as on the terminal: a sequence looks like stairs.
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

/// What a task did with its time, or what became of it.
fn kind(task: &Task, computes: bool) -> &'static str {
    match task.outcome {
        Outcome::Done if task.status.is_none() && computes => "computing",
        Outcome::Done => "waiting",
        lost => outcome(lost),
    }
}

/// Whether tasks that no server answered used the time in which they ran to compute: so it was if
/// the system counted CPU time for at least half of it. Where it does not count, it is believed.
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
