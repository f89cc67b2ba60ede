//! Lays out a run's tasks over time as rows of characters, which `text::draw` prints.
//!
//! A thread has one row, and another for each further task that it has under way at the same time. So
//! a sequence is one long row, and the height of a block is the number of tasks at once.

use crate::render::columns::width;
use crate::render::escape::escape_controls;
use crate::report::lanes::{Lane, lanes};
use crate::report::{Run, Task};

/// Up to so many tasks are told apart, and up to so many rows are drawn. More rows become a row for
/// each thread, if there are several threads and no more than this.
const MAX_ROWS: usize = 24;

/// Rows of a larger run with one thread, or too many: each row stands for the same number of tasks, so
/// that it keeps its shape.
const GROUPS: usize = 10;

#[derive(Debug, PartialEq)]
pub struct Row {
    /// Without characters that a terminal acts on.
    pub label: String,
    /// How full each column is, from 0 (nothing under way) to 8.
    pub levels: Vec<u8>,
    /// Where a task begins, and its id, if there is room for it.
    pub ids: Vec<(usize, String)>,
}

/// The rows of `run` over `columns` columns of `scale_ms` in all.
pub fn rows(run: &Run, scale_ms: f64, columns: usize) -> Vec<Row> {
    let cell_ms = scale_ms / columns.max(1) as f64;
    let load = |tasks: &[&Task]| {
        let mut load = vec![0.0; columns];
        for task in tasks {
            fill(&mut load, task.start_ms / cell_ms, task.end_ms / cell_ms);
        }
        load
    };
    let row = |Group { label, tasks, full }: Group| {
        let Some(full) = full else {
            return numbered(label, tasks.iter().map(|task| (task.id, load(&[task]))), columns);
        };
        let load = load(&tasks);
        let full = full.unwrap_or(load.iter().copied().fold(0.0, f64::max));
        let level = |load: &f64| (load / full.max(f64::MIN_POSITIVE) * 8.0).ceil() as u8;
        Row { label, levels: load.iter().map(level).collect(), ids: Vec::new() }
    };
    groups(run).into_iter().map(row).collect()
}

/// A row of few tasks, one after another: full where a task covers half a column.
fn numbered(label: String, tasks: impl Iterator<Item = (usize, Vec<f64>)>, columns: usize) -> Row {
    let mut row = Row { label, levels: vec![0; columns], ids: Vec::new() };
    for (id, load) in tasks {
        let most = load.iter().copied().fold(0.0, f64::max);
        let is_full = |load: f64| load >= most.min(0.5) && load > 0.0;
        // A column that two tasks share belongs to the first.
        let full = |column: &usize| is_full(load[*column]) && row.levels[*column] == 0;
        let own: Vec<usize> = (0..columns).filter(full).collect();
        let id = id.to_string();
        if own.len() > id.len() {
            row.ids.push((own[0], id));
        }
        own.into_iter().for_each(|column| row.levels[column] = 8);
    }
    row
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
    /// How many tasks under way fill the row to the top: `Some(None)` for the row's peak, and `None`
    /// if its tasks are told apart.
    full: Option<Option<f64>>,
}

fn groups<'a>(run: &'a Run) -> Vec<Group<'a>> {
    let lanes = lanes(run);
    let many = run.tasks.len();
    let rows: Vec<(&str, Vec<&Task>)> = lanes.iter().flat_map(rows_of).collect();
    let by_thread = |(thread, tasks): (&str, Vec<&'a Task>)| Group {
        label: match many <= MAX_ROWS {
            true => escape_controls(thread),
            false => escape_controls(&format!("{thread}: {}", tasks.len())),
        },
        full: (many > MAX_ROWS).then_some(None),
        tasks,
    };
    if rows.len() <= MAX_ROWS {
        return rows.into_iter().map(by_thread).collect();
    }
    if (2..=MAX_ROWS).contains(&lanes.len()) {
        return lanes.into_iter().map(|lane| by_thread((lane.thread, lane.tasks))).collect();
    }
    let group = |row: usize| {
        let tasks = &run.tasks[many * row / GROUPS..many * (row + 1) / GROUPS];
        let ids = format!("{}-{}", tasks[0].id, tasks[tasks.len() - 1].id);
        let thread = if lanes.len() == 1 { &*tasks[0].thread } else { "" };
        Group {
            label: escape_controls(format!("{ids} {thread}").trim_end()),
            full: Some(Some(tasks.len() as f64)),
            tasks: tasks.iter().collect(),
        }
    };
    (0..GROUPS).map(group).collect()
}

/// The tasks of a thread, in rows in which no two overlap.
fn rows_of<'a>(lane: &Lane<'a>) -> Vec<(&'a str, Vec<&'a Task>)> {
    let mut rows: Vec<(&str, Vec<&Task>)> = Vec::new();
    for (&task, row) in lane.tasks.iter().zip(lane.rows()) {
        rows.resize(rows.len().max(row + 1), (lane.thread, Vec::new()));
        rows[row].1.push(task);
    }
    rows
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::on_threads;

    fn bars(spans: &[(&str, f64, f64)], scale_ms: f64, columns: usize) -> Vec<String> {
        let digits = |row: &Row| row.levels.iter().map(|level| level.to_string()).collect();
        rows(&on_threads(spans), scale_ms, columns).iter().map(digits).collect()
    }

    #[test]
    fn sequence_is_row_overlap_is_block() {
        let sequence = [("main", 0.0, 10.0), ("main", 10.0, 20.0), ("main", 20.0, 30.0)];
        assert_eq!(bars(&sequence, 40.0, 8), ["88888800"]);
        assert_eq!(bars(&[("a", 0.0, 10.0), ("b", 0.5, 10.5)], 30.0, 6), ["880000", "880000"]);
        assert_eq!(bars(&[("a", 0.0, 10.0), ("a", 0.5, 10.5)], 30.0, 6), ["880000", "880000"]);
    }

    #[test]
    fn tasks_of_a_row_are_numbered_where_they_fit() {
        let sequence = [("main", 0.0, 10.0), ("main", 10.0, 15.0), ("main", 15.0, 30.0)];
        let rows = rows(&on_threads(&sequence), 30.0, 6);
        assert_eq!(rows[0].ids, [(0, "0".to_string()), (3, "2".to_string())]);
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
        let sequence: Vec<_> = (0..48).map(f64::from).map(|id| ("main", id, id + 1.0)).collect();
        let drawn = rows(&on_threads(&sequence), 96.0, 8);
        assert_eq!((drawn.len(), &*drawn[0].label), (1, "main: 48"));
        assert_eq!(drawn[0].levels, [8, 8, 8, 8, 0, 0, 0, 0]);
        for threads in [48, 1] {
            let names: Vec<String> = (0..48).map(|id| format!("t{}", id % threads)).collect();
            let block: Vec<_> = names.iter().map(|thread| (&**thread, 0.0, 24.0)).collect();
            let rows = rows(&on_threads(&block), 48.0, 4);
            assert_eq!((rows.len(), &rows[9].label[..5]), (GROUPS, "43-47"));
            assert!(rows.iter().all(|row| row.levels == [8, 8, 0, 0]));
        }
    }
}
