//! What a demo measured, as plain data. Lessons fill it, renderers read it, tests assert on it.
//!
//! Serialised, a [`Report`] is version 1 of the JSON document that `--format json` prints. Times are
//! milliseconds. A figure that is not known is `None` (`null`), never a guess.

use std::any::Any;
use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::ScopedJoinHandle;

use serde::{Deserialize, Serialize};

use crate::os::clock::{name_of, now_ms, thread_name};

pub mod lanes;
pub mod rounds;
pub mod sample;

/// Everything that one invocation of a demo found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub version: u32,
    pub demo: String,
    pub machine: Machine,
    pub lessons: Vec<LessonReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub os: String,
    /// Cores that this process may use, which can be fewer than the machine has.
    pub cores: usize,
    /// The CPU time that a container's quota allows, in cores, if that is less than the cores'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// `release` or `debug`.
    pub profile: String,
}

impl Machine {
    /// The CPU time that the OS allows, in cores, and that in words: `1 core`, `1.5 cores`.
    pub fn cpus(&self) -> (f64, String) {
        match self.cpu_quota {
            Some(1.0) => (1.0, count(1, "core")),
            Some(quota) => (quota, format!("{quota} cores")),
            None => (self.cores as f64, count(self.cores, "core")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonReport {
    pub name: String,
    pub about: String,
    pub settings: Settings,
    pub runs: Vec<Run>,
    /// Measurements that are not runs of tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What the tasks made together: a PNG file as a `data:` URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub tasks: usize,
    /// The URL that each task GETs; `None` if tasks compute.
    pub url: Option<String>,
    /// Whether `url` is the embedded server.
    pub embedded: bool,
    /// How long the embedded server waits before it answers.
    pub delay_ms: Option<f64>,
    /// Size of pools; `None` if the lesson has none.
    #[serde(skip)]
    pub workers: Option<usize>,
}

/// The same tasks, run once under one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The round of `--repeat` that it is from, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<usize>,
    /// `sequential`, `threads`, `thread-pool`, `processes`, `process-pool`, `async`, `rayon`, or a
    /// lesson's own word for a variant.
    pub model: String,
    pub wall_ms: f64,
    pub predicted_ms: Option<f64>,
    pub done: usize,
    pub failed: usize,
    pub timed_out: usize,
    pub cancelled: usize,
    /// Most requests that the embedded server was answering at the same time.
    pub peak_in_flight: Option<usize>,
    /// Connections that the embedded server accepted.
    pub connections: Option<usize>,
    /// Largest resident memory during the run: this process, plus its workers where a run has any.
    pub peak_rss_kib: Option<u64>,
    /// CPU time of this process (embedded server included) and of the workers it waited for.
    pub cpu_ms: Option<f64>,
    /// Context switches of the same processes: a thread waited, and gave its core up.
    pub voluntary_switches: Option<u64>,
    /// The OS took the core from a thread that computed.
    pub involuntary_switches: Option<u64>,
    /// Idle time of the cores that this process may use. `None` outside Linux, or if it may use only
    /// parts of cores.
    #[serde(skip)]
    pub idle_ms: Option<f64>,
    /// The OS's count of threads before and during the run.
    #[serde(skip)]
    pub threads: ThreadCount,
    /// Whether tasks looked up a host name, for which the system's resolver uses threads of its own.
    #[serde(skip)]
    pub looks_up_names: bool,
    /// Whether the OS allowed fewer tasks at once than the lesson wanted, in this run or
    /// an earlier one of the lesson.
    #[serde(skip)]
    pub reduced_concurrency: bool,
    /// How many tasks the lesson loses on purpose, which is no failure of the program.
    #[serde(skip)]
    pub expected_losses: usize,
    /// Wall times of all rounds, the shortest first, if this run stands for them.
    #[serde(skip)]
    pub rounds_ms: Vec<f64>,
    /// How many of these rounds lost tasks.
    #[serde(skip)]
    pub lossy_rounds: usize,
    /// One entry for every task that was asked for, in order of `id`.
    pub tasks: Vec<Task>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub id: usize,
    pub pid: u32,
    /// Name of the thread or process that ran it.
    pub thread: String,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    pub outcome: Outcome,
    /// The whole chain of causes, when the outcome is not `done`.
    pub error: Option<String>,
    /// Since the run began.
    pub start_ms: f64,
    pub end_ms: f64,
    /// Whether the OS refused what the task needed, so that nothing of it has been done yet.
    #[serde(skip)]
    pub refused: bool,
}

/// The OS's count of this process's threads before a run and at one moment of it; `None` where the
/// OS does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ThreadCount {
    pub before: Option<usize>,
    pub during: Option<usize>,
    /// The moment, since the run began.
    pub at_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Failed,
    TimedOut,
    Cancelled,
}

/// Quantities to be drawn side by side: bars, or the points of a curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<usize>,
    pub name: String,
    pub unit: String,
    pub scale: Scale,
    pub points: Vec<Point>,
    /// What the prediction comes near to and never reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    Linear,
    Logarithmic,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub label: String,
    pub measured: Option<f64>,
    pub predicted: Option<f64>,
}

/// The outcome of an experiment on one claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<usize>,
    /// Id of the claim, such as `T1`.
    pub claim: String,
    pub says: String,
    pub predicted: String,
    pub measured: String,
    pub verdict: Verdict,
    pub because: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    #[serde(rename = "holds")]
    Holds,
    #[serde(rename = "fails")]
    Fails,
    /// This machine or these settings cannot tell.
    #[serde(rename = "not shown")]
    NotShown,
}

/// A number and its noun: `1 task`, `2 tasks`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

impl Figure {
    pub fn new(name: &str, unit: &str, scale: Scale) -> Figure {
        let (name, unit) = (name.into(), unit.into());
        Figure { round: None, name, unit, scale, points: Vec::new(), limit: None }
    }

    /// Adds an asymptote.
    pub fn limit(self, limit: f64) -> Figure {
        Figure { limit: Some(limit).filter(|limit| limit.is_finite()), ..self }
    }

    /// Adds one bar or point. What is not known is `None`.
    pub fn point(
        mut self,
        label: impl ToString,
        measured: impl Into<Option<f64>>,
        predicted: impl Into<Option<f64>>,
    ) -> Figure {
        // JSON knows no infinity, and a picture has no place for it.
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        self.points.push(Point {
            label: label.to_string(),
            measured: finite(measured.into()),
            predicted: finite(predicted.into()),
        });
        self
    }

    /// How long the bar of `value` is, from 0 to 1, on a scale that all points fit. A logarithmic
    /// one begins a power of ten below the smallest.
    pub fn share(&self, value: f64) -> f64 {
        let values = || {
            let all = self.points.iter().flat_map(|p| [p.measured, p.predicted]);
            all.chain([self.limit]).flatten().filter(|&value| value > 0.0)
        };
        let most = values().fold(0.0, f64::max);
        if value <= 0.0 || most <= 0.0 {
            return 0.0;
        }
        match self.scale {
            Scale::Linear => value / most,
            Scale::Logarithmic => {
                let floor = values().fold(most, f64::min).log10() - 1.0;
                (value.log10() - floor) / (most.log10() - floor)
            }
        }
    }
}

impl Task {
    /// Task `id` as this thread has just completed it, without an HTTP status.
    pub fn done(id: usize, start_ms: f64) -> Task {
        Task { outcome: Outcome::Done, error: None, start_ms, ..Task::failed(id, "") }
    }

    /// A task without an outcome of its own: its thread panicked, its worker died.
    pub fn failed(id: usize, why: impl Into<String>) -> Task {
        let now = now_ms();
        Task {
            id,
            pid: std::process::id(),
            thread: thread_name(),
            status: None,
            outcome: Outcome::Failed,
            error: Some(why.into()),
            start_ms: now,
            end_ms: now,
            refused: false,
        }
    }

    /// A task that was given up. It began at `start_ms`, as read from [`now_ms`].
    pub fn cancelled(id: usize, start_ms: f64, why: impl Into<String>) -> Task {
        Task { outcome: Outcome::Cancelled, start_ms, ..Task::failed(id, why) }
    }

    /// A task for which the OS refused a thread, a process or a file descriptor. It is not lost:
    /// [`crate::Lab::run`] asks for it again.
    pub fn refused(id: usize, why: impl Display) -> Task {
        Task { refused: true, ..Task::failed(id, format!("{why:#}")) }
    }

    /// Joins the thread of task `id`: it returns the task, or has panicked, or the OS refused to start
    /// it.
    pub fn join(id: usize, thread: io::Result<ScopedJoinHandle<'_, Task>>) -> Task {
        let thread = match thread {
            Ok(thread) => thread,
            Err(error) => return Task::refused(id, format!("cannot start a thread: {error}")),
        };
        let name = name_of(thread.thread());
        match thread.join() {
            Ok(task) => task,
            Err(panic) => Task { thread: name, ..Task::panicked(id, &*panic) },
        }
    }

    /// A task whose thread panicked, with the message as `join` returns it.
    pub fn panicked(id: usize, panic: &(dyn Any + Send)) -> Task {
        Task::failed(id, format!("panicked: {}", panic_message(panic)))
    }

    /// Runs task `id`. If it panics, only this task has failed; otherwise its thread would end, with
    /// all results that it holds.
    pub fn catch_panic(id: usize, work: impl FnOnce() -> Task) -> Task {
        let start_ms = now_ms();
        // Nothing that `work` was changing is looked at after a panic.
        let outcome = catch_unwind(AssertUnwindSafe(work));
        outcome.unwrap_or_else(|panic| Task { start_ms, ..Task::panicked(id, &*panic) })
    }
}

/// The message of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(message), _) => message.clone(),
        (_, Some(message)) => message.to_string(),
        _ => "no message".into(),
    }
}

impl Run {
    /// A run of these tasks, one for each id in order. What only a measurement can tell is unknown.
    pub fn new(model: &str, wall_ms: f64, tasks: Vec<Task>) -> Run {
        let count = |outcome| tasks.iter().filter(|task| task.outcome == outcome).count();
        Run {
            round: None,
            model: model.into(),
            wall_ms,
            predicted_ms: None,
            done: count(Outcome::Done),
            failed: count(Outcome::Failed),
            timed_out: count(Outcome::TimedOut),
            cancelled: count(Outcome::Cancelled),
            peak_in_flight: None,
            connections: None,
            peak_rss_kib: None,
            cpu_ms: None,
            voluntary_switches: None,
            involuntary_switches: None,
            idle_ms: None,
            threads: ThreadCount::default(),
            looks_up_names: false,
            reduced_concurrency: false,
            expected_losses: 0,
            rounds_ms: Vec::new(),
            lossy_rounds: 0,
            tasks,
        }
    }

    /// Tasks that were asked for and not done.
    pub fn lost(&self) -> usize {
        // A report that was read from a file may hold any numbers.
        let failed = self.failed.saturating_add(self.timed_out);
        failed.saturating_add(self.cancelled)
    }

    /// Mean time from a task's start to its end.
    pub fn mean_task_ms(&self) -> f64 {
        let sum: f64 = self.tasks.iter().map(|task| task.end_ms - task.start_ms).sum();
        sum / self.tasks.len().max(1) as f64
    }

    /// Tasks that had not ended at `at_ms`, by this program's clock.
    pub fn not_ended(&self, at_ms: f64) -> usize {
        self.tasks.iter().filter(|task| at_ms < task.end_ms).count()
    }

    /// Most tasks under way at the same time, by this program's clock.
    pub fn most_at_once(&self) -> usize {
        // The peak is reached at the start of some task: sweep over starts (+1) and ends (-1).
        let mut edges: Vec<(f64, isize)> =
            self.tasks.iter().flat_map(|task| [(task.start_ms, 1), (task.end_ms, -1)]).collect();
        edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut now, mut most) = (0, 0);
        for (_, step) in edges {
            now += step;
            most = most.max(now);
        }
        most as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn means_and_ends_follow_the_spans() {
        let run = sample::run(&[(10.0, 30.0), (10.0, 20.0)]);
        assert_eq!(run.mean_task_ms(), 15.0);
        assert_eq!([19.0, 20.0, 30.0].map(|at_ms| run.not_ended(at_ms)), [2, 1, 0]);
    }

    #[test]
    fn panicking_task_fails_with_its_message() {
        use std::panic::resume_unwind;
        let why = |work: fn() -> Task| {
            let task = Task::catch_panic(3, work);
            assert_eq!((task.id, task.outcome), (3, Outcome::Failed));
            assert!(task.start_ms < task.end_ms);
            task.error.unwrap()
        };
        assert_eq!(why(|| resume_unwind(Box::new("so"))), "panicked: so");
        let owned = || resume_unwind(Box::new(String::from("or so")));
        assert_eq!(why(owned), "panicked: or so");
        assert_eq!(why(|| resume_unwind(Box::new(7))), "panicked: no message");
        let done = Task::done(3, 0.0);
        assert_eq!(Task::catch_panic(3, || done.clone()), done);
        let given_up = Task::cancelled(3, 1.5, "too late");
        assert_eq!((given_up.outcome, given_up.start_ms), (Outcome::Cancelled, 1.5));
    }

    #[test]
    fn joined_thread_returns_panics_or_is_refused() {
        let refused = Task::join(3, Err(io::ErrorKind::WouldBlock.into()));
        assert!(refused.refused && refused.error.unwrap().starts_with("cannot start a thread: "));
        thread::scope(|scope| {
            let start = |work: fn() -> Task| {
                thread::Builder::new().name("one".into()).spawn_scoped(scope, work)
            };
            let panicked = Task::join(3, start(|| std::panic::resume_unwind(Box::new("so"))));
            assert!(!panicked.refused && panicked.error.unwrap() == "panicked: so");
            assert_eq!(panicked.thread, "one");
            assert_eq!(Task::join(3, start(|| Task::done(3, 0.0))).thread, "one");
        });
    }

    #[test]
    fn bars_keep_the_proportions_of_values() {
        let figure = |scale| Figure::new("", "", scale).point("", 100.0, 1.0).point("", 0.0, None);
        let linear = figure(Scale::Linear);
        assert_eq!([100.0, 25.0, 0.0].map(|value| linear.share(value)), [1.0, 0.25, 0.0]);
        // From 0.1, a power of ten below the smallest, to 100.
        let powers = figure(Scale::Logarithmic);
        let shares = [100.0, 10.0, 1.0, 0.0].map(|value| (powers.share(value) * 3.0).round());
        assert_eq!(shares, [3.0, 2.0, 1.0, 0.0]);
        assert_eq!(Figure::new("", "", Scale::Linear).share(5.0), 0.0);
    }

    #[test]
    fn touching_tasks_do_not_overlap() {
        let most = |spans| sample::run(spans).most_at_once();
        assert_eq!(most(&[(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]), 1);
        assert_eq!(most(&[(0.0, 10.0), (5.0, 20.0), (9.0, 30.0)]), 3);
        assert_eq!(most(&[(0.0, 10.0), (5.0, 20.0), (12.0, 30.0)]), 2);
    }
}
