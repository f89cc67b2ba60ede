//! What a task, a thread and a process cost: the time to make one and see it end, and its memory. Each
//! kind is measured in a process of its own, all in one run.
//! You will see that a task costs next to nothing, a thread a hundred times as much, and a process some
//! twenty times as much as that.
//! Try it: more threads, until your system refuses.

use std::io::{BufRead, Read, stdin};
use std::sync::{Arc, Barrier};
use std::thread;

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};
use shared::stopwatch::{peak_rss_kib, rss_kib};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::costs::Costs;

/// What starts this program as a process to be measured.
pub const IDLE: Hidden = Hidden::new("idle", idle);

pub const ABOUT: &str = "Time and memory for a task, a thread and a process";

pub fn run(_: &Lab) -> Result<Evidence> {
    let costs = Costs::measure()?; // It has each function below called in a process of its own.
    Ok(Evidence::new(Vec::new(), costs.findings()).with(costs.figures()))
}

/// Has all tasks wait at the same time, on one thread; returns the memory in KiB meanwhile.
pub fn tasks(count: usize) -> Result<Option<u64>> {
    Builder::new_current_thread().build()?.block_on(async {
        let gate = Arc::new(Semaphore::new(0));
        let mut tasks = Vec::with_capacity(count);
        for _ in 0..count {
            let gate = gate.clone();
            tasks.push(tokio::spawn(async move { drop(gate.acquire().await) }));
        }
        yield_now().await; // Now each of them waits.
        let memory = rss_kib();
        gate.close();
        for task in tasks {
            task.await?;
        }
        Ok(memory)
    })
}

/// As [`tasks`], with a thread for each.
pub fn threads(count: usize) -> Result<Option<u64>> {
    let gate = Arc::new(Barrier::new(count + 1));
    let mut threads = Vec::new();
    for _ in 0..count {
        let gate = gate.clone();
        threads.push(thread::Builder::new().spawn(move || (gate.wait(), gate.wait()))?);
    }
    gate.wait(); // Now each of them waits for the second time.
    let memory = rss_kib();
    gate.wait();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(memory)
}

/// Makes processes one at a time; returns the memory that they say they have, in KiB.
pub fn processes(count: usize) -> Result<Option<u64>> {
    let mut memory = Some(0);
    for _ in 0..count {
        let mut idle = child::piped(IDLE.name, &[])?;
        let mut line = String::new();
        idle.from.read_line(&mut line)?;
        drop(idle.to);
        idle.child.wait()?;
        memory = memory
            .zip(line.trim().parse().ok())
            .map(|(sum, kib): (u64, u64)| sum + kib);
    }
    Ok(memory)
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
