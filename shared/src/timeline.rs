//! Lays out a run's tasks over time, one row a task; pure, for any renderer of characters.

use std::collections::HashMap;

use crate::report::{Run, Task};

/// With more tasks than this, the tasks of one thread or process share a row, and of those rows
/// no more than this are drawn.
pub const MAX_ROWS: usize = 24;

#[derive(Debug, PartialEq)]
pub struct Row {
    pub label: String,
    /// For each column how full it is, from 0 (nothing under way) to 8.
    pub levels: Vec<u8>,
}

/// The rows of `run` over `columns` columns of `scale_ms` in all, and how many rows were left out.
pub fn rows(run: &Run, scale_ms: f64, columns: usize) -> (Vec<Row>, usize) {
    let cell_ms = scale_ms / columns.max(1) as f64;
    let mut rows = Vec::new();
    for (label, tasks) in lanes(run) {
        let mut load = vec![0.0; columns];
        for task in &tasks {
            fill(&mut load, task.start_ms / cell_ms, task.end_ms / cell_ms);
        }
        let most = load.iter().copied().fold(0.0, f64::max);
        let levels = load
            .iter()
            .map(|&load| level(load, most, tasks.len()))
            .collect();
        rows.push(Row { label, levels });
    }
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    (rows, left_out)
}

/// How wide the labels of `run` are.
pub fn label_columns(run: &Run) -> usize {
    lanes(run)
        .iter()
        .take(MAX_ROWS)
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or(0)
}

/// Tasks by the row they belong to, in order of first appearance.
fn lanes(run: &Run) -> Vec<(String, Vec<&Task>)> {
    if run.tasks.len() <= MAX_ROWS {
        return run
            .tasks
            .iter()
            .map(|task| (format!("{} {}", task.id, task.thread), vec![task]))
            .collect();
    }
    let mut lanes: Vec<(String, Vec<&Task>)> = Vec::new();
    let mut places = HashMap::new();
    for task in &run.tasks {
        let place = *places.entry((task.pid, &task.thread)).or_insert_with(|| {
            lanes.push((task.thread.clone(), Vec::new()));
            lanes.len() - 1
        });
        lanes[place].1.push(task);
    }
    for (label, tasks) in &mut lanes {
        *label = format!("{label}: {}", tasks.len());
    }
    lanes
}

/// Adds to each column how much of it the span from `start` to `end` (in columns) covers.
fn fill(load: &mut [f64], start: f64, end: f64) {
    let first = (start as usize).min(load.len().saturating_sub(1));
    let end_column = (end.ceil() as usize).min(load.len()).max(first + 1);
    for (column, load) in load.iter_mut().enumerate().take(end_column).skip(first) {
        let covered = end.min(column as f64 + 1.0) - start.max(column as f64);
        // However short, a task leaves a trace.
        *load += covered.max(0.001);
    }
}

/// A row of one task is drawn full wherever it covers half a column; a row of many by their number.
fn level(load: f64, most: f64, tasks: usize) -> u8 {
    match tasks {
        1 if load >= most.min(0.5) && load > 0.0 => 8,
        1 => 0,
        _ => (load / most.max(f64::MIN_POSITIVE) * 8.0).ceil() as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stopwatch::tests::run_of;

    fn task(thread: &str, start_ms: f64, end_ms: f64) -> Task {
        Task {
            thread: thread.into(),
            start_ms,
            end_ms,
            ..Task::failed(0, "")
        }
    }

    fn bars(tasks: Vec<Task>, scale_ms: f64, columns: usize) -> Vec<String> {
        let (rows, _) = rows(&run_of(tasks), scale_ms, columns);
        rows.iter()
            .map(|row| row.levels.iter().map(|level| level.to_string()).collect())
            .collect()
    }

    /// Would be wrong: a sequence that does not look like stairs, or an overlap that does.
    #[test]
    fn a_sequence_is_a_stair_and_an_overlap_is_a_block() {
        let stair = vec![
            task("main", 0.0, 10.0),
            task("main", 10.0, 20.0),
            task("main", 20.0, 30.0),
        ];
        assert_eq!(bars(stair, 30.0, 6), ["880000", "008800", "000088"]);
        let block = vec![task("a", 0.0, 10.0), task("b", 0.5, 10.5)];
        assert_eq!(bars(block, 30.0, 6), ["880000", "880000"]);
    }

    /// Would be wrong: a task too short for a column that is not drawn at all.
    #[test]
    fn every_task_leaves_a_trace() {
        assert_eq!(bars(vec![task("a", 99.9, 100.0)], 100.0, 5), ["00008"]);
        assert_eq!(bars(vec![task("a", 100.0, 100.0)], 100.0, 5), ["00008"]);
        assert_eq!(bars(vec![task("a", 0.0, 0.0)], 0.0, 5).len(), 1);
    }

    /// Would be wrong: a thousand tasks that scroll the report away.
    #[test]
    fn many_tasks_share_a_row_for_each_thread() {
        let tasks =
            (0..1000).map(|id| task(["a", "b"][id % 2], 0.0, if id < 500 { 10.0 } else { 5.0 }));
        assert_eq!(bars(tasks.collect(), 10.0, 4), ["8844", "8844"]);
        let many = (0..1000)
            .map(|id| task(&format!("t{id}"), 0.0, 1.0))
            .collect();
        let (rows, left_out) = rows(&run_of(many), 1.0, 4);
        assert_eq!((rows.len(), left_out), (MAX_ROWS, 1000 - MAX_ROWS));
    }
}
