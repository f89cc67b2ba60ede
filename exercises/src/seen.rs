//! What the judges see of one run of the learner's code, and the verdict that they reach.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::os::child::ChildExit;
use shared::report::count;

use crate::event::{Event, What};

/// Green, with what was measured; or red.
pub type Verdict = Result<String, Red>;

/// Why an answer is not right yet.
#[derive(Debug)]
pub struct Red {
    /// In place of the exercise's goal.
    pub wanted: Option<String>,
    pub measured: String,
    pub because: String,
}

impl Red {
    pub fn new(measured: impl Into<String>, because: impl Into<String>) -> Red {
        Red { wanted: None, measured: measured.into(), because: because.into() }
    }

    /// Replaces the exercise's goal as what was wanted.
    pub fn wanted(self, wanted: impl Into<String>) -> Red {
        Red { wanted: Some(wanted.into()), ..self }
    }
}

/// What the server and the site saw of one run of the learner's code.
#[derive(Debug, Clone)]
pub struct Seen {
    pub end: End,
    pub events: Vec<Event>,
    /// What the server counted: requests, the most of them at once, and connections.
    pub requests: usize,
    pub peak_at_server: usize,
    pub connections: usize,
    pub stdout: Printed,
    pub stderr: Printed,
    /// The learner's file without comments. It only helps to choose the words of a message.
    pub source: String,
}

/// How the learner's code ended.
#[derive(Debug, Clone)]
pub enum End {
    /// The function returned.
    Returned(Value),
    /// The process ended first.
    Died(ChildExit),
    /// It did nothing that the judge can see for a while.
    Silent,
    /// It was still busy when its time was over.
    Busy,
}

/// The start of what a process wrote, and the length of all.
#[derive(Debug, Clone, Default)]
pub struct Printed {
    pub start: String,
    pub length: usize,
}

impl Seen {
    /// How many requests began.
    pub fn begun(&self) -> usize {
        self.count(|what| matches!(what, What::Begun(_)))
    }

    /// How many events there are of this kind.
    pub fn count(&self, kind: impl Fn(&What) -> bool) -> usize {
        self.events.iter().filter(|event| kind(&event.what)).count()
    }

    /// Whether a request waited in vain for others.
    pub fn in_vain(&self) -> bool {
        self.count(|what| matches!(what, What::InVain(_))) > 0
    }

    /// The same run, until the first request waited in vain. What comes later, comes too late.
    pub fn in_time(&self) -> Seen {
        let in_time = |event: &&Event| !matches!(event.what, What::InVain(_));
        let events = self.events.iter().take_while(in_time).cloned().collect();
        Seen { events, ..self.clone() }
    }

    /// How many requests ended before the first waited in vain.
    pub fn ended_in_time(&self) -> usize {
        self.in_time().count(|what| matches!(what, What::Ended(_)))
    }

    /// How many threads began requests, and how many processes.
    pub fn threads(&self) -> usize {
        self.threads_that(|what| matches!(what, What::Begun(_)))
    }

    pub fn processes(&self) -> usize {
        let begun = self.events.iter().filter(|event| matches!(event.what, What::Begun(_)));
        begun.map(|event| event.pid).collect::<HashSet<_>>().len()
    }

    /// How many threads had an event of this kind.
    pub fn threads_that(&self, kind: impl Fn(&What) -> bool) -> usize {
        let events = self.events.iter().filter(|event| kind(&event.what));
        events.map(|event| (event.pid, &event.thread)).collect::<HashSet<_>>().len()
    }

    /// The most requests that had begun and not ended at the same time, as the learner's process saw
    /// it.
    pub fn peak(&self) -> usize {
        let now = self.events.iter().scan(0, |now, event| {
            *now += event.what.change();
            Some(*now)
        });
        now.max().unwrap_or_default().try_into().unwrap_or_default()
    }

    /// How many threads had been started when the first waited for others.
    pub fn threads_started(&self) -> Option<usize> {
        self.events.iter().find_map(|event| match event.what {
            What::Threads(started) => Some(started),
            _ => None,
        })
    }

    /// Why threads asked one at a time.
    pub fn one_at_a_time(&self) -> &'static str {
        if self.threads_started() > Some(1) {
            return "a thread keeps the lock while it waits for its answer: you built a GIL";
        }
        match self.source.contains(".map(") && !self.source.contains("for ") {
            true => {
                "an iterator is lazy: without `collect`, it joins each thread before it spawns the next"
            }
            false => "each thread began when the last had ended: `join` comes right after `spawn`",
        }
    }

    /// # Errors
    /// There were more than `n` requests.
    pub fn at_most(&self, n: usize) -> Result<(), Red> {
        let begun = self.in_time().begun();
        if begun > n {
            let because = format!("ask {n} times: once for each id from 0 to {}", n - 1);
            return Err(Red::new(count(begun, "request"), because));
        }
        Ok(())
    }

    /// # Errors
    /// Several requests waited at the same time, but not all `n` of them, or more.
    pub fn not_just_some(&self, n: usize) -> Result<(), Red> {
        self.at_most(n)?;
        let peak = self.in_time().peak();
        if self.in_vain() && peak > 1 {
            let because =
                format!("all {n} must wait at the same time: the others came later, or never");
            return Err(Red::new(format!("{peak} waiting at once"), because));
        }
        Ok(())
    }

    /// # Errors
    /// A thread of the learner's panicked. That comes first: all else follows from it.
    pub fn no_panic(&self) -> Result<(), Red> {
        let messages = self.events.iter().filter_map(|event| match &event.what {
            What::Panicked(message) => Some(message),
            _ => None,
        });
        match messages.clone().next() {
            Some(first) => {
                let count = count(messages.count(), "panic");
                Err(Red::new(count, format!("your code panicked: {first}")))
            }
            None => Ok(()),
        }
    }

    /// What the learner's function returned.
    ///
    /// # Errors
    /// It did not return.
    pub fn returned<T: DeserializeOwned>(&self) -> Result<T, Red> {
        let (measured, because) = match &self.end {
            End::Returned(value) => match serde_json::from_value(value.clone()) {
                Ok(value) => return Ok(value),
                Err(error) => ("no answer".to_string(), error.to_string()),
            },
            End::Died(_) if self.stderr.start.contains("overflowed its stack") => {
                ("a crash".into(), "a function calls itself without end: the stack is full".into())
            }
            End::Died(exit) => (
                format!("the program {exit}"),
                "your code ended the program before the function returned".into(),
            ),
            End::Silent | End::Busy if self.prints_much() => (
                "no return".into(),
                "your code prints without end: does a loop lack its `break`?".into(),
            ),
            End::Silent => (
                "no return, and nothing happened for 3 s".into(),
                "your code waits for something that never comes (a deadlock), or loops without end"
                    .into(),
            ),
            End::Busy => (
                format!("no return, and {} requests", self.begun()),
                "your code was stopped: it did not return in time, or it never stops asking".into(),
            ),
        };
        Err(Red::new(measured, because))
    }

    /// Whether the process wrote more than a person reads.
    fn prints_much(&self) -> bool {
        self.stdout.length.max(self.stderr.length) > 1_000_000
    }
}

/// Checks that the learner's function returned the answers of `n` requests in the order of their ids.
///
/// # Errors
/// It did not. `task` is what asked: a thread, a task or a process.
pub fn all_in_order(ids: &[usize], n: usize, task: &str) -> Result<(), Red> {
    if ids.len() < n {
        let because = format!(
            "your function returned before each {task} had ended, or lost answers: wait for all, keep all"
        );
        return Err(Red::new(format!("{} of {n}", ids.len()), because).wanted("all answers"));
    }
    if ids != Vec::from_iter(0..n) {
        let distinct = ids.iter().filter(|id| **id < n).collect::<HashSet<_>>().len();
        let displaced = ids.iter().zip(0..).find(|(id, place)| *id != place);
        let (measured, because) = match displaced {
            Some((id, place)) if (ids.len(), distinct) == (n, n) => (
                format!("id {id} in place {place}"),
                "the answers are in the order of arrival, not of their ids",
            ),
            _ => (
                format!("{} answers for {distinct} of {n} ids", ids.len()),
                "ask once for each id; the first is 0",
            ),
        };
        return Err(Red::new(measured, because).wanted(format!("ids 0 to {} in order", n - 1)));
    }
    Ok(())
}
