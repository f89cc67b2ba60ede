//! An event loop is a queue of futures. It polls each future until that future has to wait, and
//! polls it again later. Like a generator, a future continues where it stopped.
//! You will see the trace of a future that is polled by hand, and of two that share the event loop
//! below: with an await between their steps, and without.
//! Try it: add `task("c")`; or write `push_front` in place of `push_back`, so that the loop polls
//! the newest task first. The findings then fail, because they predict two tasks in turns.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use anyhow::Result;
use shared::report::Finding;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "generator",
    "An event loop of a few lines, and what it polls when",
    &["A7", "A9", "A10"],
    run,
    include_str!("generator.rs"),
);

type Trace = RefCell<Vec<String>>;
type Task<'a> = (&'a str, Pin<Box<dyn Future<Output = ()> + 'a>>);

/// The event loop: polls the first task in the queue, and puts it back unless it is ready.
fn event_loop(tasks: Vec<Task>, trace: &Trace) {
    let mut queue = VecDeque::from(tasks);
    // A real one would sleep until a waker is called. These tasks are always ready to continue.
    let mut context = Context::from_waker(Waker::noop());
    while let Some((name, mut task)) = queue.pop_front() {
        trace.borrow_mut().push(format!("poll {name}:"));
        match task.as_mut().poll(&mut context) {
            Poll::Pending => queue.push_back((name, task)),
            Poll::Ready(()) => trace.borrow_mut().push("ready".into()),
        }
    }
}

/// Yields once: pending at the first poll, ready at the next.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}

/// Three steps, with or without an await between them.
async fn steps(name: &str, yields: bool, trace: &Trace) {
    for step in 1..=3 {
        trace.borrow_mut().push(format!("{name}{step}"));
        if yields {
            Yield(false).await; // The line that matters.
        }
    }
}

fn run(_: &Lab) -> Result<Evidence> {
    // Polled by hand: each poll continues where the last one stopped.
    let by_hand = Trace::default();
    let mut future = pin!(steps("a", true, &by_hand));
    let mut context = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut context).is_pending() {
        by_hand.borrow_mut().push("pending".into());
    }

    let [with, without] = [true, false].map(|yields| {
        let trace = Trace::default();
        let task = |name| (name, Box::pin(steps(name, yields, &trace)) as Pin<Box<_>>);
        event_loop(vec![task("a"), task("b")], &trace);
        trace.borrow().join(" ")
    });
    Ok(Evidence::new(Vec::new(), check(&by_hand.borrow().join(" "), &with, &without)))
}

/// The trace of a future polled by hand, and those of two that share an event loop, with an await
/// between their steps and without.
fn check(by_hand: &str, with: &str, without: &str) -> Vec<Finding> {
    let order = |trace: &str| {
        let steps = trace.split(' ').filter(|word| word.ends_with(['1', '2', '3']));
        steps.collect::<Vec<_>>().join(" ")
    };
    let why = "each poll continues where the last one stopped";
    let a7 = Check::exactly("a1 pending a2 pending a3 pending", by_hand, why);
    let a9 = Check::exactly(
        "with await a1 b1 a2 b2 a3 b3, without a1 a2 a3 b1 b2 b3",
        format!("with await {}, without {}", order(with), order(without)),
        "a task runs until it awaits; only then does the other one run",
    );
    let [first, second, third] = [1, 2, 3].map(|step| format!("poll a: a{step} poll b: b{step}"));
    let a10 = Check::exactly(
        format!("{first} {second} {third} poll a: ready poll b: ready"),
        with,
        "the loop polls the tasks in turns until each is ready",
    );
    vec![
        a7.on("A7", "A coroutine stops and continues like a generator"),
        a9.on("A9", "An await yields to other tasks"),
        a10.on("A10", "The event loop schedules tasks"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::Verdict::*;

    #[test]
    fn only_predicted_traces_hold() {
        let verdicts = |by_hand, with, without| {
            check(by_hand, with, without).iter().map(|f| f.verdict).collect::<Vec<_>>()
        };
        let by_hand = "a1 pending a2 pending a3 pending";
        let with = "poll a: a1 poll b: b1 poll a: a2 poll b: b2 poll a: a3 poll b: b3 \
                    poll a: ready poll b: ready";
        let without = "poll a: a1 a2 a3 ready poll b: b1 b2 b3 ready";
        assert_eq!(verdicts(by_hand, with, without), [Holds; 3]);
        assert_eq!(verdicts("a1 a2 a3", without, with), [Fails; 3]);
    }
}
