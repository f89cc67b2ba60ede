//! The verdicts of the lesson `cost`, and its figures.

use serde::{Deserialize, Serialize};
use shared::report::{Figure, Finding, Scale, Verdict, count};
use shared::verdict::Check;

/// A thread has at least one page of its stack in memory. A page is 4 KiB or more.
const LEAST_THREAD_KIB: f64 = 4.0;

/// A waiting task has less memory than this, in bytes.
const SMALL_TASK: f64 = 600.0;

/// Threads that wait for the same lock are switched away from at least as often, on average. One that
/// comes too late to wait is not.
const THREAD_SWITCHES: f64 = 0.9;

/// Tasks cause fewer switches than this.
const TASK_SWITCHES: f64 = 0.01;

/// What `count` units of one kind have cost together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    pub count: usize,
    /// Time to make all of them and see them end, in microseconds.
    pub us: f64,
    /// Private memory in KiB; `None` where the OS does not report it.
    pub kib: Option<u64>,
    /// Voluntary context switches while they waited; `None` where the OS does not count them.
    pub switches: Option<u64>,
}

impl Cost {
    fn us_each(&self) -> f64 {
        self.us / self.count as f64
    }

    fn kib_each(&self) -> Option<f64> {
        Some(self.kib? as f64 / self.count as f64)
    }

    fn switches_each(&self) -> Option<f64> {
        Some(self.switches? as f64 / self.count as f64)
    }
}

/// All kinds, measured in one run.
pub struct Costs {
    pub task: Cost,
    /// 10, 100 and 1,000 threads.
    pub threads: [Cost; 3],
    pub process: Cost,
}

impl Costs {
    fn kinds(&self) -> [(&'static str, Cost); 3] {
        [("task", self.task), ("thread", self.threads[2]), ("process", self.process)]
    }

    pub fn figures(&self) -> Vec<Figure> {
        let mut time = Figure::new("Time to make one and see it end", "us", Scale::Logarithmic);
        let mut memory = Figure::new("Private memory of one", "KiB", Scale::Logarithmic);
        for (kind, cost) in self.kinds() {
            time = time.point(kind, cost.us_each(), None);
            memory = memory.point(kind, cost.kib_each(), None);
        }
        let mut many = Figure::new("Private memory of many threads", "KiB", Scale::Logarithmic);
        for cost in &self.threads {
            many = many.point(cost.count, cost.kib.map(|kib| kib as f64), None);
        }
        vec![time, memory, many]
    }

    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![
            self.tasks_are_small()
                .on("A5", "A million tasks can wait, at a few hundred bytes each"),
            self.tasks_are_fastest()
                .on("T6", "A task is made faster than a thread, a thread faster than a process"),
            self.threads_add_memory().on("T8", "Each thread costs memory"),
            self.processes_cost_more()
                .on("P6", "A process costs more time and memory than a thread"),
        ];
        let says = "A waiting thread costs a context switch, a waiting task none";
        findings.extend(self.threads_switch().map(|check| check.on("A5", says)));
        findings
    }

    fn tasks_are_small(&self) -> Check {
        let bytes = self.task.kib_each().map(|kib| kib * 1024.0);
        let count = self.task.count;
        let reason = match bytes {
            None => unknown(),
            Some(..SMALL_TASK) => (Verdict::Holds, "measured while all of them waited"),
            Some(_) => (Verdict::Fails, "that is more than a few hundred bytes"),
        };
        Check::new(
            format!("{count} tasks at less than {SMALL_TASK} bytes"),
            format!("{count} tasks at {} bytes", known(bytes)),
            reason,
        )
    }

    fn tasks_are_fastest(&self) -> Check {
        let us = self.kinds().map(|(_, cost)| cost.us_each());
        let reason = match us.is_sorted() {
            true => (Verdict::Holds, "measured in one run, each kind many times"),
            false => (Verdict::Fails, "the order is another one"),
        };
        let measured =
            format!("task {:.2} us, thread {:.1} us, process {:.0} us", us[0], us[1], us[2]);
        Check::new("task, thread, process, in this order", measured, reason)
    }

    fn threads_add_memory(&self) -> Check {
        let [_, hundred, thousand] = self.threads;
        let more = thousand.count.saturating_sub(hundred.count);
        // The program's own memory for its first thread is in both, and cancels out.
        let added = thousand.kib.zip(hundred.kib).filter(|_| more > 0);
        let each = added.map(|(after, before)| (after as f64 - before as f64) / more as f64);
        let reason = match each {
            None if more == 0 => (Verdict::NotShown, "the OS allowed no more threads"),
            None => unknown(),
            Some(LEAST_THREAD_KIB..) => {
                (Verdict::Holds, "its stack; the kernel's stack for it comes on top")
            }
            Some(_) => (Verdict::Fails, "more threads took hardly more memory"),
        };
        // The OS may have allowed fewer threads than were asked for.
        let totals = self.threads.map(|cost| {
            let kib = known(cost.kib.map(|kib| kib as f64));
            format!("{}: {kib} KiB", cost.count)
        });
        let time = thousand.us_each();
        Check::new(
            format!("each further thread takes at least {LEAST_THREAD_KIB} KiB"),
            format!("{}; {} KiB and {time:.0} us each", totals.join(", "), known(each)),
            reason,
        )
    }

    /// `None` where the OS does not count.
    fn threads_switch(&self) -> Option<Check> {
        let (task, thread) = (self.task, self.threads[2]);
        let (task_each, thread_each) = (task.switches_each()?, thread.switches_each()?);
        let reason = if thread_each < THREAD_SWITCHES {
            (Verdict::Fails, "threads waited and kept their cores")
        } else if task_each >= TASK_SWITCHES {
            (Verdict::Fails, "the thread of the tasks gave up its core, as if it waited for each")
        } else {
            let yields = "a waiting thread yields its core to the OS, \
                          a waiting task its thread to other tasks";
            (Verdict::Holds, yields)
        };
        let counted = |cost: Cost, kind| {
            format!("{} for {}", cost.switches.unwrap_or(0), count(cost.count, kind))
        };
        Some(Check::new(
            format!(
                "{THREAD_SWITCHES} or more for each thread, less than {TASK_SWITCHES} for a task"
            ),
            format!("voluntary switches: {}, {}", counted(thread, "thread"), counted(task, "task")),
            reason,
        ))
    }

    fn processes_cost_more(&self) -> Check {
        let [_, (_, thread), (_, process)] = self.kinds();
        let slower = process.us_each() / thread.us_each();
        let larger = process.kib_each().zip(thread.kib_each());
        let larger = larger.map(|(process, thread)| process / thread.max(1.0));
        let reason = match larger {
            _ if slower <= 1.0 => (Verdict::Fails, "a process was made as quickly as a thread"),
            Some(..=1.0) => (Verdict::Fails, "a process was as small as a thread"),
            Some(_) => {
                (Verdict::Holds, "counting only memory that it shares with no other process")
            }
            None => unknown(),
        };
        Check::new(
            "more of both",
            format!("{slower:.0} times the time, {} times the memory", known(larger)),
            reason,
        )
    }
}

fn unknown() -> (Verdict, &'static str) {
    (Verdict::NotShown, "this operating system does not report private memory")
}

fn known(value: Option<f64>) -> String {
    value.map_or("unknown".into(), |value| format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    fn cost(count: usize, us: f64, kib: impl Into<Option<u64>>) -> Cost {
        Cost { count, us, kib: kib.into(), switches: None }
    }

    /// Threads at 50 us and 8 KiB each, which is well below a process and above a task.
    fn usual() -> Costs {
        Costs {
            task: cost(1000, 300.0, 400),
            threads: [cost(10, 500.0, 80), cost(100, 5000.0, 800), cost(1000, 50_000.0, 8000)],
            process: cost(20, 20_000.0, 60_000),
        }
    }

    #[test]
    fn costs_are_compared() {
        let verdicts =
            |costs: Costs| costs.findings().iter().map(|f| f.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(usual()), [Holds; 4]);
        let opposite = Costs {
            task: cost(1000, 1e9, 1000),
            threads: [10, 100, 1000].map(|count| cost(count, 5e6, 80)),
            process: cost(20, 20.0, 1),
        };
        assert_eq!(verdicts(opposite), [Fails; 4]);
        let unmeasured = |cost| Cost { kib: None, ..cost };
        let unknown = Costs {
            task: unmeasured(usual().task),
            threads: usual().threads.map(unmeasured),
            process: unmeasured(usual().process),
        };
        assert!(unknown.threads_add_memory().because.contains("does not report"));
        assert_eq!(verdicts(unknown), [NotShown, Holds, NotShown, NotShown]);
    }

    #[test]
    fn task_of_600_bytes_is_large() {
        // 1024 tasks at 600 bytes are 600 KiB.
        for (kib, verdict) in [(599, Holds), (600, Fails)] {
            let small = Costs { task: cost(1024, 300.0, kib), ..usual() }.tasks_are_small();
            assert_eq!(small.verdict, verdict);
            assert_eq!(small.measured, format!("1024 tasks at {kib} bytes"));
        }
    }

    #[test]
    fn times_in_another_order_fail() {
        let slow_task = Costs { task: cost(1000, 50_001.0, 400), ..usual() };
        assert_eq!(slow_task.tasks_are_fastest().verdict, Fails);
        let quick_process = Costs { process: cost(20, 999.0, 60_000), ..usual() };
        assert_eq!(quick_process.tasks_are_fastest().verdict, Fails);
    }

    #[test]
    fn further_threads_must_add_memory() {
        for (counts, kib, verdict, because, measured) in [
            // 900 more threads at 4 KiB are 3600 KiB.
            ([100, 1000], [1000, 4600], Holds, "its stack", "1000: 4600 KiB; 4 KiB and 50"),
            ([100, 1000], [1000, 4599], Fails, "hardly more", "1000: 4599 KiB; 4 KiB and 50"),
            ([60, 60], [480, 490], NotShown, "no more threads", "60: 490 KiB; unknown KiB and 833"),
        ] {
            let mut costs = usual();
            costs.threads[1] = cost(counts[0], 5000.0, kib[0]);
            costs.threads[2] = cost(counts[1], 50_000.0, kib[1]);
            let check = costs.threads_add_memory();
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
            let first = format!("10: 80 KiB, {}: {} KiB, ", counts[0], kib[0]);
            assert_eq!(check.measured, format!("{first}{measured} us each"));
        }
    }

    #[test]
    fn process_must_exceed_thread_in_both() {
        // A thousand threads at 50 us and 8 KiB: 20 processes like them are 1000 us and 160 KiB.
        for (us, kib, verdict, because) in [
            (1001.0, 161, Holds, "no other process"),
            (1000.0, 161, Fails, "as quickly as a thread"),
            (1001.0, 160, Fails, "as small as a thread"),
        ] {
            let check = Costs { process: cost(20, us, kib), ..usual() }.processes_cost_more();
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
        // A thread that took less than 1 KiB counts as 1 KiB.
        for (kib, verdict) in [(21, Holds), (20, Fails)] {
            let mut costs = usual();
            costs.threads[2] = cost(1000, 50_000.0, 0);
            costs.process = cost(20, 20_000.0, kib);
            assert_eq!(costs.processes_cost_more().verdict, verdict, "{kib} KiB");
        }
        let measured = usual().processes_cost_more().measured;
        assert_eq!(measured, "20 times the time, 375 times the memory");
    }

    #[test]
    fn waiting_thread_needs_a_switch() {
        let counted = |task, thread| {
            let mut costs = usual();
            (costs.task.switches, costs.threads[2].switches) = (task, thread);
            costs
        };
        for (task, thread, verdict, because) in [
            (9, 900, Holds, "to other tasks"),
            (9, 899, Fails, "kept their cores"),
            (10, 900, Fails, "as if it waited"),
        ] {
            let check = counted(Some(task), Some(thread)).threads_switch().unwrap();
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
            let counted =
                format!("voluntary switches: {thread} for 1000 threads, {task} for 1000 tasks");
            assert_eq!(check.measured, counted);
        }
        let known = counted(Some(9), Some(900));
        assert_eq!(known.findings().last().map(|finding| &*finding.claim), Some("A5"));
        // Only Linux counts, and elsewhere the choice of a model still rests on A5's memory.
        assert_eq!(counted(None, Some(900)).findings().len(), 4);
    }

    #[test]
    fn figures_show_one_of_each_kind() {
        let points = usual().figures().into_iter().map(|figure| {
            let points = figure.points.into_iter();
            points.map(|point| (point.label, point.measured.unwrap())).collect::<Vec<_>>()
        });
        let expected = [
            [("task", 0.3), ("thread", 50.0), ("process", 1000.0)],
            [("task", 0.4), ("thread", 8.0), ("process", 3000.0)],
            [("10", 80.0), ("100", 800.0), ("1000", 8000.0)],
        ];
        let expected = expected.map(|row| row.map(|(label, value)| (label.to_string(), value)));
        assert_eq!(points.collect::<Vec<_>>(), expected);
    }
}
