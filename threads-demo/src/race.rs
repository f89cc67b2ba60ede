//! Adding one takes two steps, reading and writing. Where other threads read in between, all but
//! one addition is lost, though every access is atomic. (Without atomics or a lock, it would not
//! even compile: Rust refuses to share what several threads write.)
//!
//! You will see a counter after one addition in each thread: by two steps, by one, under a lock.
//!
//! Try it: take the barrier away. Most times nothing is lost then, which is what makes it a trap.

use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread::{Builder, scope};

use anyhow::Result;
use shared::lab::{Evidence, Lab};

use crate::judge;

pub const ABOUT: &str = "Threads that read before the others have written";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let threads = lab.tasks.min(100);

    // The trap: load, then store. The barrier makes sure that all have read before one writes.
    let counter = AtomicUsize::new(0);
    let all_have_read = Barrier::new(threads);
    scope(|scope| {
        for _ in 0..threads {
            let thread = Builder::new().spawn_scoped(scope, || {
                let seen = counter.load(Ordering::SeqCst);
                all_have_read.wait();
                counter.store(seen + 1, Ordering::SeqCst);
            });
            if let Err(error) = thread {
                // Those at the barrier would wait for this one for ever.
                eprintln!("{}: cannot start a thread: {error}", env!("CARGO_PKG_NAME"));
                exit(3);
            }
        }
    });
    let two_steps = counter.into_inner();

    // One cure: both steps in one.
    let counter = AtomicUsize::new(0);
    scope(|scope| {
        for _ in 0..threads {
            Builder::new().spawn_scoped(scope, || counter.fetch_add(1, Ordering::SeqCst))?;
        }
        anyhow::Ok(())
    })?;
    let one_step = counter.into_inner();

    // The other: two steps, but nobody else comes in between.
    let counter = Mutex::new(0);
    scope(|scope| {
        for _ in 0..threads {
            Builder::new().spawn_scoped(scope, || {
                let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
                let seen = *counter;
                *counter = seen + 1;
            })?;
        }
        anyhow::Ok(())
    })?;
    let locked = counter.into_inner().unwrap_or_else(PoisonError::into_inner);

    let finding = judge::lost_update(threads, two_steps, one_step, locked);
    Ok(Evidence::new(
        Vec::new(),
        vec![finding.on("T10", "Threads lose updates of shared data if not careful")],
    ))
}
