//! What a lesson works with: the settings of the command line, and [`Lab::run`], which measures.

use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::lab::stopwatch::Stopwatch;
use crate::progress::{self, Show};
use crate::render::escape::mask_password;
use crate::report::{Figure, Finding, LessonReport, Run, Settings, Task, ThreadCount, Verdict};

#[cfg(feature = "http")]
pub(crate) mod http;
mod stopwatch;

/// How long the OS may refuse everything: it counts a thread or process for a moment after its end.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What a lesson returns: what it measured, and what follows from it.
#[derive(Debug, Default)]
pub struct Evidence {
    pub runs: Vec<Run>,
    pub figures: Vec<Figure>,
    /// What the tasks made together: a PNG file as a `data:` URL.
    pub picture: Option<String>,
    pub findings: Vec<Finding>,
    /// Reports of other programs, which become part of this one's report.
    pub quoted: Vec<LessonReport>,
}

impl Evidence {
    pub fn new(runs: Vec<Run>, findings: Vec<Finding>) -> Evidence {
        Evidence { runs, findings, ..Evidence::default() }
    }

    /// For a lesson that cannot run on this machine: nothing is shown on its claims, and why.
    pub(crate) fn not_shown(claims: &[&str], about: &str, why: &str) -> Evidence {
        let finding = |claim: &&str| Finding {
            round: None,
            claim: claim.to_string(),
            says: about.into(),
            predicted: "unknown".into(),
            measured: "the lesson cannot run here".into(),
            verdict: Verdict::NotShown,
            because: why.into(),
        };
        Evidence::new(Vec::new(), claims.iter().map(finding).collect())
    }

    pub fn with(self, figures: Vec<Figure>) -> Evidence {
        Evidence { figures, ..self }
    }

    pub fn showing(self, picture: Option<String>) -> Evidence {
        Evidence { picture, ..self }
    }
}

/// A server that counts what it sees of a run.
pub trait CounterSource: Any {
    /// Its address with this path.
    fn url(&self, path: &str) -> String;

    /// Starts counting anew.
    ///
    /// # Errors
    /// The server is gone.
    fn reset_counters(&self) -> Result<()>;

    /// Most requests in flight at the same time, and connections accepted, since the last reset.
    ///
    /// # Errors
    /// The server is gone.
    fn peak_and_connections(&self) -> Result<(usize, usize)>;
}

/// Where requests go.
pub struct Requests {
    pub url: String,
    pub timeout: Duration,
    /// The server that counts; `None` behind `--url`.
    pub server: Option<Rc<dyn CounterSource>>,
}

/// The values of a lesson's own options, by name.
#[derive(Debug, Default)]
pub struct OptionValues(pub(crate) BTreeMap<&'static str, String>);

impl OptionValues {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

pub struct Lab {
    /// Tasks in a run, at least 1.
    pub tasks: usize,
    /// Size of pools, at least 1 and at most `tasks`.
    pub workers: usize,
    /// Whole cores that this process may use.
    pub cores: usize,
    /// The CPU time that a container's quota allows, in cores, if that is less than the cores'.
    pub cpu_quota: Option<f64>,
    /// How long the embedded server waits before it answers; `None` behind `--url`.
    pub delay_ms: Option<f64>,
    /// Whether the report shows pictures: as a page or as JSON.
    pub shows_pictures: bool,
    /// The lesson's own options.
    pub options: OptionValues,
    pub(crate) show: Show,
    pub(crate) requests: Option<Requests>,
    stopwatch: Cell<Option<Stopwatch>>,
    threads: Cell<ThreadCount>,
    /// Mean time of a task in the last sequential run.
    sequential_ms: Cell<Option<f64>>,
    looks_up_names: Cell<bool>,
}

impl Lab {
    pub(crate) fn new(tasks: usize, workers: usize, cores: usize) -> Lab {
        progress::begin_lesson();
        Lab {
            tasks,
            workers,
            cores,
            cpu_quota: None,
            delay_ms: None,
            shows_pictures: false,
            options: OptionValues::default(),
            show: Show::Nothing,
            requests: None,
            stopwatch: Cell::default(),
            threads: Cell::default(),
            sequential_ms: Cell::default(),
            looks_up_names: Cell::default(),
        }
    }

    /// Measures one run. `round` runs the tasks with these ids, under whatever model, and returns
    /// their outcomes. Work that should not be measured, such as setting up a client, comes before.
    ///
    /// Tasks that the OS [refused](Task::refused) are not lost: `round` is called again with just
    /// those, as long as a round gets something done.
    ///
    /// # Errors
    /// Those of `round`, or the OS refused everything.
    pub fn run(
        &self,
        model: &str,
        predicted_ms: impl Into<Option<f64>>,
        mut round: impl FnMut(&[usize]) -> Result<Vec<Task>>,
    ) -> Result<Run> {
        let mut _count = None;
        if let Some(requests) = &self.requests {
            _count = self.show.model(model, self.tasks);
            requests.server.as_ref().map_or(Ok(()), |server| server.reset_counters())?;
        }
        let stopwatch = Stopwatch::start();
        self.stopwatch.set(Some(stopwatch));
        self.threads.take();
        let mut ids: Vec<usize> = (0..self.tasks).collect();
        let mut tasks = Vec::new();
        let mut give_up = Instant::now() + PATIENCE;
        while !ids.is_empty() {
            // A task that panics on this thread takes the others of its round with it.
            let outcomes =
                catch_unwind(AssertUnwindSafe(|| round(&ids))).unwrap_or_else(|panic| {
                    Ok(ids.iter().map(|&id| Task::panicked(id, &*panic)).collect())
                })?;
            let (refused, settled): (Vec<_>, Vec<_>) =
                outcomes.into_iter().partition(|task| task.refused);
            if let Some(Task { error: Some(why), .. }) = refused.first() {
                if !settled.is_empty() {
                    give_up = Instant::now() + PATIENCE;
                    progress::reduce_concurrency(why);
                } else if Instant::now() < give_up {
                    sleep(Duration::from_millis(10));
                } else {
                    bail!("{why}");
                }
            }
            tasks.extend(settled);
            ids = refused.into_iter().map(|task| task.id).collect();
        }
        let run = stopwatch.stop(model, self.tasks, tasks)?;
        if model == "sequential" {
            self.sequential_ms.set(Some(run.mean_task_ms()));
        }
        let server = self.requests.as_ref().and_then(|requests| requests.server.as_ref());
        let counts = server.map(|server| server.peak_and_connections()).transpose()?;
        Ok(Run {
            predicted_ms: predicted_ms.into(),
            peak_in_flight: counts.map(|(peak, _)| peak),
            connections: counts.map(|(_, connections)| connections),
            threads: self.threads.get(),
            looks_up_names: self.looks_up_names.get(),
            reduced_concurrency: progress::is_reduced(),
            ..run
        })
    }

    /// Prints a line before the report.
    pub fn print(&self, line: &str) {
        if self.show != Show::Nothing {
            progress::print(&format!("{line}\n"));
        }
    }

    /// Has the OS count this process's threads, at this moment of the present run.
    pub fn count_threads(&self) {
        if let Some(stopwatch) = self.stopwatch.get() {
            self.threads.set(stopwatch.count_threads());
        }
    }

    /// Predicts a sequence: the sum of all delays. `None` behind `--url`, whose delay is unknown.
    pub fn sum_ms(&self) -> Option<f64> {
        self.delay_ms.map(|delay| delay * self.tasks as f64)
    }

    /// Predicts tasks that all wait at once: one delay. Behind `--url`, the mean time of a task in
    /// the sequential run, if there was one.
    pub fn each_ms(&self) -> Option<f64> {
        self.delay_ms.or(self.sequential_ms.get())
    }

    /// Predicts a pool of `size` workers: a delay for each round of `size` tasks.
    pub fn rounds_ms(&self, size: usize) -> Option<f64> {
        self.each_ms().map(|each| each * self.tasks.div_ceil(size) as f64)
    }

    pub(crate) fn settings(&self, has_pools: bool) -> Settings {
        let requests = self.requests.as_ref();
        Settings {
            tasks: self.tasks,
            url: requests.map(|requests| mask_password(&requests.url)),
            embedded: requests.is_some_and(|requests| requests.server.is_some()),
            delay_ms: self.delay_ms,
            workers: has_pools.then_some(self.workers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;

    #[test]
    fn refused_tasks_are_asked_for_again() {
        let lab = Lab::new(5, 1, 1);
        let mut rounds = Vec::new();
        let run = lab.run("test", None, |ids| {
            rounds.push(ids.to_vec());
            // The OS grants two at a time.
            let task = |(place, &id)| match place < 2 {
                true => Task::done(id, 0.0),
                false => Task::refused(id, "no thread"),
            };
            Ok(ids.iter().enumerate().map(task).collect())
        });
        let run = run.unwrap();
        assert_eq!(rounds, [vec![0, 1, 2, 3, 4], vec![2, 3, 4], vec![4]]);
        assert!(run.done == 5 && run.reduced_concurrency);
    }

    #[test]
    fn refusing_everything_is_an_error() {
        let lab = Lab::new(2, 1, 1);
        let refuse =
            |ids: &[usize]| Ok(ids.iter().map(|&id| Task::refused(id, "no thread")).collect());
        assert_eq!(lab.run("test", None, refuse).unwrap_err().to_string(), "no thread");
    }

    #[test]
    fn task_left_out_is_lost_not_repeated() {
        let lab = Lab::new(3, 1, 1);
        let run = lab.run("test", None, |ids| Ok(vec![Task::done(ids[0], 0.0)])).unwrap();
        assert_eq!((run.done, run.failed), (1, 2));
    }

    #[test]
    fn panic_on_main_thread_fails_the_round() {
        let lab = Lab::new(3, 1, 1);
        let panic = |_: &[usize]| std::panic::resume_unwind(Box::new("on purpose"));
        let run = lab.run("test", None, panic).unwrap();
        let failed = |task: &Task| task.outcome == Outcome::Failed;
        assert!(run.tasks.iter().all(failed) && run.tasks.len() == 3);
        assert_eq!(run.tasks[2].error.as_deref(), Some("panicked: on purpose"));
    }

    #[test]
    fn predictions_follow_delay_or_sequence() {
        let mut lab = Lab::new(10, 1, 1);
        assert_eq!((lab.sum_ms(), lab.each_ms(), lab.rounds_ms(3)), (None, None, None));
        let task = |&id: &usize| Task { end_ms: 50.0, ..Task::done(id, 0.0) };
        lab.run("sequential", None, |ids| Ok(ids.iter().map(task).collect())).unwrap();
        assert_eq!((lab.sum_ms(), lab.each_ms()), (None, Some(50.0)));
        lab.delay_ms = Some(100.0);
        assert_eq!((lab.sum_ms(), lab.each_ms()), (Some(1000.0), Some(100.0)));
        assert_eq!(lab.rounds_ms(3), Some(400.0));
    }
}
