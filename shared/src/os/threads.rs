//! Whether the OS grants threads, for libraries that panic or wait for ever where it does not.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

use crate::os::usage::os_threads;

/// Checks that the OS grants `count` more threads at the same time, by starting them.
///
/// # Errors
/// It does not.
pub fn check(count: usize) -> io::Result<()> {
    let before = os_threads();
    let gate = Mutex::new(());
    scope(|scope| {
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = || drop(gate.lock());
        (0..count).try_for_each(|_| Builder::new().spawn_scoped(scope, wait).map(|_| ()))
    })?;
    // The OS counts a thread for a moment after its end.
    let give_up = Instant::now() + Duration::from_secs(1);
    while os_threads() > before && Instant::now() < give_up {
        sleep(Duration::from_millis(1));
    }
    Ok(())
}
