//! Renders a report as Trace Event JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing open.
//!
//! In the "Trace Event Format", times are microseconds, and the slices of a thread must nest. The
//! overlapping tasks of an async thread are therefore async events, beside the thread. Every run starts
//! at 0 in the report; here, runs follow each other.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::render::escape::outcome;
use crate::report::lanes::{Lane, lanes, nanoseconds};
use crate::report::{LessonReport, Report, Run, Task};

/// Between two runs, in milliseconds.
const GAP_MS: f64 = 1.0;

/// The trace as one JSON document.
pub fn document(report: &Report) -> String {
    let mut trace = Trace::default();
    for lesson in &report.lessons {
        trace.lesson(report, lesson);
    }
    let events = [trace.names, trace.events].concat();
    let document = json!({
        "displayTimeUnit": "ms",
        "otherData": {"demo": report.demo, "machine": report.machine},
        "traceEvents": events,
    });
    document.to_string()
}

#[derive(Default)]
struct Trace {
    /// Names of processes and threads.
    names: Vec<Value>,
    events: Vec<Value>,
    /// The number of each lane, by process and name. (The OS's thread ids are unknown.)
    threads: HashMap<(u32, String), usize>,
    processes: HashSet<u32>,
    /// Where the next run starts.
    now_ms: f64,
    /// The last id that ties two events together.
    ties: usize,
}

impl Trace {
    fn lesson(&mut self, report: &Report, lesson: &LessonReport) {
        // The lessons of a summary are named "demo/lesson".
        let demo = lesson.name.split_once('/').map(|(demo, _)| demo);
        let demo = demo.unwrap_or(&report.demo);
        // The process with tasks on `main` is the one that starts the workers.
        let mut tasks = lesson.runs.iter().flat_map(|run| &run.tasks);
        let on_main = tasks.find(|task| task.thread == "main");
        let parent = on_main.map_or(std::process::id(), |task| task.pid);
        let lane = self.thread(parent, "runs", demo);
        let (begin, begin_ms) = (self.events.len(), self.now_ms);
        for run in &lesson.runs {
            self.run(run, parent, lane, demo);
        }
        if !lesson.runs.is_empty() {
            let args = json!({"about": lesson.about, "settings": lesson.settings});
            let end_ms = self.now_ms - GAP_MS;
            self.slice((parent, lane), &lesson.name, (begin_ms, end_ms), args);
            // Slices that start at the same time nest in this order.
            self.events[begin..].rotate_right(1);
        }
    }

    fn run(&mut self, run: &Run, parent: u32, lane: usize, demo: &str) {
        let ends = run.tasks.iter().map(|task| task.end_ms);
        let end_ms = ends.fold(run.wall_ms, f64::max);
        let args = json!({
            "wall_ms": run.wall_ms, "predicted_ms": run.predicted_ms, "done": run.done,
            "failed": run.failed, "timed_out": run.timed_out, "cancelled": run.cancelled,
            "peak_in_flight": run.peak_in_flight, "connections": run.connections,
            "peak_rss_kib": run.peak_rss_kib, "cpu_ms": run.cpu_ms,
            "voluntary_switches": run.voluntary_switches,
            "involuntary_switches": run.involuntary_switches,
        });
        let name = match run.round {
            Some(round) => format!("{}, round {round}", run.model),
            None => run.model.clone(),
        };
        let span = (self.now_ms, self.now_ms + end_ms);
        self.slice((parent, lane), &name, span, args);
        for tasks in lanes(run) {
            let worker = tasks.pid != parent;
            let process = if worker { format!("{demo} worker") } else { demo.to_string() };
            let thread = self.thread(tasks.pid, tasks.thread, &process);
            let overlap = tasks.rows().iter().any(|&row| row > 0);
            for &task in &tasks.tasks {
                if overlap {
                    self.apart(&tasks, thread, task);
                } else {
                    self.on_thread(&tasks, thread, task);
                }
                if worker && !overlap {
                    self.flow((parent, lane), (tasks.pid, thread), task);
                }
            }
        }
        self.now_ms += end_ms + GAP_MS;
    }

    /// A task that was alone on its thread.
    fn on_thread(&mut self, lane: &Lane, thread: usize, task: &Task) {
        let span = (self.now_ms + task.start_ms, self.now_ms + task.end_ms);
        let name = format!("task {}", task.id);
        self.slice((lane.pid, thread), &name, span, args(task));
    }

    /// A task that overlaps others on its thread. The viewer stacks events with the same name.
    fn apart(&mut self, lane: &Lane, thread: usize, task: &Task) {
        self.ties += 1;
        let name = format!("task on {}", lane.thread);
        for (phase, at_ms) in [("b", task.start_ms), ("e", task.end_ms)] {
            let mut event = json!({
                "ph": phase, "cat": "task", "name": name, "id": self.ties,
                "pid": lane.pid, "tid": thread, "ts": microseconds(self.now_ms + at_ms),
            });
            if phase == "b" {
                event["args"] = args(task);
            }
            self.events.push(event);
        }
    }

    /// An arrow from the run to the worker's task.
    fn flow(&mut self, from: (u32, usize), to: (u32, usize), task: &Task) {
        self.ties += 1;
        let at = microseconds(self.now_ms + task.start_ms);
        for (phase, (pid, tid)) in [("s", from), ("f", to)] {
            let mut event = json!({
                "ph": phase, "cat": "hand over", "name": "task", "id": self.ties,
                "pid": pid, "tid": tid, "ts": at,
            });
            if phase == "f" {
                event["bp"] = "e".into(); // Binds to the enclosing slice, not to the next one.
            }
            self.events.push(event);
        }
    }

    fn slice(
        &mut self,
        (pid, tid): (u32, usize),
        name: &str,
        (begin_ms, end_ms): (f64, f64),
        args: Value,
    ) {
        // Computed from rounded ends, so that rounding causes no overlap.
        let duration = nanoseconds(end_ms).saturating_sub(nanoseconds(begin_ms));
        self.events.push(json!({
            "ph": "X", "cat": "run", "name": name, "pid": pid, "tid": tid,
            "ts": microseconds(begin_ms), "dur": duration as f64 / 1000.0, "args": args,
        }));
    }

    /// The number of a lane. A new lane, and a new process, get their names.
    fn thread(&mut self, pid: u32, thread: &str, process: &str) -> usize {
        let next = self.threads.len() + 1;
        let key = (pid, thread.to_string());
        if let Some(&known) = self.threads.get(&key) {
            return known;
        }
        let mut name = |what: &str, name: &str| {
            self.names.push(json!({
                "ph": "M", "name": what, "pid": pid, "tid": next, "args": {"name": name},
            }));
        };
        if self.processes.insert(pid) {
            name("process_name", process);
        }
        name("thread_name", thread);
        // The viewer would sort by name; the runs must come first.
        self.names.push(json!({
            "ph": "M", "name": "thread_sort_index", "pid": pid, "tid": next,
            "args": {"sort_index": next},
        }));
        self.threads.insert(key, next);
        next
    }
}

fn args(task: &Task) -> Value {
    json!({
        "task": task.id, "thread": task.thread, "status": task.status,
        "outcome": outcome(task.outcome), "error": task.error,
    })
}

fn microseconds(ms: f64) -> f64 {
    nanoseconds(ms) as f64 / 1000.0
}
