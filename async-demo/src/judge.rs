//! The verdicts that only async tasks need.

use std::time::Duration;

use shared::judge::{Judgement, lost};
use shared::report::{Figure, Finding, Outcome, Run, Scale, Verdict};
use shared::stopwatch::ThreadCount;

/// The same waits one after another and at once, with what they add up to and the longest of them,
/// in milliseconds.
pub fn sum_vs_max(sequential: &Run, at_once: &Run, sum: f64, max: f64) -> Judgement {
    let (one, all) = (sequential.peak_in_flight, at_once.peak_in_flight);
    let n = at_once.tasks.len();
    let measured = (sequential.wall_ms, at_once.wall_ms);
    let reasons = if one != Some(1) || all.unwrap_or(0) < 2 {
        (Verdict::Fails, "the server did not see them one at a time, and then together")
    } else if measured.1 < (sum + max) / 2.0 && measured.0 >= sum {
        (Verdict::Holds, "nearer to the longest than to the sum")
    } else {
        (Verdict::NotShown, "something else kept them waiting")
    };
    Judgement::new(
        format!("{sum:.0} ms, then {max:.0} ms"),
        format!("{:.0} ms, then {:.0} ms", measured.0, measured.1),
        reasons,
    )
    .unless((n < 2).then_some("of a single wait, the sum is the longest"))
    .unless(lost(&[sequential, at_once]))
}

/// How many requests the server had after `n` calls, and after they were awaited.
pub fn lazy(n: usize, called: usize, awaited: usize) -> Judgement {
    Judgement::exactly(
        format!("0 requests after the calls, {n} after the awaits"),
        format!("{called} requests after the calls, {awaited} after the awaits"),
        "counted by the server",
    )
}

/// The trace of a future polled by hand, and those of two that share an event loop, with an await
/// between their steps and without. Three claims.
pub fn generator(by_hand: &str, traces: &[String; 2]) -> Vec<Finding> {
    let order = |trace: &str| {
        let steps = trace.split(' ').filter(|word| word.ends_with(['1', '2', '3']));
        steps.collect::<Vec<_>>().join(" ")
    };
    let orders = traces.each_ref().map(|trace| order(trace));
    let why = "each poll goes on from where the last one stopped";
    let a7 = Judgement::exactly("a1 pending a2 pending a3 pending", by_hand, why);
    let why = "only an await lets the other task go on";
    let a9 = Judgement::exactly(
        "with await a1 b1 a2 b2 a3 b3, without a1 a2 a3 b1 b2 b3",
        format!("with await {}, without {}", orders[0], orders[1]),
        why,
    );
    let turn = |step| format!("poll a: a{step} poll b: b{step}");
    let [first, second, third] = [1, 2, 3].map(turn);
    let a10 = Judgement::exactly(
        format!("{first} {second} {third} poll a: ready poll b: ready"),
        &traces[0],
        "in turns, until each is ready",
    );
    vec![
        a7.on("A7", "A coroutine stops and goes on like a generator"),
        a9.on("A9", "An await gives way to others"),
        a10.on("A10", "The event loop plans who runs when"),
    ]
}

/// How often a heartbeat came while the same work was done: by a call that blocks, in a thread, in
/// pieces, and by two calls that block both threads of an event loop.
pub fn blocking_call(beats: [usize; 4]) -> (Figure, Judgement) {
    let [blocking, in_a_thread, yielding, two_threads] = beats;
    let reasons = if blocking > 0 || two_threads > 0 {
        (Verdict::Fails, "it went on beating although every thread was blocked")
    } else if in_a_thread == 0 || yielding == 0 {
        (Verdict::Fails, "it did not beat although the thread was free for it")
    } else {
        (Verdict::Holds, "who does not give way is in the way of all")
    };
    let names = ["blocking", "in a thread", "yielding", "two threads, two calls"];
    let mut figure = Figure::new("Heartbeats during 500 ms of work", "beats", Scale::Linear);
    for (name, beats) in names.into_iter().zip(beats) {
        figure = figure.point(name, beats as f64, None);
    }
    let judgement = Judgement::new(
        "blocking 0, in a thread and yielding more, two threads with two calls 0",
        format!(
            "blocking {blocking}, in a thread {in_a_thread}, yielding {yielding}, two threads {two_threads}"
        ),
        reasons,
    );
    (figure, judgement)
}

/// What the server saw of tasks that were stopped.
#[derive(Debug, Default)]
pub struct Stopped {
    pub requests: usize,
    pub disconnects: usize,
    /// From the abort, or from the last arrival, until the server had seen all of it.
    pub after: Duration,
}

/// `n` tasks that were aborted, and `n` that ran into a timeout.
pub fn cancel(n: usize, abort: &Stopped, timeout: &Stopped) -> Judgement {
    let both = [abort, timeout];
    let reasons = match (abort.disconnects, timeout.disconnects) {
        (a, b) if a == n && b == n => {
            let ms = abort.after.as_secs_f64() * 1000.0;
            (Verdict::Holds, format!("the server saw all of it {ms:.1} ms after the abort"))
        }
        _ if both.iter().any(|stopped| stopped.disconnects < stopped.requests) => {
            (Verdict::Fails, "some went on, for all that the server saw".into())
        }
        _ => (Verdict::NotShown, "some were stopped before they had reached the server".into()),
    };
    Judgement::new(
        format!("clients gone: {n} by abort, {n} by timeout"),
        format!("clients gone: {} by abort, {} by timeout", abort.disconnects, timeout.disconnects),
        reasons,
    )
}

/// Whether a blocking call, and a task that awaits, came to their end after they were aborted.
pub fn unstoppable(blocking: bool, with_await: bool) -> Judgement {
    let word = |finished| if finished { "goes on" } else { "stops" };
    Judgement::exactly(
        "the call goes on, the task stops",
        format!("the call {}, the task {}", word(blocking), word(with_await)),
        "it can be stopped at an await, and the call has none",
    )
}

/// A run of which `at_once` tasks were under way, one in three for very long, when it was shut down.
pub fn shutdown(run: &Run, at_once: usize) -> Judgement {
    let n = run.tasks.len();
    let long = (0..at_once).filter(|id| id % 3 == 2).count();
    let stopped = |why: &str| {
        let with = run.tasks.iter().filter(|task| task.outcome == Outcome::Cancelled);
        with.filter(|task| task.error.as_deref() == Some(why)).count()
    };
    let line =
        |done, stopped, never| format!("{done} done, {stopped} stopped, {never} never started");
    let of_itself = run.failed + run.timed_out;
    let stopped_late = stopped("stopped after the grace");
    Judgement::exactly(
        line(at_once - long, long, n - at_once),
        line(run.done, stopped_late, stopped("never started")),
        format!("each of the {n} tasks is accounted for, once"),
    )
    .unless((of_itself > 0).then_some("some ended by themselves, without an answer"))
    .unless(
        (long == 0).then_some("none of so few takes long enough to be stopped: try a larger -n"),
    )
    .unless((stopped_late > long).then_some("the grace was too short for so many"))
}

/// Runs with a client for each request, and with one for all, one request after another.
pub fn sessions(each: &Run, one: &Run) -> Judgement {
    let n = each.tasks.len();
    let (Some(many), Some(few)) = (each.connections, one.connections) else {
        let why = (Verdict::NotShown, "nobody counted the connections");
        return Judgement::new("", "", why);
    };
    let reasons = if many < n {
        (Verdict::Fails, "sessions of their own shared connections")
    } else if few >= n {
        (Verdict::Fails, "one session used no connection twice")
    } else {
        (Verdict::Holds, "counted by the server")
    };
    Judgement::new(
        format!("{n} connections, then 1"),
        format!("{many} connections, then {few}"),
        reasons,
    )
    .unless((n < 2).then_some("a single request needs one in any case"))
    .unless(lost(&[each, one]))
}

/// Median times of threads and of async tasks, in milliseconds, and all runs.
pub fn ranking([threads, tasks]: [f64; 2], runs: &[&Run]) -> Judgement {
    let ratio = tasks / threads;
    let reasons = match ratio {
        ..=1.25 => (Verdict::Holds, "the notebook measured the network, once, without a baseline"),
        ..2.0 => (Verdict::NotShown, "something disturbed one of them"),
        _ => (Verdict::Fails, "async took far longer, as in the notebook"),
    };
    Judgement::new(
        "async takes at most 1.25 times as long (in the notebook 2.7)",
        format!("threads {threads:.0} ms, async {tasks:.0} ms: {ratio:.2} times"),
        reasons,
    )
    .unless(lost(runs))
}

/// A run of many requests, and the threads that the operating system counted meanwhile.
pub fn scale(run: &Run, count: ThreadCount, lookups: bool) -> Judgement {
    let n = run.tasks.len();
    let peak = run.peak_in_flight.unwrap_or_else(|| run.most_at_once());
    let more = count.during.zip(count.before);
    let more = more.map(|(during, before)| during.saturating_sub(before));
    let reasons = match (peak, more) {
        (_, Some(1..)) if lookups => (
            Verdict::NotShown,
            "host names are looked up on threads of their own: try an IP address",
        ),
        (_, Some(1..)) => (Verdict::Fails, "it took more threads"),
        (1, _) => (Verdict::Fails, "never two of them waited at the same time"),
        _ if peak < n => {
            (Verdict::NotShown, "the first had their answers before the last had asked")
        }
        (_, None) => (Verdict::NotShown, "the operating system did not count our threads"),
        _ => (Verdict::Holds, "all waited at the same time, and no thread was added"),
    };
    let threads = more.map_or("unknown".into(), |more| more.to_string());
    Judgement::new(
        format!("{n} at once, 0 more threads"),
        format!("{peak} at once, {threads} more threads"),
        reasons,
    )
    .unless((n < 1000).then_some("these are not thousands: try a larger -n"))
    .unless(lost(&[run]))
}

#[cfg(test)]
mod tests;
