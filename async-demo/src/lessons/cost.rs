//! What a task, a thread and a process cost: the time to make one and see it end, and its memory.
//! Each kind is measured in a child process of its own, all in one run.
//! You will see all three on a scale whose every step is a factor of ten.
//! Try it: write `100_000` in place of the last `1000`: how many threads does your system allow?

use std::io::{BufRead, Read, stdin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared::os::child::{ChildMode, write_line};
use shared::os::usage::{peak_rss_kib, rss_kib};
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::lessons::cost_verdicts::{Cost, Costs};

pub const LESSON: Lesson = Lesson::new(
    "cost",
    "Time and memory for a task, a thread and a process",
    &["A5", "T6", "T8", "P6"],
    run,
    include_str!("cost.rs"),
)
.child_modes(&[MEASURE, IDLE]);

/// A child that measures one kind, and a process that is measured.
const MEASURE: ChildMode = ChildMode::new("cost-of", measure);
const IDLE: ChildMode = ChildMode::new("idle", idle).reads_stdin();

fn run(_: &Lab) -> Result<Evidence> {
    let costs = Costs {
        task: cost_of("task", 1_000_000)?,
        threads: [cost_of("thread", 10)?, cost_of("thread", 100)?, cost_of("thread", 1000)?],
        process: cost_of("process", 20)?,
    };
    Ok(Evidence::new(Vec::new(), costs.findings()).with(costs.figures()))
}

/// Has a child make `count` of one kind and measure them.
fn cost_of(kind: &str, count: usize) -> Result<Cost> {
    let child = MEASURE.run(&[kind, &count.to_string()], Duration::from_secs(60))?;
    serde_json::from_str(&child.stdout).with_context(|| {
        let (exit, stderr) = (child.exit, child.stderr.trim());
        format!("cannot measure {count} of the kind {kind}: the child {exit}: {stderr}")
    })
}

/// The child's main: prints what the units have cost together.
fn measure(args: &[String]) -> Result<()> {
    let [kind, count] = args else { return Ok(()) };
    let (count, begun) = (count.parse()?, Instant::now());
    let (count, kib) = match kind.as_str() {
        "task" => tasks(count)?,
        "thread" => threads(count)?,
        _ => processes(count)?,
    };
    let us = begun.elapsed().as_micros() as f64;
    write_line(serde_json::to_string(&Cost { count, us, kib })?);
    Ok(())
}

/// How many units wait by now.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Has all tasks wait at the same time, on one thread. Returns their number, and the memory in KiB
/// that was added meanwhile.
fn tasks(count: usize) -> Result<(usize, Option<u64>)> {
    let before = rss_kib();
    let rt = Builder::new_current_thread().build()?;
    rt.block_on(async {
        let gate = Arc::new(Semaphore::new(0));
        let mut tasks = Vec::with_capacity(count);
        for _ in 0..count {
            let gate = gate.clone();
            tasks.push(tokio::spawn(async move {
                WAITING.fetch_add(1, Relaxed);
                drop(gate.acquire().await);
            }));
        }
        while WAITING.load(Relaxed) < count {
            yield_now().await;
        }
        let kib = added(before);
        gate.close();
        for task in tasks {
            task.await?;
        }
        Ok((count, kib))
    })
}

/// The same with a thread each, as many as the OS allows.
fn threads(count: usize) -> Result<(usize, Option<u64>)> {
    let before = rss_kib();
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let mut threads = Vec::new();
    while threads.len() < count {
        let gate = gate.clone();
        let thread = thread::Builder::new().spawn(move || {
            WAITING.fetch_add(1, Relaxed);
            drop(gate.lock());
        });
        if thread.is_err() && !threads.is_empty() {
            break;
        }
        threads.push(thread?);
    }
    while WAITING.load(Relaxed) < threads.len() {
        thread::yield_now();
    }
    let (count, kib) = (threads.len(), added(before));
    drop(closed);
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok((count, kib))
}

fn added(before: Option<u64>) -> Option<u64> {
    Some(rss_kib()?.saturating_sub(before?))
}

/// Makes one process at a time, each of which reports its memory.
fn processes(count: usize) -> Result<(usize, Option<u64>)> {
    let mut memory = Some(0);
    for _ in 0..count {
        let mut idle = IDLE.spawn(&[])?;
        let mut line = String::new();
        idle.stdout.read_line(&mut line)?;
        drop(idle.stdin); // Ends it.
        idle.child.wait()?;
        memory = memory.zip(line.trim().parse().ok()).map(|(sum, kib): (u64, u64)| sum + kib);
    }
    Ok((count, memory))
}

/// The process's main: prints its memory, and waits for the end of its stdin.
fn idle(_: &[String]) -> Result<()> {
    write_line(peak_rss_kib().map_or("unknown".into(), |kib| kib.to_string()));
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::os::child;

    #[test]
    fn child_modes_print_their_measurements() {
        const MODE: &str = "COST_TEST_MODE";
        // A mode has a stdout to itself, so this test is started again as each of them.
        if let Ok(words) = std::env::var(MODE) {
            let words: Vec<String> = words.split(' ').map(String::from).collect();
            let mode = if words[0] == "idle" { idle } else { measure };
            return mode(&words).unwrap();
        }
        let printed = |words: &str| {
            let mut again = std::process::Command::new(std::env::current_exe().unwrap());
            again.arg("lessons::cost::tests::child_modes_print_their_measurements");
            again.args(["--exact", "--nocapture", "--quiet"]);
            child::run(again.env(MODE, words), Duration::from_secs(60)).unwrap().stdout
        };
        // Memory is known to the mode if it is known to this process.
        let prints_kib = printed("idle").lines().any(|line| line.parse::<u64>().is_ok());
        assert_eq!(prints_kib, peak_rss_kib().is_some());
        for (words, count) in [("task 1000", 1000), ("thread 3", 3)] {
            let begun = Instant::now();
            let printed = printed(words);
            let us = begun.elapsed().as_secs_f64() * 1e6;
            let cost = printed.lines().find_map(|line| serde_json::from_str(line).ok());
            let cost: Cost = cost.expect(&printed);
            assert_eq!(cost.count, count, "{words}");
            assert_eq!(cost.kib.is_some(), rss_kib().is_some(), "{words}");
            assert!((1.0..us).contains(&cost.us), "{words}: {} us", cost.us);
        }
    }
}
