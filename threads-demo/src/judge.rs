//! The verdicts that only threads need.

use std::time::Duration;

use anyhow::Result;
use shared::child::{End, Ended};
use shared::judge::{Judgement, lost};
use shared::report::{Outcome, Run, Task, Verdict};

/// `run` has one task that panics; `survivors` are, for each way in which one of ten threads died,
/// how many of the nine others went on.
pub fn survivors(run: &Run, survivors: &[(&str, usize)]) -> Judgement {
    let others = run.tasks.len() - 1;
    // Such as a timeout: that is no other thread's doing.
    let of_itself = run.tasks.iter().any(|task| {
        let panicked = |error: &String| error.starts_with("panicked: ");
        task.error.as_ref().is_some_and(|error| !panicked(error))
    });
    let expected = |way: &str| if way == "panic" { 9 } else { 0 };
    let as_expected = survivors.iter().all(|&(way, count)| count == expected(way));
    let (verdict, because) = if others == 0 {
        (Verdict::NotShown, "a single task has no others")
    } else if of_itself {
        (Verdict::NotShown, "some requests got no answer")
    } else if as_expected && run.done == others {
        (Verdict::Holds, "a panic ends its thread; the other three end the process")
    } else {
        (Verdict::Fails, "others went on, or ended, than should have")
    };
    let line = |count: &dyn Fn(&(&str, usize)) -> usize| {
        let ways = survivors.iter().map(|way| format!("{} {}", way.0, count(way)));
        ways.collect::<Vec<_>>().join(", ")
    };
    Judgement {
        predicted: format!("{others} tasks done; survivors: {}", line(&|way| expected(way.0))),
        measured: format!("{} tasks done; survivors: {}", run.done, line(&|way| way.1)),
        verdict,
        because: because.into(),
    }
}

/// What a counter came to after one addition in each of `threads`: read and written in two steps,
/// in one step, and under a lock.
pub fn lost_update(threads: usize, two_steps: usize, one_step: usize, locked: usize) -> Judgement {
    let (verdict, because) = if threads < 2 {
        (Verdict::NotShown, "a single thread has nobody to lose to".into())
    } else if two_steps < threads && one_step == threads && locked == threads {
        let lost = threads - two_steps;
        (Verdict::Holds, format!("{lost} of {threads} additions were lost, and none with a cure"))
    } else {
        (Verdict::Fails, "the trap lost nothing, or a cure lost something".into())
    };
    Judgement {
        predicted: format!("two steps 1, one step {threads}, lock {threads}"),
        measured: format!("two steps {two_steps}, one step {one_step}, lock {locked}"),
        verdict,
        because,
    }
}

/// How the child ended that takes two locks in opposite orders, and the one that does not.
pub fn deadlock(crossed: End, ordered: End) -> Judgement {
    let reasons = match (crossed, ordered) {
        (End::TimedOut, End::Exit(0)) => (
            Verdict::Holds,
            "in opposite orders it hung and had to be killed; in one order it ended",
        ),
        (_, End::Exit(0)) => (Verdict::Fails, "it did not hang"),
        _ => (Verdict::Fails, "the cure did not end by itself"),
    };
    let word = |end| match end {
        End::TimedOut => "hangs".to_string(),
        End::Exit(0) => "ends".to_string(),
        other => other.to_string(),
    };
    let died =
        [crossed, ordered].into_iter().find(|end| !matches!(end, End::TimedOut | End::Exit(0)));
    Judgement::new(
        "crossed hangs, ordered ends",
        format!("crossed {}, ordered {}", word(crossed), word(ordered)),
        reasons,
    )
    .unless(died.map(|end| format!("a child {end}")))
}

/// How many requests passed a gate for `n`: the first of a sequence, and one in each of n threads.
pub fn gate(n: usize, alone: usize, together: usize) -> Judgement {
    Judgement::exactly(
        format!("one after another 0, in threads {n} of {n}"),
        format!("one after another {alone}, in threads {together} of {n}"),
        "the gate opens when all are waiting in it at the same time",
    )
    .unless((n < 2).then_some("a gate for one opens for anybody"))
}

/// A version that takes more lines than this beyond the sequential one is not simple.
const A_FEW_LINES: usize = 10;

/// How many lines the sequential and the threaded version have, and what they did.
pub fn simple([sequential, threads]: [usize; 2], runs: [&Run; 2]) -> Judgement {
    let more = threads.saturating_sub(sequential);
    let reasons = match more <= A_FEW_LINES {
        true => (Verdict::Holds, "counted in the lesson's own source"),
        false => (Verdict::Fails, "that is more than a few"),
    };
    Judgement::new(
        format!("at most {A_FEW_LINES} lines more"),
        format!("{more} lines more: {threads} instead of {sequential}"),
        reasons,
    )
    .unless(lost(&runs))
}

/// What a fresh program said that it has.
pub fn bare(said: &str) -> Judgement {
    let unknown = said.trim() == "1 process";
    Judgement::exactly(
        "1 process, 1 thread",
        said.trim(),
        "counted by the operating system in a program that has started nothing",
    )
    .unless(unknown.then_some("the operating system did not say how many threads it has"))
}

/// How often the main thread looked while the server held the other thread's request.
pub fn meanwhile(task: Option<&Task>, steps: usize) -> Judgement {
    let done = task.is_some_and(|task| task.outcome == Outcome::Done);
    let reasons = match steps > 0 {
        true => (Verdict::Holds, "each counted while the server held the request"),
        false => (Verdict::Fails, "it got nothing done until the request was over"),
    };
    Judgement::new("more than 0 steps", format!("{steps} steps"), reasons)
        .unless((!done).then_some("the request was not answered"))
}

/// How a child with `n` requests in threads ended, and how many of them were answered: if it does
/// not wait for its threads, and if it does.
pub fn left_behind(n: usize, detached: (End, usize), joined: (End, usize)) -> Judgement {
    let measured = format!("detached {} of {n}, joined {} of {n}", detached.1, joined.1);
    let reasons = match (detached.1 < n, joined.1 == n) {
        (true, true) => (Verdict::Holds, "main returned first, and the process was over"),
        (false, _) => (Verdict::Fails, "those that nobody waited for were answered, too"),
        (_, false) => (Verdict::Fails, "some were lost although they were waited for"),
    };
    let crashed = [detached.0, joined.0].into_iter().find(|end| *end != End::Exit(0));
    let predicted = format!("answered: detached fewer than {n}, joined {n} of {n}");
    Judgement::new(predicted, format!("answered: {measured}"), reasons)
        .unless(crashed.map(|end| format!("a child {end}")))
}

/// What a thread did that was asked to stop.
pub struct Stopped {
    /// Requests that it made in all.
    pub requests: usize,
    /// Whether it had made all of them when it was asked.
    pub too_late: bool,
    /// How long it went on after it was asked.
    pub after: Duration,
}

/// Two threads with `n` requests to make, both asked to stop after the first: one that does not look
/// at the flag, and one that does.
pub fn cancel(n: usize, deaf: &Stopped, looks: &Stopped) -> Judgement {
    let describe = |stopped: &Stopped| {
        let after = stopped.after.as_secs_f64() * 1000.0;
        format!("{} of {n} requests, {after:.0} ms more", stopped.requests)
    };
    let measured = format!("without {}; with {}", describe(deaf), describe(looks));
    let reasons = if deaf.requests < n {
        (Verdict::Fails, "it stopped although it did not look")
    } else if looks.requests < n {
        (Verdict::Holds, "the server counted the requests of each")
    } else {
        (Verdict::Fails, "it went on although it looked")
    };
    Judgement::new(format!("without a flag {n} requests, with it fewer"), measured, reasons)
        .unless((n < 3).then_some("the work is over before it can be stopped"))
        .unless(looks.too_late.then_some("the work was over before it was asked to stop"))
}

/// Did threads finish in another order than they were started in, in some of the `rounds` at least?
pub fn order(rounds: &[Run], cores: usize) -> Judgement {
    let mut orders = Vec::new();
    for round in rounds {
        let mut finished: Vec<&Task> = round.tasks.iter().collect();
        finished.sort_by(|a, b| a.end_ms.total_cmp(&b.end_ms));
        orders.push(finished.iter().map(|task| task.id).collect::<Vec<_>>());
    }
    let kept = orders.iter().filter(|order| order.is_sorted()).count();
    let reasons = match kept < orders.len() {
        true => (Verdict::Holds, "nobody but the operating system decides"),
        false if cores == 1 => (Verdict::NotShown, "one core took them in turn"),
        false => (Verdict::Fails, "the order was always kept"),
    };
    let all: Vec<&Run> = rounds.iter().collect();
    let few = orders.iter().any(|order| order.len() < 8);
    Judgement::new(
        format!("the order of the start in fewer than {} rounds", orders.len()),
        format!("in {kept}"),
        reasons,
    )
    .unless(few.then_some("so few threads may well keep it by chance"))
    .unless(lost(&all))
}

/// What the compiler said of a program with a `trap`, and of the same with the cure, if it could be
/// asked.
pub fn refused(error: &str, trap: &str, broken: Result<Ended>, mended: Result<Ended>) -> Judgement {
    let predicted = format!("error[{error}], and none with the cure");
    let unknown = |why: String| {
        let why = (Verdict::NotShown, format!("no rustc could be asked: {why}"));
        Judgement::new(&predicted, "unknown", why)
    };
    let (broken, mended) = match (broken, mended) {
        (Ok(broken), Ok(mended)) => (broken, mended),
        (Err(why), _) | (_, Err(why)) => return unknown(format!("{why:#}")),
    };
    // One that can compile nothing, such as one without its standard library, or an older one.
    if mended.end != End::Exit(0) && !mended.stderr.contains("error[") {
        return unknown(mended.stderr.lines().next().unwrap_or_default().into());
    }
    let words = broken.stderr.lines().find_map(|line| line.split_once("error["));
    let words = words.map_or("no error".into(), |(_, words)| format!("error[{words}"));
    let number = words.split(':').next().unwrap_or_default().to_string();
    let compiles = |ended: &Ended| ended.end == End::Exit(0);
    let cured = if compiles(&mended) { "none with the cure" } else { "one with the cure" };
    let says = format!("of `{trap}` the compiler says {words}");
    Judgement::exactly(predicted, format!("{number}, and {cured}"), says)
}

#[cfg(test)]
mod tests;
