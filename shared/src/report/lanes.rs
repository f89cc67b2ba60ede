//! Groups a run's tasks by the process and thread that ran them; pure, for any renderer.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::report::{Run, Task};

/// The tasks of one thread.
#[derive(Debug)]
pub struct Lane<'a> {
    pub pid: u32,
    pub thread: &'a str,
    /// Ordered by start, then by id.
    pub tasks: Vec<&'a Task>,
}

/// The lanes of `run`, in order of their first task's id.
pub fn lanes(run: &Run) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut places = HashMap::new();
    for task in &run.tasks {
        let place = *places.entry((task.pid, &task.thread)).or_insert_with(|| {
            lanes.push(Lane { pid: task.pid, thread: &task.thread, tasks: Vec::new() });
            lanes.len() - 1
        });
        lanes[place].tasks.push(task);
    }
    for lane in &mut lanes {
        lane.tasks.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms).then(a.id.cmp(&b.id)));
    }
    lanes
}

impl Lane<'_> {
    /// For each task, the first row from 0 that is free when it starts. More than one row means that
    /// tasks of this thread overlap.
    pub fn rows(&self) -> Vec<usize> {
        let mut taken = BinaryHeap::new();
        let mut free = BinaryHeap::new();
        let mut next = 0;
        let mut rows = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            let (start, end) = (nanoseconds(task.start_ms), nanoseconds(task.end_ms));
            while let Some(&Reverse((ended, row))) = taken.peek()
                && ended <= start
            {
                taken.pop();
                free.push(Reverse(row));
            }
            let row = match free.pop() {
                Some(Reverse(row)) => row,
                None => {
                    next += 1;
                    next - 1
                }
            };
            taken.push(Reverse((end, row)));
            rows.push(row);
        }
        rows
    }
}

/// A time as a whole number, so that times which look equal are equal.
pub fn nanoseconds(ms: f64) -> i64 {
    (ms * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::on_threads;

    #[test]
    fn overlapping_tasks_get_rows_of_their_own() {
        let run = on_threads(&[
            ("main", 0.0, 10.0),
            ("main", 5.0, 20.0),
            ("main", 10.0, 15.0),
            ("main", 16.0, 30.0),
            ("other", 0.0, 1.0),
        ]);
        let lanes = lanes(&run);
        assert_eq!(lanes.len(), 2);
        assert_eq!(lanes[0].rows(), [0, 1, 0, 0]);
        assert_eq!((lanes[1].thread, lanes[1].rows()), ("other", vec![0]));
    }
}
