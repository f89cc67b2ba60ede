//! What the lesson `cost` measures: units of one kind, all of which wait at the same time.

use std::io::{BufRead, Read, stdin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;
use shared::os::child::{ChildMode, write_line};
use shared::os::usage::{Switches, private_kib};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::lessons::private_memory::added_kib;

/// A process that is measured.
pub const IDLE: ChildMode = ChildMode::new("idle", idle).reads_stdin();

/// How many units wait by now.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// The number of units, the private memory in KiB that was added while they waited, and the voluntary
/// context switches of their threads meanwhile.
type Waited = (usize, Option<u64>, Option<u64>);

/// Has all tasks wait at the same time, on one thread.
pub fn tasks(count: usize) -> Result<Waited> {
    let before = private_kib();
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
        let switches = Switches::of_this_thread();
        while WAITING.load(Relaxed) < count {
            yield_now().await;
        }
        let kib = added_kib(before);
        gate.close();
        for task in tasks {
            task.await?;
        }
        Ok((count, kib, voluntary_since(switches)))
    })
}

/// The same with a thread each, as many as the OS allows.
pub fn threads(count: usize) -> Result<Waited> {
    let before = private_kib();
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let mut threads = Vec::new();
    while threads.len() < count {
        let gate = gate.clone();
        let thread = thread::Builder::new().spawn(move || wait_at(&gate));
        if thread.is_err() && !threads.is_empty() {
            break;
        }
        threads.push(thread?);
    }
    while WAITING.load(Relaxed) < threads.len() {
        thread::yield_now();
    }
    let (count, kib) = (threads.len(), added_kib(before));
    drop(closed);
    let switches = threads.into_iter().map(|thread| thread.join().ok().flatten()).sum();
    Ok((count, kib, switches))
}

/// What each thread does. Returns how often it gave up its core meanwhile: its start and its end do
/// not count.
pub fn wait_at(gate: &Mutex<()>) -> Option<u64> {
    let switches = Switches::of_this_thread();
    WAITING.fetch_add(1, Relaxed);
    drop(gate.lock());
    voluntary_since(switches)
}

/// Voluntary context switches of the calling thread since `before`.
fn voluntary_since(before: Option<Switches>) -> Option<u64> {
    Some(Switches::of_this_thread()?.voluntary - before?.voluntary)
}

/// Makes one process at a time, each of which reports its memory.
pub fn processes(count: usize) -> Result<Waited> {
    let mut memory = Some(0);
    for _ in 0..count {
        let mut idle = IDLE.spawn(&[])?;
        let mut line = String::new();
        idle.stdout.read_line(&mut line)?;
        drop(idle.stdin); // Ends it.
        idle.child.wait()?;
        memory = memory.zip(line.trim().parse().ok()).map(|(sum, kib): (u64, u64)| sum + kib);
    }
    Ok((count, memory, None))
}

/// The process's main: prints its memory, and waits for the end of its stdin.
pub fn idle(_: &[String]) -> Result<()> {
    write_line(private_kib().map_or("unknown".into(), |kib| kib.to_string()));
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
