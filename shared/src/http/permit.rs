//! File descriptors for tasks. A task that finds none left waits here, before its clock starts, so no
//! lesson needs to know the limit.

use std::io;
use std::sync::LazyLock;

use tokio::runtime::Builder;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::os::fd_limit;
use crate::progress::reduce_concurrency;

static DESCRIPTORS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(fd_limit::for_tasks().min(Semaphore::MAX_PERMITS)));

/// File descriptors that a task may use. Dropping it makes them available to the next task.
#[derive(Debug)]
pub struct Permit {
    _descriptors: SemaphorePermit<'static>,
}

impl Permit {
    /// Waits until so many descriptors are available. Says once on stderr that tasks have to wait.
    pub async fn acquire(descriptors: u32) -> Permit {
        match Permit::try_acquire(descriptors) {
            Some(permit) => permit,
            None => {
                reduce_concurrency(&fd_limit::limited());
                // Never closed, so there is no error.
                let permit = DESCRIPTORS.acquire_many(at_most(descriptors)).await;
                Permit { _descriptors: permit.unwrap_or_else(|_| unreachable!()) }
            }
        }
    }

    /// The same for a thread that may block.
    ///
    /// # Errors
    /// The OS refuses what it takes to wait.
    pub fn acquire_blocking(descriptors: u32) -> io::Result<Permit> {
        // Without I/O, this event loop has no descriptors itself.
        Ok(Builder::new_current_thread().build()?.block_on(Permit::acquire(descriptors)))
    }

    /// The same, but `None` instead of waiting.
    pub fn try_acquire(descriptors: u32) -> Option<Permit> {
        let permit = DESCRIPTORS.try_acquire_many(at_most(descriptors)).ok()?;
        Some(Permit { _descriptors: permit })
    }
}

/// One task can always run.
fn at_most(descriptors: u32) -> u32 {
    descriptors.min(fd_limit::for_tasks().try_into().unwrap_or(u32::MAX))
}
