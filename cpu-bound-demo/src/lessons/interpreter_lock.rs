//! An interpreter lock like Python's, for the lesson `gil`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};

/// It is fair: the thread that has waited longest gets it next. Rust's `Mutex` is
/// not, so a thread may take it many times while others wait.
#[derive(Default)]
pub struct Gil {
    next_ticket: AtomicUsize,
    serving: Mutex<usize>,
    handed_over: Condvar,
}

impl Gil {
    /// Does `work` while the calling thread holds the lock.
    pub fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        let ticket = self.next_ticket.fetch_add(1, Relaxed);
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.handed_over.wait_while(serving, |serving| *serving != ticket));
        let result = work();
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.handed_over.notify_all();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::scope;

    #[test]
    fn waiting_thread_gets_the_lock_next() {
        let (gil, order) = (Gil::default(), Mutex::new(Vec::new()));
        scope(|scope| {
            gil.hold(|| {
                for thread in 0..3 {
                    let (gil, order) = (&gil, &order);
                    scope.spawn(move || gil.hold(|| order.lock().unwrap().push(thread)));
                    // It has asked before the next one starts.
                    while gil.next_ticket.load(Relaxed) < thread + 2 {
                        std::thread::yield_now();
                    }
                }
            });
            gil.hold(|| order.lock().unwrap().push(9)); // At once again, but behind the others.
        });
        assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 9]);
    }
}
