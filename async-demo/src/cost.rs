//! What a task, a thread and a process cost: the time to make one and see it end, and its memory. Each
//! kind is measured in a process of its own, all in one run.
//! You will see all three on a scale on which every step is a factor of ten.
//! Try it: more threads, until your system refuses.

use std::io::BufRead;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use shared::child;
use shared::lab::{Evidence, Lab};
use shared::stopwatch::rss_kib;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::costs::{Costs, IDLE};

pub const ABOUT: &str = "Time and memory for a task, a thread and a process";

pub fn run(_: &Lab) -> Result<Evidence> {
    let costs = Costs::measure()?; // It has each function below called in a process of its own.
    Ok(Evidence::new(Vec::new(), costs.findings()).with(costs.figures()))
}

/// How many wait by now.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Has all tasks wait at the same time, on one thread; returns the memory in KiB meanwhile.
pub fn tasks(count: usize) -> Result<Option<u64>> {
    Builder::new_current_thread().build()?.block_on(async {
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
            tokio::task::yield_now().await;
        }
        let memory = rss_kib();
        gate.close();
        for task in tasks {
            task.await?;
        }
        Ok(memory)
    })
}

/// As [`tasks`], with a thread for each; returns how many the system has allowed, too.
pub fn threads(count: usize) -> Result<(usize, Option<u64>)> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let mut threads = Vec::new();
    while threads.len() < count {
        let gate = gate.clone();
        let thread = std::thread::Builder::new().spawn(move || {
            WAITING.fetch_add(1, Relaxed);
            drop(gate.lock());
        });
        if thread.is_err() && !threads.is_empty() {
            break;
        }
        threads.push(thread?);
    }
    while WAITING.load(Relaxed) < threads.len() {
        std::thread::yield_now();
    }
    let (made, memory) = (threads.len(), rss_kib());
    drop(closed);
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok((made, memory))
}

/// Makes processes one at a time; returns the memory that they say they have, in KiB.
pub fn processes(count: usize) -> Result<Option<u64>> {
    let mut memory = Some(0);
    for _ in 0..count {
        let mut idle = child::piped(IDLE.name, &[])?;
        let said = idle.from.lines().next().transpose()?;
        drop(idle.to);
        idle.child.wait()?;
        let kib = said.and_then(|said| said.parse::<u64>().ok());
        memory = memory.zip(kib).map(|(sum, kib)| sum + kib);
    }
    Ok(memory)
}
