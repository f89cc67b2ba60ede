//! Lays out a run's tasks over time in rows of characters; pure, for any renderer of characters.

use crate::lanes;
use crate::report::{Run, Task};

/// Up to so many tasks have a row each. Of more, those of one thread or process share a row, if
/// there are several and no more than this.
pub const MAX_ROWS: usize = 24;

/// Rows of a run with one thread only, or too many: each is for the same number of tasks, by their
/// ids, so that a sequence looks like stairs and an overlap like a block, whatever their number.
const GROUPS: usize = 12;

#[derive(Debug, PartialEq)]
pub struct Row {
    pub label: String,
    /// For each column how full it is, from 0 (nothing under way) to 8.
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

/// How wide the labels of `run` are.
pub fn label_columns(run: &Run) -> usize {
    let widths = groups(run).into_iter().map(|group| group.label.chars().count());
    widths.max().unwrap_or(0)
}

/// The tasks of a row.
struct Group<'a> {
    label: String,
    tasks: Vec<&'a Task>,
    /// How many under way at once fill the row to the top; `None` for the most that ever were.
    full: Option<f64>,
}

fn groups<'a>(run: &'a Run) -> Vec<Group<'a>> {
    let lanes = lanes::lanes(run);
    if run.tasks.len() > MAX_ROWS && (2..=MAX_ROWS).contains(&lanes.len()) {
        let group = |lane: lanes::Lane<'a>| Group {
            label: format!("{}: {}", lane.thread, lane.tasks.len()),
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
                label: format!("{ids} {thread}").trim_end().into(),
                full: Some(tasks.len() as f64),
                tasks: tasks.iter().collect(),
            }
        })
        .collect()
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
    use crate::stopwatch::tests::run_of;

    fn task(thread: &str, start_ms: f64, end_ms: f64) -> Task {
        Task { thread: thread.into(), start_ms, end_ms, ..Task::failed(0, "") }
    }

    fn bars(tasks: Vec<Task>, scale_ms: f64, columns: usize) -> Vec<String> {
        rows(&run_of(tasks), scale_ms, columns)
            .iter()
            .map(|row| row.levels.iter().map(|level| level.to_string()).collect())
            .collect()
    }

    /// Would be wrong: a sequence that does not look like stairs, or an overlap that does.
    #[test]
    fn a_sequence_is_a_stair_and_an_overlap_is_a_block() {
        let stair =
            vec![task("main", 0.0, 10.0), task("main", 10.0, 20.0), task("main", 20.0, 30.0)];
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
    }

    /// Would be wrong: a thousand tasks one after another that look like a thousand at once, or rows
    /// that say nothing of the tasks they leave out.
    #[test]
    fn many_tasks_keep_the_shape_of_a_few() {
        let stair = (0..48).map(|id| task("main", id as f64, id as f64 + 1.0));
        let drawn = bars(stair.collect(), 48.0, 12);
        assert_eq!(drawn.len(), GROUPS);
        assert_eq!((&*drawn[0], &*drawn[11]), ("200000000000", "000000000002"));
        let block = (0..48).map(|id| task(&format!("t{id}"), 0.0, 24.0));
        let run = run_of(block.collect());
        let rows = rows(&run, 48.0, 4);
        assert_eq!((rows.len(), &*rows[11].label), (GROUPS, "44-47"));
        assert!(rows.iter().all(|row| row.levels == [8, 8, 0, 0]));
    }
}
