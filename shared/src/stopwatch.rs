//! Times a run on the monotonic clock, reads what the operating system says of this process, and
//! sees to it that every task is accounted for.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::report::{Outcome, Run, Task};

/// Milliseconds since this was first called in the process. Never goes back, whatever the wall clock does.
pub fn now_ms() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

/// Name of the current thread, `main` for the first one.
pub fn thread_name() -> String {
    std::thread::current().name().unwrap_or("unnamed").to_string()
}

/// A run under way.
pub struct Stopwatch {
    start_ms: f64,
    cpu_ms: Option<f64>,
    idle_ms: Option<f64>,
    os_threads: Option<usize>,
}

/// How many threads the operating system counted before a run and at one moment of it; `None`
/// where it does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadCount {
    pub before: Option<usize>,
    pub during: Option<usize>,
    /// The moment, since the run began.
    pub at_ms: f64,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        forget_peak_memory();
        Stopwatch {
            os_threads: os_threads(),
            idle_ms: idle_ms(),
            cpu_ms: cpu_ms(),
            start_ms: now_ms(),
        }
    }

    /// Asks the operating system how many threads there are by now.
    pub fn count_threads(&self) -> ThreadCount {
        let (before, during) = (self.os_threads, os_threads());
        ThreadCount { before, during, at_ms: now_ms() - self.start_ms }
    }

    /// Ends the run. `tasks` are what came of the `asked` tasks with ids from 0, in any order, with
    /// their times as read from [`now_ms`]; one that is missing is counted as failed.
    ///
    /// # Errors
    /// A task appears twice, or was never asked for: the lesson has a mistake.
    pub fn stop(self, model: &str, asked: usize, tasks: Vec<Task>) -> Result<Run> {
        let wall_ms = now_ms() - self.start_ms;
        let cpu_ms = self.cpu_ms.zip(cpu_ms()).map(|(before, after)| after - before);
        let idle_ms = self.idle_ms.zip(idle_ms());
        let idle_ms = idle_ms.map(|(before, after)| (after - before).max(0.0));
        let mut slots: Vec<Option<Task>> = vec![None; asked];
        for mut task in tasks {
            task.start_ms -= self.start_ms;
            task.end_ms -= self.start_ms;
            let id = task.id;
            match slots.get_mut(id) {
                None => bail!("{model}: task {id} was never asked for"),
                Some(Some(_)) => bail!("{model}: task {id} has two outcomes"),
                Some(slot) => *slot = Some(task),
            }
        }
        let tasks: Vec<Task> = slots
            .into_iter()
            .enumerate()
            .map(|(id, slot)| {
                slot.unwrap_or_else(|| Task {
                    start_ms: wall_ms,
                    end_ms: wall_ms,
                    ..Task::failed(id, "its thread or process ended without an outcome")
                })
            })
            .collect();
        let count = |outcome| tasks.iter().filter(|task| task.outcome == outcome).count();
        Ok(Run {
            model: model.to_string(),
            wall_ms,
            predicted_ms: None,
            done: count(Outcome::Done),
            failed: count(Outcome::Failed),
            timed_out: count(Outcome::TimedOut),
            cancelled: count(Outcome::Cancelled),
            peak_in_flight: None,
            connections: None,
            peak_rss_kib: peak_rss_kib(),
            cpu_ms,
            idle_ms,
            rationed: false,
            lost_on_purpose: 0,
            tasks,
        })
    }
}

/// CPU time in milliseconds that this process, and the children it has waited for, have used so
/// far. `None` outside Unix.
fn cpu_ms() -> Option<f64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let mut sum_us = 0;
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who).ok()?;
            sum_us += usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        }
        Some(sum_us as f64 / 1000.0)
    }
    #[cfg(not(unix))]
    None
}

/// CPU time in milliseconds that the cores which this process may use have been idle so far. `None`
/// where proc(5) is not there or does not tell, or where the process may use only parts of cores.
fn idle_ms() -> Option<f64> {
    let allowed = proc_status_line("Cpus_allowed_list:")?;
    let idle = idle_by_core(&std::fs::read_to_string("/proc/stat").ok()?, &allowed)?;
    let whole = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == idle.len());
    whole.then(|| idle.iter().sum())
}

/// For each of the `allowed` cores, how long proc(5)'s `stat` says that it has been idle. `None` if none
/// ever was: some sandboxes have the file, with nothing but zeros in it.
fn idle_by_core(stat: &str, allowed: &str) -> Option<Vec<f64>> {
    // Its unit, USER_HZ, is a hundredth of a second on all common systems.
    const TICK_MS: f64 = 10.0;
    let mut cores = HashSet::new();
    for range in allowed.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    let mut idle = Vec::new();
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        let core = words.next()?.strip_prefix("cpu")?;
        match core.parse::<usize>() {
            Ok(core) if cores.contains(&core) => {
                // user nice system idle iowait
                let ticks: f64 =
                    words.skip(3).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
                idle.push(ticks * TICK_MS);
            }
            _ => {}
        }
        if idle.len() == cores.len() {
            break;
        }
    }
    idle.iter().any(|ms| *ms > 0.0).then_some(idle)
}

/// How many threads this process has, by the operating system's count. `None` where it cannot be
/// asked without unsafe code: everywhere but on Linux.
pub fn os_threads() -> Option<usize> {
    Some(proc_status("Threads:")? as usize)
}

/// Largest resident memory in KiB: on Linux since the last [`Stopwatch::start`], elsewhere on Unix
/// since the process began (the system keeps no other figure). `None` outside Unix.
pub fn peak_rss_kib() -> Option<u64> {
    if cfg!(target_os = "linux") {
        return proc_status("VmHWM:");
    }
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss() as u64;
        // getrusage(2): kilobytes, but bytes on macOS.
        Some(if cfg!(target_vendor = "apple") { peak / 1024 } else { peak })
    }
    #[cfg(not(unix))]
    None
}

/// Resident memory in KiB at this moment. `None` everywhere but on Linux.
pub fn rss_kib() -> Option<u64> {
    // proc(5): VmRSS may be off by some pages for each core, and this is not.
    let summed = std::fs::read_to_string("/proc/self/smaps_rollup").ok();
    let line =
        summed.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("Rss:")));
    let exact = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    exact.or_else(|| proc_status("VmRSS:"))
}

/// proc(5): writing 5 resets the peak resident set size to the current one. A system that refuses
/// leaves the older, larger peak.
fn forget_peak_memory() {
    if cfg!(target_os = "linux") {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

/// The number behind `key` in proc(5)'s `status`; `None` where there is no such file.
fn proc_status(key: &str) -> Option<u64> {
    proc_status_line(key)?.split_whitespace().next()?.parse().ok()
}

fn proc_status_line(key: &str) -> Option<String> {
    // One read, since this is also asked in the middle of a run.
    let mut bytes = [0; 4096];
    let length = File::open("/proc/self/status").ok()?.read(&mut bytes).ok()?;
    let status = str::from_utf8(&bytes[..length]).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run for other modules' tests: these tasks, with their ids set to their places.
    pub(crate) fn run_of(mut tasks: Vec<Task>) -> Run {
        for (id, task) in tasks.iter_mut().enumerate() {
            task.id = id;
        }
        Stopwatch { start_ms: 0.0, cpu_ms: None, idle_ms: None, os_threads: None }
            .stop("test", tasks.len(), tasks)
            .unwrap()
    }

    /// Would be wrong: a task that vanished with its thread is left out of the count.
    #[test]
    fn a_task_without_an_outcome_is_counted_as_failed() {
        let done = Task { outcome: Outcome::Done, ..Task::failed(2, "") };
        let run = Stopwatch::start().stop("test", 3, vec![done]).unwrap();
        assert_eq!((run.done, run.failed, run.tasks.len()), (1, 2, 3));
        assert!(run.tasks.iter().enumerate().all(|(place, task)| task.id == place));
    }

    /// Would be wrong: one task credited twice, or one that nobody asked for.
    #[test]
    fn a_second_outcome_or_a_strange_id_is_refused() {
        let twice = vec![Task::failed(0, ""), Task::failed(0, "")];
        assert!(Stopwatch::start().stop("test", 2, twice).is_err());
        assert!(Stopwatch::start().stop("test", 2, vec![Task::failed(2, "")]).is_err());
    }

    /// Would be wrong: times on a clock of another unit or origin than the one that they are read from.
    #[test]
    fn a_run_is_timed_from_its_own_start() {
        let pause = || std::thread::sleep(std::time::Duration::from_millis(6));
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
        // The one without an outcome is drawn at the end.
        let lost = &run.tasks[1];
        assert_eq!((lost.start_ms, lost.end_ms), (run.wall_ms, run.wall_ms));
        if cfg!(unix) {
            let cpu_ms = run.cpu_ms.unwrap();
            assert!((0.0..10_000.0).contains(&cpu_ms), "{cpu_ms} ms");
        }
    }

    /// Would be wrong: a figure of the system's that is another's, or in another unit.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_systems_figures_are_those_of_this_process() {
        use nix::sys::resource::{Usage, UsageWho, getrusage};
        let ms = |usage: Usage| {
            let times = [usage.user_time(), usage.system_time()];
            let ms =
                times.map(|time| time.tv_sec() as f64 * 1000.0 + time.tv_usec() as f64 / 1000.0);
            ms[0] + ms[1]
        };
        let whole = || {
            let who = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
            who.map(|who| ms(getrusage(who).unwrap())).iter().sum::<f64>()
        };
        // A child that is waited for, so that there is something to add up.
        let list = ["-c", "ls -R /proc/self >/dev/null 2>&1"];
        std::process::Command::new("sh").args(list).status().unwrap();
        let (least, cpu, most) = (whole(), cpu_ms().unwrap(), whole());
        assert!(least - 0.01 <= cpu && cpu <= most + 0.01, "{least} {cpu} {most}");
        let before = whole();
        let run = Stopwatch::start().stop("test", 0, Vec::new()).unwrap();
        let (used, most) = (run.cpu_ms.unwrap(), whole() - before);
        assert!(0.0 <= used && used <= most + 0.01, "{used} of {most} ms");
        // The test's own thread, and the one that started it.
        assert!(os_threads().unwrap() >= 2);
        let peak = peak_rss_kib().unwrap();
        assert!((500..10_000_000).contains(&peak), "{peak} KiB");
        assert!((500..=peak + 10_000).contains(&rss_kib().unwrap()));
        // Where the system lets a peak be forgotten, a run begins without the one before.
        if std::fs::write("/proc/self/clear_refs", "5").is_ok() {
            let large = vec![1_u8; 64 << 20];
            let peak = peak_rss_kib().unwrap();
            drop(large);
            let _run = Stopwatch::start();
            assert!(peak_rss_kib().unwrap() + 32 * 1024 < peak);
        }
        let named = std::thread::Builder::new().name("Worker-7".into());
        assert_eq!(named.spawn(thread_name).unwrap().join().unwrap(), "Worker-7");
    }

    /// Would be wrong: idle time of a core that this process may not use.
    #[test]
    fn only_the_cores_that_are_allowed_count() {
        let stat = "cpu 9 9 9 99 9\ncpu0 1 1 1 10 0\ncpu1 1 1 1 20 5\ncpu2 1 1 1 40 0\nintr 7\n";
        let idle = |allowed| idle_by_core(stat, allowed).unwrap();
        assert_eq!(idle("1"), [250.0]);
        assert_eq!(idle("0,2"), [100.0, 400.0]);
        assert_eq!(idle("0-1\n"), [100.0, 250.0]);
        assert_eq!(idle_by_core("cpu 0 0 0 0 0\ncpu0 0 0 0 0 0\n", "0"), None);
    }

    /// Would be wrong: idle time of other cores than ours, of none, or in another unit.
    #[test]
    #[cfg(target_os = "linux")]
    fn idle_time_is_that_of_all_cores_where_all_are_ours() {
        // proc(5): the first line of `stat` adds up the others; idle is fourth, iowait fifth.
        let stat = || std::fs::read_to_string("/proc/stat").unwrap();
        let total_ms = || {
            let words: Vec<f64> = stat()
                .lines()
                .next()
                .unwrap()
                .split_whitespace()
                .skip(4)
                .take(2)
                .map(|word| word.parse().unwrap())
                .collect();
            words.iter().sum::<f64>() * 10.0
        };
        let cores = stat().lines().filter(|line| line.starts_with("cpu")).count() - 1;
        if std::thread::available_parallelism().unwrap().get() != cores {
            return;
        }
        let (least, idle, most) = (total_ms(), idle_ms().unwrap(), total_ms());
        // Each core's share is rounded down to a tick.
        let rounding = 20.0 * cores as f64;
        assert!(least - rounding <= idle && idle <= most + rounding, "{least} {idle} {most}");
        // A run has what was added from its start to its end.
        let (outside, watch, inside) = (total_ms(), Stopwatch::start(), total_ms());
        std::thread::sleep(std::time::Duration::from_millis(300));
        let least = total_ms() - inside;
        let idle = watch.stop("test", 0, Vec::new()).unwrap().idle_ms.unwrap();
        let most = total_ms() - outside;
        assert!(
            least - 2.0 * rounding <= idle && idle <= most + 2.0 * rounding,
            "{least} {idle} {most}"
        );
    }
}
