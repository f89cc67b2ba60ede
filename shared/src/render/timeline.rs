//! Lays out a run's tasks over time as rows of characters, which `text::draw` prints.

use crate::render::columns::width;
use crate::render::escape::escape_controls;
use crate::report::lanes::{Lane, lanes};
use crate::report::{Run, Task};

/// Up to so many tasks get a row each. More tasks share a row for each thread, if there are several
/// threads and no more than this.
pub const MAX_ROWS: usize = 24;

/// Rows of a larger run with one thread, or too many: each row stands for the same number of tasks, so
/// that a sequence looks like stairs and an overlap like a block.
const GROUPS: usize = 12;

#[derive(Debug, PartialEq)]
pub struct Row {
    /// Without characters that a terminal acts on.
    pub label: String,
    /// How full each column is, from 0 (nothing under way) to 8.
    pub levels: Vec<u8>,
}

/// The rows of `run` over `columns` columns of `scale_ms` in all.
pub fn rows(run: &Run, scale_ms: f64, columns: usize) -> Vec<Row> {
    let cell_ms = scale_ms / columns.max(1) as f64;
    let mut rows = Vec::new();
    for Group { label, tasks, full } in groups(run) {
        let mut load = vec![0.0; columns];
        for task in &tasks {
            fill(&mut load, task.start_ms / cell_ms, task.end_ms / cell_ms);
        }
        let most = load.iter().copied().fold(0.0, f64::max);
        let full = full.unwrap_or(most);
        let levels = load.iter().map(|&load| level(load, most, full, tasks.len())).collect();
        rows.push(Row { label, levels });
    }
    rows
}

/// Width of the labels of `run`, in columns.
pub fn label_columns(run: &Run) -> usize {
    let widths = groups(run).into_iter().map(|group| width(&group.label));
    widths.max().unwrap_or(0)
}

/// The tasks of a row.
struct Group<'a> {
    label: String,
    tasks: Vec<&'a Task>,
    /// How many tasks under way fill the row to the top; `None` for the row's peak.
    full: Option<f64>,
}

fn groups<'a>(run: &'a Run) -> Vec<Group<'a>> {
    let lanes = lanes(run);
    if run.tasks.len() > MAX_ROWS && (2..=MAX_ROWS).contains(&lanes.len()) {
        let group = |lane: Lane<'a>| Group {
            label: escape_controls(&format!("{}: {}", lane.thread, lane.tasks.len())),
            full: None,
            tasks: lane.tasks,
        };
        return lanes.into_iter().map(group).collect();
    }
    let many = run.tasks.len();
    let rows = if many > MAX_ROWS { GROUPS } else { many };
    (0..rows)
        .map(|row| {
            let tasks = &run.tasks[many * row / rows..many * (row + 1) / rows];
            let ids = match tasks {
                [task] => task.id.to_string(),
                _ => format!("{}-{}", tasks[0].id, tasks[tasks.len() - 1].id),
            };
            let thread = match lanes.len() == 1 || tasks.len() == 1 {
                true => &tasks[0].thread,
                false => "",
            };
            Group {
                label: escape_controls(format!("{ids} {thread}").trim_end()),
                full: Some(tasks.len() as f64),
                tasks: tasks.iter().collect(),
            }
        })
        .collect()
}

/// Adds to each column how much of it the span from `start` to `end`, in columns, covers.
fn fill(load: &mut [f64], start: f64, end: f64) {
    let first = (start as usize).min(load.len().saturating_sub(1));
    let end_column = (end.ceil() as usize).min(load.len()).max(first + 1);
    for (column, load) in load.iter_mut().enumerate().take(end_column).skip(first) {
        let covered = end.min(column as f64 + 1.0) - start.max(column as f64);
        // Even the shortest task leaves a trace.
        *load += covered.max(0.001);
    }
}

/// A row of one task is full where the task covers half a column; a row of many shows their number.
fn level(load: f64, most: f64, full: f64, tasks: usize) -> u8 {
    match tasks {
        1 if load >= most.min(0.5) && load > 0.0 => 8,
        1 => 0,
        _ => (load / full.max(f64::MIN_POSITIVE) * 8.0).ceil() as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::on_threads;

    fn bars(spans: &[(&str, f64, f64)], scale_ms: f64, columns: usize) -> Vec<String> {
        let digits = |row: &Row| row.levels.iter().map(|level| level.to_string()).collect();
        rows(&on_threads(spans), scale_ms, columns).iter().map(digits).collect()
    }

    #[test]
    fn sequence_is_stairs_overlap_is_block() {
        let stairs = [("main", 0.0, 10.0), ("main", 10.0, 20.0), ("main", 20.0, 30.0)];
        assert_eq!(bars(&stairs, 30.0, 6), ["880000", "008800", "000088"]);
        assert_eq!(bars(&[("a", 0.0, 10.0), ("b", 0.5, 10.5)], 30.0, 6), ["880000", "880000"]);
    }

    #[test]
    fn shortest_task_leaves_a_trace() {
        assert_eq!(bars(&[("a", 99.9, 100.0)], 100.0, 5), ["00008"]);
        assert_eq!(bars(&[("a", 100.0, 100.0)], 100.0, 5), ["00008"]);
        assert_eq!(bars(&[("a", 0.0, 0.0)], 0.0, 5).len(), 1);
    }

    #[test]
    fn thousand_tasks_share_rows_by_thread() {
        let task = |id: usize| (["a", "b"][id % 2], 0.0, if id < 500 { 10.0 } else { 5.0 });
        assert_eq!(bars(&(0..1000).map(task).collect::<Vec<_>>(), 10.0, 4), ["8844", "8844"]);
    }

    #[test]
    fn many_tasks_keep_the_shape_of_few() {
        let stairs: Vec<_> = (0..48).map(f64::from).map(|id| ("main", id, id + 1.0)).collect();
        let drawn = bars(&stairs, 48.0, 12);
        assert_eq!(drawn.len(), GROUPS);
        assert_eq!((&*drawn[0], &*drawn[11]), ("200000000000", "000000000002"));
        let threads: Vec<String> = (0..48).map(|id| format!("t{id}")).collect();
        let block: Vec<_> = threads.iter().map(|thread| (&**thread, 0.0, 24.0)).collect();
        let rows = rows(&on_threads(&block), 48.0, 4);
        assert_eq!((rows.len(), &*rows[11].label), (GROUPS, "44-47"));
        assert!(rows.iter().all(|row| row.levels == [8, 8, 0, 0]));
    }
}
