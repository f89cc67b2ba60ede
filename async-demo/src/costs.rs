//! Has the costs of tasks, threads and processes measured, each kind in a process of its own, and
//! judges them.

use std::io::{Read, stdin};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::child;
use shared::cli::Hidden;
use shared::judge::Judgement;
use shared::report::{Figure, Finding, Scale, Verdict};
use shared::stopwatch::{now_ms, peak_rss_kib, rss_kib};

use crate::cost;

/// What starts this program as a child that measures one kind, and as a process to be measured.
pub const CHILD: Hidden = Hidden::new("cost-of", child);
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
    let (start_ms, before) = (now_ms(), rss_kib());
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
    let us = (now_ms() - start_ms) * 1000.0;
    println!("{}", serde_json::to_string(&Cost { count, us, kib })?);
    Ok(())
}

/// The process: says how much memory it has, and waits for the end of its stdin.
fn idle(_: &[String]) -> Result<()> {
    println!(
        "{}",
        peak_rss_kib().map_or("unknown".into(), |kib| kib.to_string())
    );
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
            let ended = child::run(&mut child, Duration::from_secs(60))?;
            let said = serde_json::from_str(&ended.stdout);
            said.with_context(|| format!("{count} of the kind {kind}: {}", ended.stderr.trim()))
        };
        Ok(Costs {
            task: measure("task", 1_000_000)?,
            threads: [
                measure("thread", 10)?,
                measure("thread", 100)?,
                measure("thread", 1000)?,
            ],
            process: measure("process", 20)?,
        })
    }

    fn kinds(&self) -> [(&'static str, Cost); 3] {
        [
            ("task", self.task),
            ("thread", self.threads[2]),
            ("process", self.process),
        ]
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
            self.small().on(
                "A5",
                "A million tasks can wait, at a few hundred bytes each",
            ),
            self.fast().on(
                "T6",
                "A thread is quickly made, a task more quickly, a process slowly",
            ),
            self.adds_up().on("T8", "Each thread costs memory"),
            self.heavy()
                .on("P6", "A process costs more time and memory than a thread"),
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
        let measured = format!(
            "task {:.2} us, thread {:.1} us, process {:.0} us",
            us[0], us[1], us[2]
        );
        Judgement::new("task, thread, process, in this order", measured, reasons)
    }

    fn adds_up(&self) -> Judgement {
        let [ten, hundred, thousand] = self.threads.map(|cost| cost.kib.map(|kib| kib as f64));
        // What the program itself needs for its first thread is in both.
        let more = self.threads[2].count.saturating_sub(self.threads[1].count);
        let each = thousand.zip(hundred).filter(|_| more > 0);
        let each = each.map(|(thousand, hundred)| (thousand - hundred) / more as f64);
        let reasons = match each {
            None => unknown(),
            Some(LEAST_THREAD..) => (Verdict::Holds, "measured while all of them waited"),
            Some(_) => (Verdict::Fails, "more of them took hardly more memory"),
        };
        let [ten, hundred, thousand] = [ten, hundred, thousand].map(known);
        let time = self.threads[2].us_each();
        Judgement::new(
            format!("each thread more takes at least {LEAST_THREAD} KiB more"),
            format!(
                "10: {ten} KiB, 100: {hundred} KiB, 1000: {thousand} KiB; {} KiB and {time:.0} us each",
                known(each)
            ),
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
            format!(
                "{slower:.0} times the time, {} times the memory",
                known(larger)
            ),
            reasons,
        )
    }
}

fn unknown() -> (Verdict, &'static str) {
    (
        Verdict::NotShown,
        "the operating system does not tell our memory",
    )
}

fn known(value: Option<f64>) -> String {
    value.map_or("unknown".into(), |value| format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    /// Would be wrong: costs in any order, or of any size, pass.
    #[test]
    fn costs_are_compared() {
        let cost = |count, us, kib| Cost { count, us, kib };
        let costs = |task, thread: fn(usize) -> Cost, process| Costs {
            task,
            threads: [10, 100, 1000].map(thread),
            process,
        };
        let verdicts = |costs: Costs| {
            costs
                .findings()
                .iter()
                .map(|f| f.verdict)
                .collect::<Vec<_>>()
        };
        let thread = |count| Cost {
            count,
            us: 50.0 * count as f64,
            kib: Some(8 * count as u64),
        };
        let task = cost(1000, 300.0, Some(400));
        let process = cost(20, 20_000.0, Some(60_000));
        assert_eq!(verdicts(costs(task, thread, process)), [Holds; 4]);
        let flat = |count| Cost {
            count,
            us: 5e6,
            kib: Some(80),
        };
        let tiny = cost(20, 20.0, Some(1));
        assert_eq!(
            verdicts(costs(cost(1000, 1e9, Some(1000)), flat, tiny)),
            [Fails; 4]
        );
        let unknown = |count| Cost {
            count,
            us: 50.0 * count as f64,
            kib: None,
        };
        let none = verdicts(costs(
            cost(1000, 300.0, None),
            unknown,
            cost(20, 20_000.0, None),
        ));
        assert_eq!(none, [NotShown, Holds, NotShown, NotShown]);
    }
}
