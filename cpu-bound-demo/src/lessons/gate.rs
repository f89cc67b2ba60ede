//! A gate that counts how many threads wait at the same time. No clock decides: where all can wait at
//! once, it opens as soon as they do.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

pub struct Gate {
    size: usize,
    /// How long a thread waits for the others.
    patience: Duration,
    /// Threads that wait now, and the most at the same time.
    waiting: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Gate {
    /// A gate that opens as soon as `size` threads wait at it.
    pub fn new(size: usize, patience: Duration) -> Gate {
        Gate { size, patience, waiting: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until the gate opens, or patience ends.
    pub fn pass(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.0 += 1;
        waiting.1 = waiting.1.max(waiting.0);
        self.changed.notify_all();
        let closed = |waiting: &mut (usize, usize)| waiting.1 < self.size;
        let passed = self.changed.wait_timeout_while(waiting, self.patience, closed);
        passed.unwrap_or_else(PoisonError::into_inner).0.0 -= 1;
    }

    /// The most threads that have waited at the same time.
    pub fn most(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
