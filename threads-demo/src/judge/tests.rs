use super::*;
use Verdict::*;
use shared::stopwatch::Stopwatch;

fn run(tasks: usize, done: usize) -> Run {
    let task = |id| {
        if id >= done {
            return Task::panicked(id, Box::new("on purpose"));
        }
        Task { outcome: Outcome::Done, error: None, ..Task::failed(id, "") }
    };
    Stopwatch::start().stop("test", tasks, (0..tasks).map(task).collect()).unwrap()
}

/// For two reasons that share a verdict: the verdict, and how the reason begins.
#[track_caller]
fn assert_judged(judgement: Judgement, verdict: Verdict, because: &str) {
    assert!(
        judgement.verdict == verdict && judgement.because.starts_with(because),
        "not {verdict:?}, {because:?}: {judgement:#?}"
    );
}

/// Would be wrong: a panic that takes others along, or an abort that does not, passes.
#[test]
fn survivors_are_counted() {
    let ways = |panic, abort| [("panic", panic), ("abort", abort)];
    assert_eq!(survivors(&run(10, 9), &ways(9, 0)).verdict, Holds);
    assert_eq!(survivors(&run(2, 1), &ways(9, 0)).verdict, Holds);
    assert_eq!(survivors(&run(10, 10), &ways(9, 0)).verdict, Fails);
    assert_eq!(survivors(&run(10, 9), &ways(8, 0)).verdict, Fails);
    assert_eq!(survivors(&run(10, 9), &ways(9, 1)).verdict, Fails);
    let few = survivors(&run(10, 8), &ways(8, 1));
    assert_eq!(few.verdict, Fails);
    assert_eq!(few.predicted, "9 tasks done; survivors: panic 9, abort 0");
    assert_eq!(few.measured, "8 tasks done; survivors: panic 8, abort 1");
    let single = "a single task has no others";
    assert_judged(survivors(&run(1, 0), &ways(9, 0)), NotShown, single);
    let mut late = run(10, 9);
    late.tasks[0] = Task::failed(0, "operation timed out");
    let unanswered = "some requests got no answer";
    assert_judged(survivors(&late, &ways(9, 0)), NotShown, unanswered);
}

/// Would be wrong: a trap that loses nothing, or a cure that does, or another number of the lost.
#[test]
fn lost_updates_are_counted() {
    let lost = "7 of 10 additions were lost";
    assert_judged(lost_update(10, 3, 10, 10), Holds, lost);
    assert_eq!(lost_update(10, 9, 10, 10).verdict, Holds);
    assert_eq!(lost_update(10, 10, 10, 10).verdict, Fails);
    assert_eq!(lost_update(10, 1, 9, 10).verdict, Fails);
    assert_eq!(lost_update(10, 1, 10, 9).verdict, Fails);
    assert_eq!(lost_update(2, 1, 2, 2).verdict, Holds);
    assert_eq!(lost_update(1, 1, 1, 1).verdict, NotShown);
}

/// Would be wrong: a deadlock that is none, or a cure that hangs too.
#[test]
fn only_the_crossed_order_may_hang() {
    let (hangs, ends, dies) = (End::TimedOut, End::Exit(0), End::Exit(101));
    let (none, cure) = ("it did not hang", "the cure did not end by itself");
    assert_eq!(deadlock(hangs, ends).verdict, Holds);
    assert_judged(deadlock(ends, ends), Fails, none);
    assert_judged(deadlock(dies, ends), NotShown, "a child exited with code 101");
    assert_judged(deadlock(hangs, hangs), Fails, cure);
    assert_judged(deadlock(ends, hangs), Fails, cure);
    assert_judged(deadlock(hangs, dies), NotShown, "a child exited with code 101");
    let measured = deadlock(ends, dies).measured;
    assert_eq!(measured, "crossed ends, ordered exited with code 101");
}

/// Would be wrong: requests that come one after another pass for concurrent ones.
#[test]
fn the_gate_is_for_all_at_once() {
    assert_eq!(gate(10, 0, 10).verdict, Holds);
    assert_eq!(gate(10, 1, 10).verdict, Fails);
    assert_eq!(gate(10, 0, 9).verdict, Fails);
    assert_eq!(gate(2, 0, 2).verdict, Holds);
    assert_eq!(gate(1, 0, 1).verdict, NotShown);
}

/// Would be wrong: any number of lines is a few.
#[test]
fn lines_are_counted() {
    let done = [&run(2, 2), &run(2, 2)];
    assert_eq!(simple([7, 17], done).verdict, Holds);
    assert_eq!(simple([7, 18], done).verdict, Fails);
    let measured = simple([7, 18], done).measured;
    assert_eq!(measured, "11 lines more: 18 instead of 7");
    assert_eq!(simple([7, 6], done).verdict, Holds);
    assert_eq!(simple([7, 15], [&run(2, 2), &run(2, 1)]).verdict, NotShown);
}

/// Would be wrong: a program that starts with a crowd, or waits without doing anything.
#[test]
fn a_bare_program_and_a_free_main_thread_are_told() {
    assert_eq!(bare("1 process, 1 thread\n").verdict, Holds);
    assert_eq!(bare("1 process, 2 thread\n").verdict, Fails);
    assert_eq!(bare("1 process\n").verdict, NotShown);
    let task = Task { outcome: Outcome::Done, ..Task::failed(0, "") };
    assert_eq!(meanwhile(Some(&task), 1).verdict, Holds);
    assert_eq!(meanwhile(Some(&task), 0).verdict, Fails);
    assert_eq!(meanwhile(Some(&Task::failed(0, "")), 1).verdict, NotShown);
    assert_eq!(meanwhile(None, 1).verdict, NotShown);
}

/// Would be wrong: threads that outlive main, or that are lost although somebody waits.
#[test]
fn threads_left_behind_are_not_answered() {
    let ended = |answered| (End::Exit(0), answered);
    let judge = |detached, joined| left_behind(10, ended(detached), ended(joined));
    assert_eq!(judge(9, 10).verdict, Holds);
    assert_judged(judge(10, 10), Fails, "those that nobody waited for");
    assert_judged(judge(10, 9), Fails, "those that nobody waited for");
    assert_judged(judge(0, 9), Fails, "some were lost");
    let hung = (End::TimedOut, 10);
    assert_eq!(left_behind(10, ended(0), hung).verdict, NotShown);
    let died = "a child was killed by signal 6";
    let dead = (End::Signal(6), 0);
    assert_judged(left_behind(10, dead, ended(10)), NotShown, died);
}

/// Would be wrong: a thread that can be stopped from outside, or a flag that does not help.
#[test]
fn only_who_looks_at_the_flag_stops() {
    let stopped =
        |requests, ms| Stopped { requests, too_late: false, after: Duration::from_millis(ms) };
    let judge = |n, deaf, looks| cancel(n, &stopped(deaf, 900), &stopped(looks, 50));
    assert_eq!(judge(10, 10, 9).verdict, Holds);
    assert_judged(judge(10, 9, 9), Fails, "it stopped");
    assert_judged(judge(10, 10, 10), Fails, "it went on");
    let measured = "without 10 of 10 requests, 900 ms more; with 9 of 10 requests, 50 ms more";
    assert_eq!(judge(10, 10, 9).measured, measured);
    assert_eq!(judge(3, 3, 2).verdict, Holds);
    assert_judged(judge(2, 2, 1), NotShown, "the work is over");
    let mut late = stopped(10, 0);
    late.too_late = true;
    assert_judged(cancel(10, &late, &late), NotShown, "the work was over");
}

/// Would be wrong: an order that is always kept is called another one.
#[test]
fn orders_are_compared() {
    // The tasks in the order in which they finish.
    let finished = |ids: &[usize]| {
        let mut run = run(ids.len(), ids.len());
        for (place, &id) in ids.iter().enumerate() {
            run.tasks[id].end_ms = place as f64;
        }
        run
    };
    let kept = || finished(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let other = || finished(&[0, 1, 2, 4, 3, 5, 6, 7]);
    let mixed = order(&[kept(), other(), kept()], 1);
    assert_eq!((mixed.verdict, &*mixed.measured), (Holds, "in 2"));
    assert_eq!(order(&[kept(), kept()], 2).verdict, Fails);
    assert_judged(order(&[kept(), kept()], 1), NotShown, "one core");
    let seven = finished(&[1, 0, 2, 3, 4, 5, 6]);
    assert_judged(order(&[seven, other()], 2), NotShown, "so few threads");
    assert_judged(order(&[run(8, 7), other()], 2), NotShown, "1 of 8 tasks");
}

/// Would be wrong: a program that compiles, or is refused for something else, or a broken cure.
#[test]
fn the_compilers_number_is_what_counts() {
    let said = |code, stderr: &str| {
        let (stdout, stderr) = (String::new(), stderr.to_string());
        let end = End::Exit(code);
        Ok(Ended { end, stdout, stderr })
    };
    let judge = |broken, mended| refused("E0499", "trap", broken, mended);
    let compiles = || said(0, "warning: unused variable");
    let right = || said(1, "warning: unused\n<anon>:1:1: error[E0499]: cannot borrow");
    let holds = "of `trap` the compiler says error[E0499]: cannot borrow";
    assert_judged(judge(right(), compiles()), Holds, holds);
    let other = || said(1, "<anon>:1:1: error[E0425]: no");
    for (broken, mended, measured) in [
        (compiles(), compiles(), "no error, and none with the cure"),
        (other(), compiles(), "error[E0425], and none with the cure"),
        (right(), right(), "error[E0499], and one with the cure"),
    ] {
        let judgement = judge(broken, mended);
        assert_eq!((judgement.verdict, &*judgement.measured), (Fails, measured));
    }
    let none = || Err(anyhow::anyhow!("not found"));
    let old = || said(1, "error: edition 2024 is unstable\nmore");
    let unknown = "no rustc could be asked: not found";
    assert_judged(judge(none(), compiles()), NotShown, unknown);
    assert_judged(judge(right(), none()), NotShown, unknown);
    let unknown = "no rustc could be asked: error: edition 2024 is unstable";
    assert_judged(judge(old(), old()), NotShown, unknown);
}
