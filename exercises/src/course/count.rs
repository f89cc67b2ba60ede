//! 02: a race between read and write.

use std::process::ExitCode;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use shared::report::count;

use crate::event::{What, record, threads_started};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::PATIENCE;

pub const EXERCISE: Exercise = Exercise {
    name: "02_count",
    about: "ten threads add to one number, and no update is lost",
    minutes: 10,
    starred: false,
    goal: "10 threads add 1 each, and it says 10",
    hints: [
        "Two threads read 4. What does each write? Who may read between a read and its write?",
        "A `std::sync::Mutex` lets one thread at a time hold its guard: `mutex.lock().unwrap()`. It may \
         protect nothing but the order, `Mutex::new(())`. Threads of a scope can share it by reference.",
        "Before the threads: `let lock = Mutex::___;`. In each, before it reads: `let _guard = ___;`",
    ],
    stub: include_str!("../../stubs/02_count.rs"),
    solution: include_str!("../../solutions/02_count.rs"),
};

const N: usize = 10;

/// A number that is read and written in two steps.
pub struct Register {
    inside: Mutex<Inside>,
    another_reads: Condvar,
}

#[derive(Default)]
struct Inside {
    value: usize,
    is_begun: bool,
    /// Threads that have read and not written yet.
    threads: usize,
}

impl Register {
    /// The number. It waits a little for another reader, so that two of them meet if they can.
    pub fn read(&self) -> usize {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        record(What::Begun(inside.value));
        // The first waits for the others' start, which a `join` behind it would prevent. The main thread
        // may be one of the ten.
        if !std::mem::replace(&mut inside.is_begun, true) {
            record(What::Threads(threads_started(N - 1, PATIENCE)));
        }
        inside.threads += 1;
        self.another_reads.notify_all();
        let value = inside.value;
        let alone = |inside: &mut Inside| inside.threads < 2;
        let _ = self.another_reads.wait_timeout_while(inside, Duration::from_millis(30), alone);
        value
    }

    pub fn write(&self, value: usize) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.value = value;
        inside.threads = inside.threads.saturating_sub(1);
        record(What::Ended(value));
    }
}

/// Judges the learner's `add_all`.
#[track_caller]
pub fn main(add_all: fn(&Register, usize)) -> ExitCode {
    let learner = || {
        let register = Register { inside: Mutex::default(), another_reads: Condvar::new() };
        add_all(&register, N);
        register.inside.lock().map_or(0, |inside| inside.value)
    };
    judge::run(&EXERCISE, learner, verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let (threads, added) = (seen.threads(), seen.begun());
    let value: usize = seen.returned()?;
    if threads != N || added != N {
        let measured = format!("{} added {added}", count(threads, "thread"));
        return Err(Red::new(
            measured,
            "each of the 10 threads adds 1, once: it reads, then writes",
        ));
    }
    if let Some(started) = seen.threads_started().filter(|&started| started < N - 1) {
        let because = "a thread began when another had ended: start all ten before you `join` one";
        return Err(Red::new(format!("{} at a time", count(started, "thread")), because));
    }
    if seen.peak() > 1 {
        let because = match (seen.source.find("Mutex::new"), seen.source.find("spawn(")) {
            (Some(lock), Some(spawn)) if lock > spawn => {
                "each thread locked a lock of its own: make one, before the threads"
            }
            (Some(_), _) => {
                "the lock was free between read and write: one guard, with a name, must last over both"
            }
            _ => "a thread read the number before another had written: nothing keeps it out",
        };
        return Err(Red::new(format!("{added} added, it says {value}"), because));
    }
    if value != N {
        return Err(Red::new(format!("it says {value}"), "each thread adds 1 to what it has read"));
    }
    Ok(format!("{threads} threads, it says {value}, never two between read and write"))
}
