use super::*;
use Verdict::*;
use shared::report::Task;
use shared::stopwatch::Stopwatch;

/// A run of which the server saw `peak` at once.
fn seen(outcomes: &[Outcome], peak: usize, wall_ms: f64) -> Run {
    let task = |(id, &outcome)| Task { outcome, ..Task::failed(id, "stopped after the grace") };
    let tasks = outcomes.iter().enumerate().map(task).collect();
    let run = Stopwatch::start().stop("test", outcomes.len(), tasks).unwrap();
    let (peak, connections) = (Some(peak), Some(peak));
    Run { peak_in_flight: peak, connections, wall_ms, ..run }
}

fn done(n: usize, peak: usize, wall_ms: f64) -> Run {
    seen(&vec![Outcome::Done; n], peak, wall_ms)
}

/// A run of `n` tasks that lost the last of them, and of which the server saw `peak` at once.
fn with_a_loss(n: usize, peak: usize) -> Run {
    let mut outcomes = vec![Outcome::Done; n];
    outcomes[n - 1] = Outcome::Failed;
    seen(&outcomes, peak, 1.0)
}

/// For two reasons that share a verdict: the verdict, and how the reason begins.
#[track_caller]
fn assert_judged(judgement: Judgement, verdict: Verdict, because: &str) {
    assert!(
        judgement.verdict == verdict && judgement.because.starts_with(because),
        "not {verdict:?}, {because:?}: {judgement:#?}"
    );
}

/// Would be wrong: a sum that passes for the longest.
#[test]
fn sum_and_max_are_told_apart() {
    let judge = |sequential: (usize, f64), at_once: (usize, f64)| {
        let run = |(peak, wall_ms)| done(3, peak, wall_ms);
        sum_vs_max(&run(sequential), &run(at_once), 600.0, 300.0)
    };
    // Half way between 300 and 600 is 450.
    assert_eq!(judge((1, 600.0), (2, 449.0)).verdict, Holds);
    assert_eq!(judge((1, 600.0), (3, 450.0)).verdict, NotShown);
    assert_eq!(judge((1, 599.0), (3, 302.0)).verdict, NotShown);
    assert_eq!(judge((1, 605.0), (1, 302.0)).verdict, Fails);
    assert_eq!(judge((2, 605.0), (3, 302.0)).verdict, Fails);
    let (two, one) = ([done(2, 1, 300.0), done(2, 2, 200.0)], done(1, 1, 100.0));
    assert_eq!(sum_vs_max(&two[0], &two[1], 300.0, 200.0).verdict, Holds);
    let single = "of a single wait";
    assert_judged(sum_vs_max(&one, &one, 100.0, 100.0), NotShown, single);
    let lost = sum_vs_max(&done(3, 1, 605.0), &with_a_loss(3, 3), 600.0, 300.0);
    assert_judged(lost, NotShown, "1 of 3 tasks");
}

/// Would be wrong: a call that runs at once, tasks that cannot be stopped, calls that can.
#[test]
fn opposite_outcomes_fail() {
    assert_eq!(lazy(10, 0, 10).verdict, Holds);
    assert_eq!(lazy(10, 10, 10).verdict, Fails);
    assert_eq!(lazy(10, 0, 0).verdict, Fails);
    assert_eq!(blocking_call([0, 1, 1, 0]).1.verdict, Holds);
    for (beats, because) in [
        ([1, 1, 1, 0], "it went on beating"),
        ([0, 1, 1, 1], "it went on beating"),
        ([0, 0, 1, 0], "it did not beat"),
        ([0, 1, 0, 0], "it did not beat"),
    ] {
        assert_judged(blocking_call(beats).1, Fails, because);
    }
    let points = blocking_call([0, 45, 17, 1]).0.points;
    let beats = points.iter().map(|point| point.measured.unwrap());
    assert_eq!(beats.collect::<Vec<_>>(), [0.0, 45.0, 17.0, 1.0]);
    assert_eq!(unstoppable(true, false).verdict, Holds);
    assert_eq!(unstoppable(false, false).verdict, Fails);
    assert_eq!(unstoppable(true, true).verdict, Fails);
    for (tasks, verdict) in [(125.0, Holds), (126.0, NotShown), (199.0, NotShown), (200.0, Fails)] {
        assert_eq!(ranking([100.0, tasks], &[]).verdict, verdict, "{tasks} ms");
    }
    let lost = ranking([100.0, 200.0], &[&done(3, 3, 1.0), &with_a_loss(3, 3)]);
    assert_eq!(lost.verdict, NotShown);
}

/// Would be wrong: a task that nobody stopped, or that never was at the server, passes for stopped.
#[test]
fn clients_gone_are_counted() {
    let judge = |abort: (usize, usize), timeout: (usize, usize)| {
        let stopped = |(requests, disconnects)| Stopped {
            requests,
            disconnects,
            after: Duration::from_millis(90),
        };
        cancel(10, &stopped(abort), &stopped(timeout))
    };
    let all = (10, 10);
    let seen = "the server saw all of it 90.0 ms after the abort";
    assert_judged(judge(all, all), Holds, seen);
    for went_on in [(10, 9), (10, 0), (9, 8)] {
        assert_eq!(judge(went_on, all).verdict, Fails, "{went_on:?}");
        assert_eq!(judge(all, went_on).verdict, Fails, "{went_on:?}");
        assert_eq!(judge(went_on, went_on).verdict, Fails, "{went_on:?}");
    }
    for never_there in [(9, 9), (0, 0)] {
        assert_eq!(judge(never_there, all).verdict, NotShown, "{never_there:?}");
        assert_eq!(judge(all, never_there).verdict, NotShown, "{never_there:?}");
    }
}

/// Would be wrong: clients that share connections, or a session that never uses one twice, pass.
#[test]
fn connections_are_counted() {
    let judge = |n, many, few| sessions(&done(n, many, 1.0), &done(n, few, 1.0));
    assert_eq!(judge(10, 10, 9).verdict, Holds);
    assert_judged(judge(10, 9, 1), Fails, "sessions of their own");
    assert_judged(judge(10, 10, 10), Fails, "one session");
    assert_eq!(judge(2, 2, 1).verdict, Holds);
    assert_judged(judge(1, 1, 1), NotShown, "a single request");
    let lost = sessions(&done(3, 3, 1.0), &with_a_loss(3, 1));
    assert_judged(lost, NotShown, "1 of 3 tasks");
    let uncounted = Run { connections: None, ..done(3, 3, 1.0) };
    let nobody = "nobody counted";
    assert_judged(sessions(&uncounted, &done(3, 1, 1.0)), NotShown, nobody);
    assert_judged(sessions(&done(3, 3, 1.0), &uncounted), NotShown, nobody);
}

/// Would be wrong: any trace passes for that of a coroutine.
#[test]
fn traces_are_judged_to_the_letter() {
    let verdicts = |by_hand: &str, with: &str, without: &str| {
        let findings = generator(by_hand, &[with.into(), without.into()]);
        findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>()
    };
    let by_hand = "a1 pending a2 pending a3 pending";
    let with = "poll a: a1 poll b: b1 poll a: a2 poll b: b2 poll a: a3 poll b: b3 poll a: ready poll b: ready";
    let without = "poll a: a1 a2 a3 ready poll b: b1 b2 b3 ready";
    assert_eq!(verdicts(by_hand, with, without), [Holds; 3]);
    assert_eq!(verdicts("a1 a2 a3", without, with), [Fails; 3]);
}

/// Would be wrong: a task that is forgotten, or finished although it was stopped.
#[test]
fn a_shutdown_accounts_for_each() {
    // Each letter a task: done, stopped, never started, failed, timed out.
    let judge = |tasks: &str, at_once| {
        let task = |(id, letter)| {
            let (outcome, why) = match letter {
                'd' => (Outcome::Done, ""),
                's' => (Outcome::Cancelled, "stopped after the grace"),
                'n' => (Outcome::Cancelled, "never started"),
                'f' => (Outcome::Failed, "refused"),
                _ => (Outcome::TimedOut, "no answer"),
            };
            Task { outcome, ..Task::failed(id, why) }
        };
        let (n, tasks) = (tasks.len(), tasks.chars().enumerate().map(task).collect());
        shutdown(&Stopwatch::start().stop("test", n, tasks).unwrap(), at_once)
    };
    let holds = judge("ddsddsnnnn", 6);
    let measured = "4 done, 2 stopped, 4 never started";
    assert_eq!((holds.verdict, &*holds.measured), (Holds, measured));
    assert_eq!(judge("ddsn", 3).verdict, Holds);
    assert_judged(judge("ddnn", 2), NotShown, "none of so few");
    for wrong in ["ddddddnnnn", "ddddsdnnnn", "ddsddsdnnn", "ddsdnsnnnn"] {
        assert_eq!(judge(wrong, 6).verdict, Fails, "{wrong}");
    }
    for by_itself in ["ddsdfsnnnn", "ddsdtsnnnn", "ddsftsnnnn"] {
        assert_judged(judge(by_itself, 6), NotShown, "some ended by themselves");
    }
    assert_judged(judge("ddsdssnnnn", 6), NotShown, "the grace was too short");
}

/// Would be wrong: requests that queue up, or need threads, pass for tasks on one.
#[test]
fn many_at_once_on_one_thread_is_judged_by_counts() {
    let threads = |before, during| ThreadCount { before: Some(before), during, at_ms: 0.0 };
    let (same, fewer) = (threads(2, Some(2)), threads(2, Some(1)));
    let (more, unknown) = (threads(2, Some(3)), threads(2, None));
    for (n, peak, count, verdict, because) in [
        (1000, 1000, same, Holds, "all waited"),
        (1000, 1000, fewer, Holds, "all waited"),
        (1000, 1000, more, Fails, "it took more threads"),
        (1000, 1, more, Fails, "it took more threads"),
        (1000, 1, same, Fails, "never two"),
        (1000, 1, unknown, Fails, "never two"),
        (1000, 2, same, NotShown, "the first had"),
        (1000, 999, same, NotShown, "the first had"),
        (1000, 1000, unknown, NotShown, "the operating system"),
        (999, 999, same, NotShown, "these are not thousands"),
    ] {
        assert_judged(scale(&done(n, peak, 1.0), count, false), verdict, because);
    }
    let looked_up = |count| scale(&done(1000, 1000, 1.0), count, true);
    assert_judged(looked_up(more), NotShown, "host names");
    assert_eq!(looked_up(same).verdict, Holds);
    let lost = scale(&with_a_loss(1000, 1000), same, false);
    assert_judged(lost, NotShown, "1 of 1000 tasks");
    // Where no server of ours counts, the spans do.
    let mut unseen = done(1000, 1, 1.0);
    unseen.peak_in_flight = None;
    for task in &mut unseen.tasks {
        (task.start_ms, task.end_ms) = (0.0, 100.0);
    }
    assert_eq!(scale(&unseen, same, false).verdict, Holds);
}
