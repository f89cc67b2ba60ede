//! Has the costs of tasks, threads and processes measured, each kind in a process of its own, and
//! judges them.

use std::io::{Read, stdin};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::child;
use shared::cli::Hidden;
use shared::judge::Judgement;
use shared::report::{Figure, Finding, Scale, Verdict};
use shared::stopwatch::{peak_rss_kib, rss_kib};

use crate::cost;

/// What starts this program as a child that measures one kind, and as a process to be measured.
pub const CHILD: Hidden = Hidden::new("cost-of", child).watching_stdin();
pub const IDLE: Hidden = Hidden::new("idle", idle);

/// A thread has at least one page of its stack in memory, and the system's page is 4 KiB or more.
const LEAST_THREAD: f64 = 4.0;

/// A waiting task has less memory than this, in bytes.
const SMALL_TASK: f64 = 600.0;

/// What `count` units of one kind have cost together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    pub count: usize,
    /// Time to make all of them and see them end, in microseconds.
    pub us: f64,
    /// Memory in KiB; `None` where the operating system does not tell.
    pub kib: Option<u64>,
}

impl Cost {
    fn us_each(&self) -> f64 {
        self.us / self.count as f64
    }

    fn kib_each(&self) -> Option<f64> {
        Some(self.kib? as f64 / self.count as f64)
    }
}

/// All kinds, measured in one run.
pub struct Costs {
    pub task: Cost,
    /// 10, 100 and 1,000 threads.
    pub threads: [Cost; 3],
    pub process: Cost,
}

/// The child: makes `count` of one kind, and says what they have cost.
fn child(words: &[String]) -> Result<()> {
    let [kind, count] = words else { return Ok(()) };
    let mut count = count.parse()?;
    let (begun, before) = (Instant::now(), rss_kib());
    let grown = |now: Option<u64>| Some(now?.saturating_sub(before?));
    let kib = match kind.as_str() {
        "task" => grown(cost::tasks(count)?),
        "thread" => {
            let (made, memory) = cost::threads(count)?; // As many as the system allows.
            count = made;
            grown(memory)
        }
        _ => cost::processes(count)?, // Each tells its own.
    };
    let us = begun.elapsed().as_micros() as f64;
    child::tell(serde_json::to_string(&Cost { count, us, kib })?);
    Ok(())
}

/// The process: says how much memory it has, and waits for the end of its stdin.
fn idle(_: &[String]) -> Result<()> {
    child::tell(peak_rss_kib().map_or("unknown".into(), |kib| kib.to_string()));
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

impl Costs {
    /// # Errors
    /// A child could not be started, or could not make so many.
    pub fn measure() -> Result<Costs> {
        let measure = |kind: &str, count: usize| -> Result<Cost> {
            let mut child = child::this_program(CHILD.name)?;
            child.args([kind, &count.to_string()]);
            let ended = child::run_watching(&mut child, Duration::from_secs(60))?;
            let said = serde_json::from_str(&ended.stdout);
            said.with_context(|| format!("{count} of the kind {kind}: {}", ended.stderr.trim()))
        };
        Ok(Costs {
            task: measure("task", 1_000_000)?,
            threads: [measure("thread", 10)?, measure("thread", 100)?, measure("thread", 1000)?],
            process: measure("process", 20)?,
        })
    }

    fn kinds(&self) -> [(&'static str, Cost); 3] {
        [("task", self.task), ("thread", self.threads[2]), ("process", self.process)]
    }

    pub fn figures(&self) -> Vec<Figure> {
        let mut time = Figure::new("Time to make one and see it end", "us", Scale::Logarithmic);
        let mut memory = Figure::new("Memory of one", "KiB", Scale::Logarithmic);
        for (kind, cost) in self.kinds() {
            time = time.point(kind, cost.us_each(), None);
            memory = memory.point(kind, cost.kib_each(), None);
        }
        let mut many = Figure::new("Memory of many threads", "KiB", Scale::Logarithmic);
        for cost in &self.threads {
            many = many.point(cost.count, cost.kib.map(|kib| kib as f64), None);
        }
        vec![time, memory, many]
    }

    pub fn findings(&self) -> Vec<Finding> {
        vec![
            self.small().on("A5", "A million tasks can wait, at a few hundred bytes each"),
            self.fast().on("T6", "A thread is quickly made, a task more quickly, a process slowly"),
            self.adds_up().on("T8", "Each thread costs memory"),
            self.heavy().on("P6", "A process costs more time and memory than a thread"),
        ]
    }

    fn small(&self) -> Judgement {
        let bytes = self.task.kib_each().map(|kib| kib * 1024.0);
        let count = self.task.count;
        let reasons = match bytes {
            None => unknown(),
            Some(..SMALL_TASK) => (Verdict::Holds, "measured while all of them waited"),
            Some(_) => (Verdict::Fails, "that is more than a few hundred bytes"),
        };
        Judgement::new(
            format!("{count} tasks at less than {SMALL_TASK} bytes"),
            format!("{count} tasks at {} bytes", known(bytes)),
            reasons,
        )
    }

    fn fast(&self) -> Judgement {
        let us = self.kinds().map(|(_, cost)| cost.us_each());
        let reasons = match us.is_sorted() {
            true => (Verdict::Holds, "measured in one run, each kind many times"),
            false => (Verdict::Fails, "they come in another order"),
        };
        let measured =
            format!("task {:.2} us, thread {:.1} us, process {:.0} us", us[0], us[1], us[2]);
        Judgement::new("task, thread, process, in this order", measured, reasons)
    }

    fn adds_up(&self) -> Judgement {
        let [_, hundred, thousand] = self.threads.map(|cost| cost.kib.map(|kib| kib as f64));
        // What the program itself needs for its first thread is in both.
        let more = self.threads[2].count.saturating_sub(self.threads[1].count);
        let each = thousand.zip(hundred).filter(|_| more > 0);
        let each = each.map(|(thousand, hundred)| (thousand - hundred) / more as f64);
        let reasons = match each {
            None if more == 0 => (Verdict::NotShown, "the system allowed no more threads"),
            None => unknown(),
            Some(LEAST_THREAD..) => (Verdict::Holds, "measured while all of them waited"),
            Some(_) => (Verdict::Fails, "more of them took hardly more memory"),
        };
        // As many as the system allowed, which may be fewer than were asked for.
        let totals = self.threads.map(|cost| {
            let kib = known(cost.kib.map(|kib| kib as f64));
            format!("{}: {kib} KiB", cost.count)
        });
        let time = self.threads[2].us_each();
        Judgement::new(
            format!("each thread more takes at least {LEAST_THREAD} KiB more"),
            format!("{}; {} KiB and {time:.0} us each", totals.join(", "), known(each)),
            reasons,
        )
    }

    fn heavy(&self) -> Judgement {
        let [_, (_, thread), (_, process)] = self.kinds();
        let slower = process.us_each() / thread.us_each();
        let larger = process.kib_each().zip(thread.kib_each());
        let larger = larger.map(|(process, thread)| process / thread.max(1.0));
        let reasons = match larger {
            _ if slower <= 1.0 => (Verdict::Fails, "it was made as quickly as a thread"),
            Some(..=1.0) => (Verdict::Fails, "it was as small as a thread"),
            Some(_) => (Verdict::Holds, "each process told its own memory"),
            None => unknown(),
        };
        Judgement::new(
            "more of both",
            format!("{slower:.0} times the time, {} times the memory", known(larger)),
            reasons,
        )
    }
}

fn unknown() -> (Verdict, &'static str) {
    (Verdict::NotShown, "the operating system does not tell our memory")
}

fn known(value: Option<f64>) -> String {
    value.map_or("unknown".into(), |value| format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    fn cost(count: usize, us: f64, kib: impl Into<Option<u64>>) -> Cost {
        let kib = kib.into();
        Cost { count, us, kib }
    }

    /// Threads at 50 us and 8 KiB each, which is well below a process and above a task.
    fn usual() -> Costs {
        Costs {
            task: cost(1000, 300.0, 400),
            threads: [cost(10, 500.0, 80), cost(100, 5000.0, 800), cost(1000, 50_000.0, 8000)],
            process: cost(20, 20_000.0, 60_000),
        }
    }

    /// Would be wrong: costs in any order, or of any size, pass.
    #[test]
    fn costs_are_compared() {
        let verdicts = |costs: Costs| {
            let findings = costs.findings();
            findings.iter().map(|f| f.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(usual()), [Holds; 4]);
        let opposite = Costs {
            task: cost(1000, 1e9, 1000),
            threads: [10, 100, 1000].map(|count| cost(count, 5e6, 80)),
            process: cost(20, 20.0, 1),
        };
        assert_eq!(verdicts(opposite), [Fails; 4]);
        let untold = |cost| Cost { kib: None, ..cost };
        let unknown = Costs {
            task: untold(usual().task),
            threads: usual().threads.map(untold),
            process: untold(usual().process),
        };
        let because = unknown.adds_up().because;
        assert_eq!(because, "the operating system does not tell our memory");
        let none = [NotShown, Holds, NotShown, NotShown];
        assert_eq!(verdicts(unknown), none);
    }

    /// Would be wrong: a task of 600 bytes is small, or an order that is not kept passes.
    #[test]
    fn tasks_are_held_against_their_limits() {
        // 1024 tasks at 600 bytes are 600 KiB.
        for (kib, verdict) in [(599, Holds), (600, Fails)] {
            let task = cost(1024, 300.0, kib);
            let small = Costs { task, ..usual() }.small();
            assert_eq!(small.verdict, verdict);
            assert_eq!(small.measured, format!("1024 tasks at {kib} bytes"));
        }
        let slow_task = Costs { task: cost(1000, 50_001.0, 400), ..usual() };
        assert_eq!(slow_task.fast().verdict, Fails);
        let quick_process = Costs { process: cost(20, 999.0, 60_000), ..usual() };
        assert_eq!(quick_process.fast().verdict, Fails);
    }

    /// Would be wrong: threads that share their memory pass, or are judged where none were added.
    #[test]
    fn each_thread_more_adds_memory() {
        let judge = |counts: [usize; 2], kib: [u64; 2]| {
            let mut costs = usual();
            costs.threads[1] = cost(counts[0], 5000.0, kib[0]);
            costs.threads[2] = cost(counts[1], 50_000.0, kib[1]);
            costs.adds_up()
        };
        // 900 threads more at 4 KiB are 3600 KiB.
        assert_eq!(judge([100, 1000], [1000, 4600]).verdict, Holds);
        let less = judge([100, 1000], [1000, 4599]);
        assert_eq!(less.verdict, Fails);
        let measured = "10: 80 KiB, 100: 1000 KiB, 1000: 4599 KiB; 4 KiB and 50 us each";
        assert_eq!(less.measured, measured);
        let refused = judge([60, 60], [480, 490]);
        assert_eq!(refused.verdict, NotShown);
        assert_eq!(refused.because, "the system allowed no more threads");
        let measured = "10: 80 KiB, 60: 480 KiB, 60: 490 KiB; unknown KiB and 833 us each";
        assert_eq!(refused.measured, measured);
    }

    /// Would be wrong: a process that is as quick or as small as a thread costs more.
    #[test]
    fn a_process_costs_more_of_both() {
        // A thousand threads at 50 us and 8 KiB: 20 processes like them are 1000 us and 160 KiB.
        for (us, kib, verdict, because) in [
            (1001.0, 161, Holds, "each process told its own memory"),
            (1000.0, 161, Fails, "it was made as quickly as a thread"),
            (1001.0, 160, Fails, "it was as small as a thread"),
        ] {
            let process = cost(20, us, kib);
            let heavy = Costs { process, ..usual() }.heavy();
            assert_eq!((heavy.verdict, &*heavy.because), (verdict, because));
        }
        // A thread that took less than 1 KiB is held to have taken that.
        for (kib, verdict) in [(21, Holds), (20, Fails)] {
            let mut costs = usual();
            costs.threads[2] = cost(1000, 50_000.0, 0);
            costs.process = cost(20, 20_000.0, kib);
            assert_eq!(costs.heavy().verdict, verdict, "{kib} KiB");
        }
        let measured = usual().heavy().measured;
        assert_eq!(measured, "20 times the time, 375 times the memory");
    }

    /// Would be wrong: a figure of another kind, of all where one of them is meant, or none.
    #[test]
    fn figures_show_one_of_each_kind() {
        let figures = usual().figures();
        let points = figures.iter().map(|figure| {
            let points = figure.points.iter();
            let points = points.map(|point| (&*point.label, point.measured.unwrap()));
            points.collect::<Vec<_>>()
        });
        assert_eq!(
            points.collect::<Vec<_>>(),
            [
                [("task", 0.3), ("thread", 50.0), ("process", 1000.0)],
                [("task", 0.4), ("thread", 8.0), ("process", 3000.0)],
                [("10", 80.0), ("100", 800.0), ("1000", 8000.0)],
            ]
        );
    }

    /// Would be wrong: a mode that says nothing, or another kind or unit than it was asked for.
    #[test]
    fn each_mode_says_what_it_has_measured() {
        const MODE: &str = "COSTS_TEST_MODE";
        // A mode has a stdout to itself, so this test is started again as each of them.
        if let Ok(words) = std::env::var(MODE) {
            let words: Vec<String> = words.split(' ').map(String::from).collect();
            let mode = if words[0] == "idle" { idle } else { child };
            return mode(&words).unwrap();
        }
        let said = |words: &str| {
            let mut again = std::process::Command::new(std::env::current_exe().unwrap());
            again.arg("costs::tests::each_mode_says_what_it_has_measured");
            again.args(["--exact", "--nocapture", "--quiet"]);
            let ended = child::run(again.env(MODE, words), Duration::from_secs(60));
            ended.unwrap().stdout
        };
        // Memory is known to the mode where it is known to us.
        let said_kib = said("idle").lines().any(|line| line.parse::<u64>().is_ok());
        assert_eq!(said_kib, peak_rss_kib().is_some());
        for (words, count) in [("task 1000", 1000), ("thread 3", 3)] {
            let begun = Instant::now();
            let said = said(words);
            let us = begun.elapsed().as_secs_f64() * 1e6;
            let cost = said.lines().find_map(|line| serde_json::from_str(line).ok());
            let cost: Cost = cost.expect(&said);
            assert_eq!(cost.count, count, "{words}");
            assert_eq!(cost.kib.is_some(), rss_kib().is_some(), "{words}");
            assert!((1.0..us).contains(&cost.us), "{words}: {} us", cost.us);
        }
    }
}
