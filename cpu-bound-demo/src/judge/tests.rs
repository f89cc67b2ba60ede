use super::*;
use Verdict::*;
use shared::report::{Outcome, Task};
use shared::stopwatch::Stopwatch;

/// A run; `idle_ms` is what the cores had to spare.
fn run(wall_ms: f64, cpu_ms: impl Into<Option<f64>>, idle_ms: impl Into<Option<f64>>) -> Run {
    let task = |id| Task { outcome: Outcome::Done, ..Task::failed(id, "") };
    let tasks = (0..10).map(task).collect();
    let run = Stopwatch::start().stop("test", 10, tasks).unwrap();
    let (cpu_ms, idle_ms) = (cpu_ms.into(), idle_ms.into());
    Run { wall_ms, cpu_ms, idle_ms, ..run }
}

/// Would be wrong: threads under an interpreter lock pass for parallel ones, or parallel ones are
/// called serial because of other programs.
#[test]
fn cores_in_use_are_told_from_one() {
    let sequential = run(100.0, 100.0, 100.0);
    let judge = |run: &Run, cores| Baseline::new(&sequential, cores).uses_cores(run, 2).verdict;
    assert_eq!(judge(&run(50.0, 100.0, 0.0), 2), Holds);
    assert_eq!(judge(&run(100.0, 100.0, 100.0), 2), Fails);
    assert_eq!(judge(&run(100.0, 100.0, 0.0), 2), NotShown);
    assert_eq!(judge(&run(75.0, 100.0, 50.0), 2), NotShown);
    assert_eq!(judge(&run(100.0, 100.0, 100.0), 1), NotShown);
    assert_eq!(judge(&run(50.0, None, None), 2), Holds);
    assert_eq!(judge(&run(100.0, None, None), 2), NotShown);
    let short = run(1.0, 1.0, 1.0);
    let short = Baseline::new(&short, 2).uses_cores(&short, 2);
    assert_eq!(short.verdict, NotShown);
}

/// Would be wrong: async tasks that use several cores pass for tasks on one thread.
#[test]
fn one_core_is_told_from_several() {
    let sequential = run(100.0, 100.0, 100.0);
    let judge = |run: &Run, cores| Baseline::new(&sequential, cores).uses_one_core(run).verdict;
    assert_eq!(judge(&run(100.0, 100.0, 100.0), 2), Holds);
    assert_eq!(judge(&run(50.0, 100.0, 0.0), 2), Fails);
    assert_eq!(judge(&run(50.0, None, None), 2), NotShown);
    assert_eq!(judge(&run(100.0, 100.0, 100.0), 1), NotShown);
}

/// Would be wrong: a row that differs is a row drawn.
#[test]
fn work_that_differs_is_not_the_same() {
    let sequential = run(100.0, 100.0, 100.0);
    let baseline = Baseline::new(&sequential, 2);
    let failed = |why: &str| {
        let mut run = with_a_loss(run(50.0, 100.0, 0.0));
        run.tasks[3].error = Some(why.into());
        baseline.same_work(&run).verdict
    };
    assert_eq!(baseline.same_work(&run(50.0, 100.0, 0.0)).verdict, Holds);
    assert_eq!(failed(DIFFERS), Fails);
    // One that was not drawn at all tells nothing.
    assert_eq!(failed("its worker was killed by signal 9"), NotShown);
}

/// Would be wrong: a speed-up that no law allows, or none at all, passes.
#[test]
fn speedups_are_held_against_the_law() {
    let verdicts = |alone: &Run, most: &Run, threads| {
        let speedup = Speedup { alone, most, threads, law: 1.6, limit: 4.0 };
        [speedup.obeys_the_law().verdict, speedup.ends().verdict]
    };
    let alone = run(160.0, 160.0, 160.0);
    assert_eq!(verdicts(&alone, &run(100.0, 160.0, 40.0), 2), [Holds, Holds]);
    assert_eq!(verdicts(&alone, &run(80.0, 160.0, 0.0), 2), [Fails, Fails]);
    assert_eq!(verdicts(&alone, &run(160.0, 160.0, 160.0), 2), [Fails, Holds]);
    assert_eq!(verdicts(&alone, &run(160.0, 160.0, 0.0), 2), [NotShown, NotShown]);
    let disturbed = run(320.0, 160.0, 0.0);
    assert_eq!(verdicts(&disturbed, &run(160.0, 160.0, 0.0), 2), [NotShown, NotShown]);
    assert_eq!(verdicts(&alone, &alone, 1), [NotShown, NotShown]);
}

/// Would be wrong: threads that get more done than there are cores, and nobody notices.
#[test]
fn more_threads_than_cores_are_no_faster() {
    let judge = |some: &Run, many: &Run| no_faster([some, some], many, 2).verdict;
    let run = |wall_ms, cpu_ms| run(wall_ms, cpu_ms, None);
    assert_eq!(judge(&run(100.0, 200.0), &run(101.0, 200.0)), Holds);
    assert_eq!(judge(&run(100.0, 200.0), &run(50.0, 100.0)), Fails);
    assert_eq!(judge(&run(100.0, 200.0), &run(100.0, 400.0)), Fails);
    assert_eq!(judge(&run(100.0, 100.0), &run(60.0, 100.0)), NotShown);
}

/// Would be wrong: the opposite of what a lesson predicts passes.
#[test]
fn opposite_outcomes_fail() {
    let work = |done: &[u64]| {
        let name = |worker| format!("Thread-{worker}");
        let work = done.iter().enumerate();
        work.map(|(worker, &done)| (name(worker), done)).collect::<BTreeMap<_, _>>()
    };
    let judge = |blocks: &[u64], stolen: &[u64], mean_ms, idle_ms| {
        let mut run = run(100.0, 100.0, idle_ms);
        run.tasks.iter_mut().for_each(|task| (task.start_ms, task.end_ms) = (0.0, mean_ms));
        sharing(2, [&run, &run], &[work(blocks), work(stolen)]).verdict
    };
    assert_eq!(judge(&[10, 90], &[49, 51], 10.0, 100.0), Holds);
    assert_eq!(judge(&[10, 90], &[10, 90], 10.0, 100.0), Fails);
    assert_eq!(judge(&[10, 90], &[0, 100], 10.0, 100.0), Fails);
    assert_eq!(judge(&[10, 90], &[20, 80], 10.0, 100.0), NotShown);
    assert_eq!(judge(&[10, 90], &[0, 100], 10.0, 0.0), NotShown);
    assert_eq!(judge(&[10, 90], &[0, 100], 0.1, 100.0), NotShown);
    assert_eq!(waits(1, 10).verdict, Holds);
    assert_eq!(waits(1, 1).verdict, Fails);
    assert_eq!(waits(10, 10).verdict, Fails);
    let cells = |thread, process| [("thread", "abort", thread), ("process", "abort", process)];
    assert_eq!(survival(&cells(0, 3)).verdict, Holds);
    assert_eq!(survival(&cells(3, 3)).verdict, Fails);
    assert_eq!(survival(&cells(0, 0)).verdict, Fails);
    assert_eq!(stop(&[("thread", 100), ("task", 1)]).verdict, Holds);
    assert_eq!(stop(&[("thread", 1), ("task", 1)]).verdict, Fails);
    assert_eq!(stop(&[("thread", 100), ("task", 100)]).verdict, Fails);
}

/// Several verdicts are reached in more than one way: the reason tells which it was.
#[track_caller]
fn assert_told(judgement: Judgement, verdict: Verdict, because: &str) {
    assert!(
        judgement.verdict == verdict && judgement.because.contains(because),
        "not {verdict:?}, {because:?}: {judgement:?}"
    );
}

/// The same run, but of ten tasks one was lost.
fn with_a_loss(run: Run) -> Run {
    Run { done: 9, failed: 1, ..run }
}

/// Would be wrong: a run that is judged by another one's figures, or a finding that is left out.
#[test]
fn each_model_is_judged_by_its_own_run() {
    let sequential = run(100.0, 100.0, 100.0);
    let [threads, processes, rayon] = [180.0, 190.0, 200.0].map(|cpu_ms| run(100.0, cpu_ms, 0.0));
    let tasks = run(100.0, 105.0, 95.0);
    let baseline = Baseline::new(&sequential, 2);
    let findings = baseline.findings(&threads, &with_a_loss(processes), &rayon, &tasks, 2);
    let told: Vec<_> = findings
        .iter()
        .map(|finding| {
            let word = finding.says.split(' ').next().unwrap();
            let measured = &finding.measured[..4];
            (finding.claim.as_str(), word, measured, finding.verdict)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("G4", "Async", "1.05", Holds),
            ("P1", "Processes", "9 of", NotShown),
            ("P3", "Processes", "1.90", NotShown),
            ("G5", "Threads", "1.80", Holds),
            ("G5", "Rayon", "2.00", Holds),
        ]
    );
}

/// Would be wrong: a little more than one core that passes for all of them, or for one; cores that
/// were taken pass for idle ones.
#[test]
fn cores_in_use_are_told_apart_exactly_at_the_limits() {
    let sequential = run(100.0, 100.0, 100.0);
    let judge = |cpu_ms: f64, idle_ms: f64, size| {
        Baseline::new(&sequential, 4).uses_cores(&run(100.0, cpu_ms, idle_ms), size)
    };
    // Half of what a second core could add, and of what three more could.
    assert_told(judge(151.0, 0.0, 2), Holds, "one at a time could never");
    assert_told(judge(150.0, 0.0, 2), NotShown, "fewer than it should");
    assert_told(judge(251.0, 0.0, 4), Holds, "one at a time could never");
    assert_told(judge(250.0, 0.0, 4), NotShown, "fewer than it should");
    // One core, by clocks that are read at different moments, and more than that.
    assert_told(judge(116.0, 400.0, 2), NotShown, "fewer than it should");
    assert_told(judge(115.0, 400.0, 2), Fails, "the others were idle");
    // Of the three cores that it did not use, more than half were idle, or just half.
    assert_told(judge(100.0, 151.0, 4), Fails, "the others were idle");
    assert_told(judge(100.0, 150.0, 4), NotShown, "other programs");
    // A single worker uses a single core, however many were idle.
    assert_told(judge(100.0, 300.0, 1), NotShown, "one worker, or one task");
}

/// Would be wrong: more cores are expected than there are workers, cores or tasks, or the figures are
/// not those of the run.
#[test]
fn the_fewest_of_workers_cores_and_tasks_are_expected() {
    let sequential = run(100.0, 100.0, 100.0);
    let judge = |run: &Run, size, cores| Baseline::new(&sequential, cores).uses_cores(run, size);
    let ten = run(80.0, 120.0, 0.0);
    let mut three = ten.clone();
    three.tasks.truncate(3);
    assert_eq!(judge(&ten, 1, 8).predicted, "1 core busy");
    assert_eq!(judge(&ten, 2, 8).predicted, "2 cores busy");
    assert_eq!(judge(&ten, 8, 4).predicted, "4 cores busy");
    assert_eq!(judge(&three, 8, 8).predicted, "3 cores busy");
    let measured = |run| judge(&run, 2, 2).measured;
    assert_eq!(measured(ten), "1.50 cores busy, 1.25 times as fast");
    // What the system does not tell is taken from the clock.
    let unknown = measured(run(80.0, None, None));
    assert_eq!(unknown, "1.25 cores busy, 1.25 times as fast");
}

/// Would be wrong: somewhat more than one core passes for one, or for two; nothing but one core to
/// be had passes for the need of only one.
#[test]
fn one_core_is_told_from_several_exactly_at_the_limits() {
    let sequential = run(100.0, 100.0, 100.0);
    let judge = |cpu_ms: Option<f64>, idle_ms: Option<f64>| {
        Baseline::new(&sequential, 2).uses_one_core(&run(100.0, cpu_ms, idle_ms))
    };
    let judged = |cpu_ms, idle_ms| judge(Some(cpu_ms), Some(idle_ms));
    assert_told(judged(115.0, 100.0), Holds, "and it used one");
    assert_told(judged(116.0, 100.0), NotShown, "hardly more than one");
    assert_told(judged(149.0, 100.0), NotShown, "hardly more than one");
    assert_told(judged(150.0, 100.0), Fails, "more than one core");
    // The other core was idle for more than half of the time, or for just half of it.
    assert_told(judged(100.0, 51.0), Holds, "and it used one");
    assert_told(judged(100.0, 50.0), NotShown, "kept the other cores busy");
    // Other programs excuse nobody who used more than one.
    assert_told(judged(116.0, 0.0), NotShown, "hardly more than one");
    assert_told(judged(150.0, 0.0), Fails, "more than one core");
    assert_told(judge(Some(100.0), None), Holds, "and it used one");
    assert_told(judge(None, None), NotShown, "does not tell our CPU time");
}

/// Would be wrong: a verdict on tasks that were lost, on one core, or on too little work; or none
/// although there was just enough.
#[test]
fn nothing_follows_from_too_little() {
    let both = |sequential: &Run, run: &Run, cores| {
        let baseline = Baseline::new(sequential, cores);
        [baseline.uses_cores(run, 2), baseline.uses_one_core(run)]
    };
    let told = |judgements: [Judgement; 2], because| {
        judgements.map(|judgement| assert_told(judgement, NotShown, because))
    };
    let enough = run(50.0, 50.0, 50.0);
    let [cores, one] = both(&enough, &enough, 2);
    assert_told(cores, Fails, "the others were idle");
    assert_told(one, Holds, "and it used one");
    told(both(&run(49.5, 49.5, 49.5), &enough, 2), "too little work");
    told(both(&enough, &enough, 1), "only one core");
    let lossy = with_a_loss(enough.clone());
    told(both(&enough, &lossy, 2), "1 of 10 tasks were not done");
    told(both(&lossy, &enough, 2), "1 of 10 tasks were not done");
}

/// Would be wrong: a speed-up that the law does not allow passes, or one that it does allow fails;
/// other programs pass for a serial part.
#[test]
fn the_law_is_held_exactly_at_its_limits() {
    let judge = |alone: &Run, wall_ms: f64, idle_ms: f64, threads, law| {
        let most = &run(wall_ms, 100.0, idle_ms);
        let limit = 4.0;
        Speedup { alone, most, threads, law, limit }.obeys_the_law()
    };
    let alone = |wall_ms| run(wall_ms, wall_ms, 0.0);
    // A fifth more than 1.25 times is 1.5 times, and a fifth less is 1.
    let faster = |alone_ms, idle_ms| judge(&alone(alone_ms), 100.0, idle_ms, 2, 1.25);
    assert_told(faster(151.0, 0.0), Fails, "the serial part did not count");
    assert_told(faster(150.0, 0.0), Holds, "+20 % off the law's");
    assert_told(faster(100.0, 0.0), Holds, "-20 % off the law's");
    assert_told(faster(99.0, 0.0), NotShown, "other programs");
    assert_told(faster(99.0, 100.0), Fails, "nothing but the serial part");
    // Slower than the law by more than a fifth, with the other core idle: not faster at all, or a bit.
    let bit = |alone_ms| judge(&alone(alone_ms), 100.0, 100.0, 2, 2.0);
    assert_told(bit(115.0), Fails, "nothing but the serial part");
    assert_told(bit(116.0), NotShown, "slower together than one alone");
    assert_told(bit(159.0), NotShown, "slower together than one alone");
    assert_told(bit(160.0), Holds, "-20 % off the law's");
    // Just enough work, and a bit less; a core to itself, and not quite.
    let law = |alone: &Run, threads| judge(alone, alone.wall_ms, 0.0, threads, 1.0);
    assert_told(law(&alone(50.0), 2), Holds, "+0 % off the law's");
    assert_told(law(&alone(49.5), 2), NotShown, "too little work");
    assert_told(law(&run(100.0, 90.0, 0.0), 2), Holds, "+0 % off the law's");
    assert_told(law(&run(100.0, 89.0, 0.0), 2), NotShown, "other programs");
    assert_told(law(&run(100.0, None, None), 2), NotShown, "other programs");
    assert_told(law(&alone(100.0), 1), NotShown, "only one core");
    let told = faster(150.0, 0.0);
    assert_eq!(told.predicted, "1.25 times as fast on 2 threads");
    assert_eq!(told.measured, "1.50 times as fast");
}

/// Would be wrong: a speed-up that grows with every thread, or beyond its limit, passes for one that
/// ends.
#[test]
fn the_end_of_a_speedup_is_told_exactly_at_its_limits() {
    let judge = |wall_ms: f64, threads, limit| {
        let alone = &run(wall_ms, wall_ms, 0.0);
        let most = &run(100.0, 100.0, 400.0);
        let law = wall_ms / 100.0;
        Speedup { alone, most, threads, law, limit }.ends()
    };
    // 0.95 times for each of two threads, and less.
    assert_told(judge(190.0, 2, 4.0), Fails, "it went on growing");
    assert_told(judge(189.0, 2, 4.0), Holds, "less than the one before");
    // As much as there can ever be, and less.
    assert_told(judge(200.0, 4, 2.0), Fails, "it went on growing");
    assert_told(judge(199.0, 4, 2.0), Holds, "less than the one before");
    let told = judge(200.0, 4, 3.0);
    assert_eq!(told.predicted, "less than 4 times on 4 threads, never 3");
    assert_eq!(told.measured, "2.00 times on 4 threads, 0.50 for each");
}

/// Would be wrong: what other programs took, or a part of one more core, passes for more work done by
/// more threads; or that passes for turns that are taken.
#[test]
fn more_threads_are_told_exactly_at_the_limits() {
    let judge = |before: &Run, many: &Run, after: &Run| no_faster([before, after], many, 2);
    let run = |wall_ms, cpu_ms| run(wall_ms, cpu_ms, None);
    let (quiet, loud) = (&run(125.0, 225.0), &run(125.0, 224.0));
    let many = &run(100.0, 200.0);
    let unknown = &Run { cpu_ms: None, ..quiet.clone() };
    let turns = "take turns on the cores";
    // One core more than there are, and a bit more than that.
    assert_told(judge(quiet, &run(125.0, 375.0), quiet), Holds, turns);
    let greedy = judge(quiet, &run(125.0, 376.0), quiet);
    assert_told(greedy, Fails, "more cores than there are");
    // 1.2 times as fast as the faster of the two others, and a bit more.
    assert_told(judge(&run(120.0, 240.0), many, quiet), Holds, turns);
    assert_told(judge(quiet, many, &run(120.0, 240.0)), Holds, turns);
    let faster = &run(121.0, 242.0);
    assert_told(judge(faster, many, faster), Fails, "got more done");
    // Nine tenths of both cores, and not quite, or nobody knows.
    let taken = "took more from the other programs";
    assert_told(judge(quiet, many, quiet), Fails, "got more done");
    assert_told(judge(loud, many, quiet), NotShown, taken);
    assert_told(judge(quiet, many, loud), NotShown, taken);
    assert_told(judge(quiet, many, unknown), NotShown, taken);
    // Just enough work, and a bit less.
    let enough = &run(50.0, 100.0);
    assert_told(judge(enough, enough, enough), Holds, turns);
    let little = judge(enough, enough, &run(49.5, 99.0));
    assert_told(little, NotShown, "too little work");
    let lossy = &with_a_loss(enough.clone());
    for [before, many, after] in
        [[lossy, enough, enough], [enough, lossy, enough], [enough, enough, lossy]]
    {
        let lost = judge(before, many, after);
        assert_told(lost, NotShown, "1 of 10 tasks were not done");
    }
    let told = judge(quiet, many, quiet);
    assert_eq!(told.predicted, "no faster, 2 cores busy at most");
    assert_eq!(told.measured, "1.25 times as fast, 2.00 cores busy");
    let told = judge(quiet, unknown, quiet);
    assert_eq!(told.measured, "1.00 times as fast, unknown cores busy");
}

/// Would be wrong: equal blocks pass for unequal ones, or work that stayed where it was for work that
/// was shared.
#[test]
fn sharing_is_told_exactly_at_its_limits() {
    let work = |done: &[u64]| -> BTreeMap<String, u64> {
        let name = |worker| format!("Thread-{worker}");
        (0..).map(name).zip(done.iter().copied()).collect()
    };
    // Ten tasks of `mean_ms` each.
    let judge = |blocks: &[u64], stolen: &[u64], threads, mean_ms: f64, idle_ms: f64| {
        let mut run = run(100.0, 100.0, idle_ms);
        run.tasks.iter_mut().for_each(|task| (task.start_ms, task.end_ms) = (1.0, 1.0 + mean_ms));
        sharing(threads, [&run, &run], &[work(blocks), work(stolen)])
    };
    let two = |blocks: [u64; 2], stolen: [u64; 2]| judge(&blocks, &stolen, 2, 10.0, 100.0);
    // The longest block is 1.1 times a fair share, and less.
    assert_told(two([55, 45], [50, 50]), Holds, "counted in iterations");
    assert_told(two([54, 46], [50, 50]), NotShown, "by chance");
    // Half as much above a fair share as the blocks, and less.
    assert_told(two([6, 2], [5, 3]), NotShown, "kept one of the threads");
    assert_told(two([75, 25], [62, 38]), Holds, "counted in iterations");
    // As uneven as the blocks, and less.
    assert_told(two([6, 2], [6, 2]), Fails, "took nothing");
    assert_told(two([75, 25], [74, 26]), NotShown, "kept one of the threads");
    // The core that it did not use was idle for more than half of the time, or for just half of it.
    let idle = |idle_ms| judge(&[6, 2], &[6, 2], 2, 10.0, idle_ms);
    assert_told(idle(51.0), Fails, "took nothing");
    assert_told(idle(50.0), NotShown, "kept one of the threads");
    // Just enough work, and a bit less; four threads, and one.
    let short = |mean_ms| judge(&[6, 2], &[4, 4], 2, mean_ms, 100.0);
    assert_told(short(5.0), Holds, "counted in iterations");
    assert_told(short(4.5), NotShown, "too little work");
    let four = judge(&[5, 1, 1, 1], &[3, 2, 2, 1], 4, 10.0, 100.0);
    let measured = "most work of one thread: blocks 2.50, rayon 1.50 times a fair share";
    assert_eq!(four.measured, measured);
    assert_told(four, Holds, "counted in iterations");
    let one = judge(&[8], &[8], 1, 10.0, 100.0);
    assert_told(one, NotShown, "nobody to take from");
}

/// Would be wrong: a cell of a table that is not counted, or is told as another one.
#[test]
fn what_is_counted_is_told_cell_by_cell() {
    assert_told(waits(1, 2), Holds, "counted by the threads");
    assert_told(waits(1, 1), Fails, "one at a time all the same");
    assert_told(waits(2, 2), Fails, "did not keep them apart");
    let cells = |alive: [usize; 5]| {
        let kinds = ["thread", "thread", "job", "process", "process"];
        let ways = ["panic", "abort", "panic", "panic", "kill"];
        let cell = |at: usize| (kinds[at], ways[at], alive[at]);
        survival(&[0, 1, 2, 3, 4].map(cell))
    };
    let table = "thread: panic 3, abort 0; job: panic 3; process: panic 3, kill 3";
    let as_claimed = cells([3, 0, 3, 3, 3]);
    assert_eq!([&as_claimed.predicted, &as_claimed.measured], [table; 2]);
    assert_eq!(as_claimed.verdict, Holds);
    for place in 0..5 {
        let mut alive = [3, 0, 3, 3, 3];
        alive[place] = 1;
        assert_eq!(cells(alive).verdict, Fails, "{place}");
    }
    let all = |kind, pieces| stop(&[("thread", 100), ("job", 100), ("task", 99), (kind, pieces)]);
    assert_told(all("process", 99), Holds, "went on to the end");
    for (kind, pieces) in [("process", 100), ("thread", 99), ("job", 99), ("job+flag", 100)] {
        assert_told(all(kind, pieces), Fails, "one went on that should not");
    }
    let measured = all("process", 1).measured;
    assert_eq!(measured, "thread 100; job 100; task 99; process 1");
}
