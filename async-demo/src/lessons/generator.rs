//! An event loop polls a future until that future has to wait, and polls it again when its waker is
//! called. Like a generator, a future continues where it stopped.
//! You will see the trace of a future that is polled by hand, and traces of two tasks on an event
//! loop of a few lines. An await yields only if what it awaits is not ready, in Python too.
//! Try it: delete the line with `wake_by_ref`: no task is polled a second time, and A9 and A10 fail
//! (in tokio, such a task hangs for ever). Or write `Yield(true)` in place of `Yield(false)`: each
//! await finds its future ready, so all traces are those of tasks that do not yield.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Wake, Waker};

use anyhow::Result;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::sync::oneshot;

pub const LESSON: Lesson = Lesson::new(
    "generator",
    "An event loop of a few lines, and what it polls when",
    &["A7", "A9", "A10"],
    run,
    include_str!("generator.rs"),
)
.uses(&[]);

type Trace = RefCell<Vec<String>>;
type Task<'a> = (&'a str, Option<Pin<Box<dyn Future<Output = ()> + 'a>>>);

/// Puts a task into the queue of the event loop.
struct Enqueue(usize, Sender<usize>);

impl Wake for Enqueue {
    fn wake(self: Arc<Self>) {
        let _ = self.1.send(self.0);
    }
}

fn spawn<'a>(name: &'a str, future: impl Future<Output = ()> + 'a) -> Task<'a> {
    (name, Some(Box::pin(future)))
}

/// The event loop: polls each task once, and again whenever its waker is called.
fn event_loop(mut tasks: Vec<Task>, trace: &Trace) {
    let (queue, woken) = channel();
    let waker = |task| Waker::from(Arc::new(Enqueue(task, queue.clone())));
    let wakers: Vec<Waker> = (0..tasks.len()).map(waker).collect();
    wakers.iter().for_each(Waker::wake_by_ref);
    // A real one would sleep in the kernel while the queue is empty, until a socket or a timer
    // wakes a task.
    while let Ok(task) = woken.try_recv() {
        let (name, Some(future)) = &mut tasks[task] else { continue };
        trace.borrow_mut().push(format!("poll {name}:"));
        let mut context = Context::from_waker(&wakers[task]);
        if future.as_mut().poll(&mut context).is_ready() {
            trace.borrow_mut().push("ready".into());
            tasks[task].1 = None; // A future that was ready must not be polled again.
        }
    }
}

/// Yields once, as `asyncio.sleep(0)` does: pending at the first poll, ready at the next.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref(); // Pending without a waker means never again.
        Poll::Pending
    }
}

fn run(_: &Lab) -> Result<Evidence> {
    // Polled by hand: each poll continues where the last one stopped.
    let by_hand = Trace::default();
    let mut future = pin!(steps("a", Between::Yield, &by_hand));
    let mut context = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut context).is_pending() {
        by_hand.borrow_mut().push("pending".into());
    }
    let traces = BETWEEN.map(three_tasks);
    let findings = vec![
        continues(&by_hand.borrow().join(" "))
            .on("A7", "A coroutine stops and continues like a generator"),
        yields(&traces).on("A9", "An await yields if what it awaits is not ready"),
        polls(&traces[0]).on("A10", "The event loop schedules tasks"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// The trace of a future polled by hand.
fn continues(by_hand: &str) -> Check {
    let why = "each poll continues where the last one stopped";
    Check::exactly("a1 pending a2 pending a3 pending", by_hand, why)
}

/// The traces with a yield, a ready future and nothing between the steps.
fn yields(traces: &[String; 3]) -> Check {
    let words = |[yields, ready, nothing]: [&str; 3]| {
        format!("await of a yield {yields}, of a ready future {ready}, no await {nothing}")
    };
    let order = |trace: &String| {
        let steps = trace.split(' ').filter(|word| word.ends_with(['1', '2', '3']));
        steps.collect::<Vec<_>>().join(" ")
    };
    let orders = traces.each_ref().map(order);
    let (turns, alone) = ("a1 b1 a2 b2 a3 b3", "a1 a2 a3 b1 b2 b3");
    Check::exactly(
        words([turns, alone, alone]),
        words(orders.each_ref().map(String::as_str)),
        "the other task runs only where an await finds nothing ready",
    )
}

/// The trace with a yield between the steps.
fn polls(trace: &str) -> Check {
    Check::exactly(
        "poll a: a1 poll b: b1 poll idle: poll a: a2 poll b: b2 poll a: a3 poll b: b3 \
         poll a: ready poll b: ready poll idle: ready",
        trace,
        "the loop polls a task when its waker was called, and the idle one once until then",
    )
}

/// What stands between two steps of a task.
#[derive(Clone, Copy)]
enum Between {
    Yield,
    Ready,
    Nothing,
}

const BETWEEN: [Between; 3] = [Between::Yield, Between::Ready, Between::Nothing];

async fn steps(name: &str, between: Between, trace: &Trace) {
    for step in 1..=3 {
        trace.borrow_mut().push(format!("{name}{step}"));
        match between {
            Between::Yield => Yield(false).await,
            Between::Ready => std::future::ready(()).await, // An await, but no wait.
            Between::Nothing => {}
        }
    }
}

/// The trace of two tasks, and of one that waits until b has ended.
fn three_tasks(between: Between) -> String {
    let trace = Trace::default();
    let (ended, end) = oneshot::channel();
    let a = steps("a", between, &trace);
    let b = async {
        steps("b", between, &trace).await;
        let _ = ended.send(()); // Calls the waker of the task that waits.
    };
    let idle = async { drop(end.await) };
    event_loop(vec![spawn("a", a), spawn("b", b), spawn("idle", idle)], &trace);
    trace.borrow().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Between::{Nothing, Ready, Yield};
    use super::*;
    use shared::report::Verdict::*;
    use std::future::poll_fn;

    #[test]
    fn awaits_must_yield_as_predicted() {
        for (arms, verdict) in [
            (BETWEEN, Holds),
            ([Nothing, Ready, Nothing], Fails),
            ([Yield, Yield, Nothing], Fails),
            ([Yield, Ready, Yield], Fails),
        ] {
            assert_eq!(yields(&arms.map(three_tasks)).verdict, verdict);
        }
        assert_eq!(continues("a1 a2 a3").verdict, Fails);
        for (between, verdict) in [(Yield, Holds), (Ready, Fails), (Nothing, Fails)] {
            assert_eq!(polls(&three_tasks(between)).verdict, verdict);
        }
    }

    #[test]
    fn task_is_polled_once_for_each_wake() {
        let trace_of = |wakes: bool| {
            let trace = Trace::default();
            let mut polls = 0;
            let future = poll_fn(|context| {
                polls += 1;
                if wakes {
                    context.waker().wake_by_ref();
                }
                if polls == 5 { Poll::Ready(()) } else { Poll::Pending }
            });
            event_loop(vec![spawn("idle", future)], &trace);
            trace.borrow().join(" ")
        };
        assert_eq!(trace_of(false), "poll idle:"); // A waker that is not called.
        assert_eq!(trace_of(true), "poll idle: ".repeat(5) + "ready"); // A busy wait.
    }
}
