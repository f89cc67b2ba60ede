//! Times a run on the monotonic clock, reads the OS's figures, and accounts for every task.

use crate::exit::ExitError;
use crate::os::clock::now_ms;
use crate::os::usage::{self, Switches};
use crate::report::{Run, Task, ThreadCount};

/// A run under way.
#[derive(Clone, Copy)]
pub struct Stopwatch {
    start_ms: f64,
    cpu_ms: Option<f64>,
    switches: Option<Switches>,
    idle_ms: Option<f64>,
    os_threads: Option<usize>,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        usage::reset_peak_rss();
        Stopwatch {
            os_threads: usage::os_threads(),
            idle_ms: usage::idle_ms(),
            cpu_ms: usage::cpu_ms(),
            switches: Switches::now(),
            start_ms: now_ms(),
        }
    }

    /// Asks the OS how many threads there are now.
    pub fn count_threads(&self) -> ThreadCount {
        let (before, during) = (self.os_threads, usage::os_threads());
        ThreadCount { before, during, at_ms: now_ms() - self.start_ms }
    }

    /// Ends the run. `tasks` are the outcomes of `asked` tasks with ids from 0, in any order, with
    /// times as read from [`now_ms`]; a missing task has failed.
    ///
    /// # Errors
    /// [`ExitError::Bug`]: a task appears twice or was never asked for.
    pub fn stop(&self, model: &str, asked: usize, tasks: Vec<Task>) -> Result<Run, ExitError> {
        let wall_ms = now_ms() - self.start_ms;
        let cpu_ms = self.cpu_ms.zip(usage::cpu_ms()).map(|(before, after)| after - before);
        let switches = Switches::since(self.switches);
        let idle_ms = self.idle_ms.zip(usage::idle_ms());
        let idle_ms = idle_ms.map(|(before, after)| (after - before).max(0.0));
        let mut slots: Vec<Option<Task>> = vec![None; asked];
        for mut task in tasks {
            task.start_ms -= self.start_ms;
            task.end_ms -= self.start_ms;
            let id = task.id;
            match slots.get_mut(id) {
                None => {
                    return Err(ExitError::Bug(format!("{model}: task {id} was never asked for")));
                }
                Some(Some(_)) => {
                    return Err(ExitError::Bug(format!("{model}: task {id} has two outcomes")));
                }
                Some(slot) => *slot = Some(task),
            }
        }
        let lost = |id| Task {
            start_ms: wall_ms,
            end_ms: wall_ms,
            ..Task::failed(id, "its thread or process ended without an outcome")
        };
        let tasks = slots.into_iter().enumerate();
        let tasks = tasks.map(|(id, slot)| slot.unwrap_or_else(|| lost(id))).collect();
        Ok(Run {
            cpu_ms,
            voluntary_switches: switches.map(|switches| switches.voluntary),
            involuntary_switches: switches.map(|switches| switches.involuntary),
            idle_ms,
            peak_rss_kib: usage::peak_rss_kib()
                .map(|own| own.saturating_add(usage::workers_peak_kib())),
            ..Run::new(model, wall_ms, tasks)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn missing_task_counts_as_failed() {
        let run = Stopwatch::start().stop("test", 3, vec![Task::done(2, now_ms())]).unwrap();
        assert_eq!((run.done, run.failed, run.tasks.len()), (1, 2, 3));
        assert!(run.tasks.iter().enumerate().all(|(place, task)| task.id == place));
    }

    #[test]
    fn second_outcome_or_unknown_id_is_refused() {
        let twice = vec![Task::failed(0, ""), Task::failed(0, "")];
        assert!(Stopwatch::start().stop("test", 2, twice).is_err());
        assert!(Stopwatch::start().stop("test", 2, vec![Task::failed(2, "")]).is_err());
    }

    #[test]
    fn times_count_from_the_runs_start() {
        let pause = || std::thread::sleep(Duration::from_millis(6));
        let ms = |since: Instant| since.elapsed().as_secs_f64() * 1000.0;
        let before = now_ms();
        pause(); // So that the run does not begin where the clock does.
        let (outside, watch, inside) = (Instant::now(), Stopwatch::start(), Instant::now());
        pause();
        let (least, count, most) = (ms(inside), watch.count_threads(), ms(outside));
        assert!((least..=most).contains(&count.at_ms), "{} ms", count.at_ms);
        let task = Task::failed(0, "");
        let (least, run, most) =
            (ms(inside), watch.stop("test", 2, vec![task]).unwrap(), ms(outside));
        assert!(least <= run.wall_ms && run.wall_ms <= most, "{} ms", run.wall_ms);
        assert!(now_ms() - before >= 12.0);
        assert!(6.0 <= run.tasks[0].start_ms && run.tasks[0].start_ms <= run.wall_ms);
        assert!(run.tasks[0].start_ms <= run.tasks[0].end_ms && run.tasks[0].end_ms <= run.wall_ms);
        // A missing task is drawn at the end.
        let lost = &run.tasks[1];
        assert_eq!((lost.start_ms, lost.end_ms), (run.wall_ms, run.wall_ms));
        let cpu_ms = run.cpu_ms.unwrap();
        assert!((0.0..10_000.0).contains(&cpu_ms), "{cpu_ms} ms");
    }
}
