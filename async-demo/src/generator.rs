//! What an event loop is: a queue of futures, each polled until it says that it must wait, and again
//! when it may go on. Like a generator, a future goes on from where it stopped.
//!
//! You will see the trace of one that is polled by hand, and of two that share the event loop below:
//! with an await between their steps, and without.
//!
//! Try it: a third task, or an event loop that takes the newest task first.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use anyhow::Result;
use shared::lab::{Evidence, Lab};

use crate::judge;

pub const ABOUT: &str = "An event loop of a few lines, and what it polls when";

type Trace = RefCell<Vec<String>>;
type Task<'a> = (&'a str, Pin<Box<dyn Future<Output = ()> + 'a>>);

/// The event loop: polls whatever is in the queue, and puts back what is not ready.
fn event_loop(tasks: Vec<Task>, trace: &Trace) {
    let mut queue = VecDeque::from(tasks);
    // A real one would sleep until a waker is called. These tasks never have to wait for long.
    let mut context = Context::from_waker(Waker::noop());
    while let Some((name, mut task)) = queue.pop_front() {
        trace.borrow_mut().push(format!("poll {name}:"));
        match task.as_mut().poll(&mut context) {
            Poll::Pending => queue.push_back((name, task)),
            Poll::Ready(()) => trace.borrow_mut().push("ready".into()),
        }
    }
}

/// Gives way once: not ready when first polled, ready the next time.
struct GiveWay(bool);

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}

/// Three steps, with an await between them or not.
async fn steps(name: &str, gives_way: bool, trace: &Trace) {
    for step in 1..=3 {
        trace.borrow_mut().push(format!("{name}{step}"));
        if gives_way {
            GiveWay(false).await; // The line that matters.
        }
    }
}

pub fn run(_: &Lab) -> Result<Evidence> {
    // Polled by hand: each poll goes on from where the last one stopped.
    let by_hand = Trace::default();
    let mut future = pin!(steps("a", true, &by_hand));
    let mut context = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut context).is_pending() {
        by_hand.borrow_mut().push("pending".into());
    }

    let traces = [true, false].map(|gives_way| {
        let trace = Trace::default();
        let task = |name| (name, Box::pin(steps(name, gives_way, &trace)) as Pin<Box<_>>);
        event_loop(vec![task("a"), task("b")], &trace);
        trace.borrow().join(" ")
    });
    Ok(Evidence::new(Vec::new(), judge::generator(&by_hand.borrow().join(" "), &traces)))
}
