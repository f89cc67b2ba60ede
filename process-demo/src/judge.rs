//! The verdicts that only processes need.

use std::collections::HashSet;
use std::time::Duration;

use shared::child::End;
use shared::judge::{Judgement, lost};
use shared::report::{Outcome, Run, Task, Verdict};

/// Was every task carried out by a process of its own, none of them this one?
pub fn own_process_each(run: &Run) -> Judgement {
    let tasks = run.tasks.len();
    let pids: HashSet<u32> = run.tasks.iter().map(|task| task.pid).collect();
    let ours = pids.contains(&std::process::id());
    let (verdict, because) = if let Some(lost) = lost(&[run]) {
        (Verdict::NotShown, lost)
    } else if ours {
        (Verdict::Fails, "some task ran in this very process".into())
    } else if pids.len() < tasks {
        (Verdict::Fails, "some process carried out several tasks".into())
    } else {
        (
            Verdict::Holds,
            format!("no two pids are the same, and none is ours, {}", std::process::id()),
        )
    };
    Judgement {
        predicted: format!("{tasks} pids for {tasks} tasks"),
        measured: format!("{} pids for {tasks} tasks", pids.len()),
        verdict,
        because,
    }
}

/// A run in which the first `victims` tasks were given to workers that died.
pub fn crash(run: &Run, victims: usize) -> Judgement {
    let (n, others) = (run.tasks.len(), run.tasks.len() - victims);
    let said = |task: &Task| {
        let error = task.error.clone().unwrap_or("no error".into());
        format!("task {}: {error}", task.id)
    };
    let lost: Vec<&Task> = run.tasks.iter().filter(|task| task.error.is_some()).collect();
    // The operating system's word on how a process ended, as the worker's parent puts it.
    let named = |task: &&&Task| {
        let error = task.error.as_deref().unwrap_or_default();
        task.id < victims
            && (error.contains("killed by signal") || error.contains("exited with code"))
    };
    // Such as a timeout, or an answer that is an error: that is no victim's doing.
    let of_itself = run.tasks.iter().skip(victims).any(|task| {
        task.outcome == Outcome::TimedOut || task.error.is_some() && task.status.is_some()
    });
    let reasons = if run.done < others {
        (Verdict::Fails, "others were lost as well".to_string())
    } else if lost.iter().filter(named).count() < victims {
        (Verdict::Fails, "a lost task was not reported with its cause".to_string())
    } else {
        let causes: Vec<String> = lost.iter().map(|task| said(task)).collect();
        (Verdict::Holds, causes.join("; "))
    };
    Judgement::new(
        format!("{others} of {n} done, {victims} lost, each with its cause"),
        format!("{} of {n} done, {} lost", run.done, lost.len()),
        reasons,
    )
    .unless((victims == 0).then_some("a single task has no others"))
    .unless(of_itself.then_some("some requests were not answered well"))
}

/// A run by a pool of `size` workers, the first of which died with its task.
pub fn replaced(pool: &Run, size: usize) -> Judgement {
    let n = pool.tasks.len();
    let pids: HashSet<u32> = pool.tasks.iter().map(|task| task.pid).collect();
    // Such as a timeout: that is not the first worker's doing.
    let of_itself = pool.tasks.iter().any(|task| {
        task.outcome == Outcome::TimedOut || task.error.is_some() && task.status.is_some()
    });
    let reasons = if pool.done + 1 < n {
        (Verdict::Fails, "other tasks were lost with the worker")
    } else if pool.done == n {
        (Verdict::NotShown, "the worker that was to die got no task")
    } else if pids.len() <= size {
        (Verdict::NotShown, "no new worker came in time to get a task")
    } else {
        let why = "counted by the pids of the workers that tasks were with";
        (Verdict::Holds, why)
    };
    Judgement::new(
        format!("{} of {n} done, by {} processes", n - 1, size + 1),
        format!("{} of {n} done, by {} processes", pool.done, pids.len()),
        reasons,
    )
    .unless((n <= size).then_some("no task is left for a new worker: try fewer --workers"))
    .unless(of_itself.then_some("some requests were not answered well"))
}

/// What `n` children said their counter was, and how much the parent's own was raised by the
/// children and by threads.
pub fn own_memory(n: usize, said: &[String], by_children: usize, by_threads: usize) -> Judgement {
    let silent = said.iter().any(String::is_empty);
    let ones = said.iter().filter(|said| *said == "1").count();
    Judgement::exactly(
        format!("1 in each of {n} children, 0 in their parent, {n} from {n} threads"),
        format!(
            "1 in each of {ones} children, {by_children} in their parent, {by_threads} from {n} threads"
        ),
        "each child raised a counter of its own, the threads raised ours",
    )
    .unless(silent.then_some("a child did not say its counter"))
}

/// Milliseconds to hand over the largest list, to a process as bytes, and to a thread.
pub fn serialize([bytes, moved]: [f64; 2]) -> Judgement {
    let ratio = bytes / moved.max(1e-3);
    let reasons = match ratio {
        5.0.. => (Verdict::Holds, "the pipe carries every byte, the thread gets an address"),
        0.2..5.0 => (Verdict::NotShown, "something disturbed the measurement"),
        _ => (Verdict::Fails, "moving it took as long as sending it"),
    };
    Judgement::new(
        "through a pipe at least 5 times as long as to a thread",
        format!("{bytes:.1} ms through a pipe, {moved:.3} ms to a thread: {ratio:.0} times"),
        reasons,
    )
}

/// How many of `n` lines came out whole when written in pieces, and when written in one.
pub fn torn_lines(n: usize, pieces: usize, line: usize) -> Judgement {
    Judgement::exactly(
        format!("whole lines: 0 in pieces, {n} in one"),
        format!("whole lines: {pieces} in pieces, {line} in one"),
        "each had begun its line before one went on",
    )
    .unless((n < 2).then_some("a single process has nobody to get in its way"))
}

/// The number in a file after `n` processes have raised it, without a lock and with one.
pub fn file_race(n: usize, plain: usize, locked: usize) -> Judgement {
    Judgement::exactly(
        format!("plain 1, locked {n}"),
        format!("plain {plain}, locked {locked}"),
        "all had read before one wrote, unless a lock kept them out",
    )
    .unless((n < 2).then_some("a single process has nobody to lose to"))
}

/// How a child ended that wrote all before it read, and one that read meanwhile.
pub fn full_pipes(write_first: End, read_meanwhile: End) -> Judgement {
    let died = [write_first, read_meanwhile]
        .into_iter()
        .find(|end| !matches!(end, End::TimedOut | End::Exit(0)));
    Judgement::exactly(
        format!("the first {}, the second {}", End::TimedOut, End::Exit(0)),
        format!("the first {write_first}, the second {read_meanwhile}"),
        "a pipe that is full waits for its reader",
    )
    .unless(died.map(|end| format!("a child {end}")))
}

/// For how long children outlived a parent that ended in each way; `None`: for too long.
pub fn orphans(ways: &[(&str, Option<Duration>)]) -> Judgement {
    let outlived = |(way, time): &(&str, Option<Duration>)| match time {
        Some(time) => format!("{way}: {:.0} ms", time.as_secs_f64() * 1000.0),
        None => format!("{way}: not for 20 s"),
    };
    let all: Vec<String> = ways.iter().map(outlived).collect();
    let late = |(_, time): &(_, Option<Duration>)| *time > Some(Duration::from_secs(1));
    let reasons = if ways.iter().any(|(_, time)| time.is_none()) {
        (Verdict::Fails, "somebody still held the pipe")
    } else if ways.iter().any(late) {
        (Verdict::NotShown, "they ended, but on this busy machine it took a while")
    } else {
        (Verdict::Holds, "the pipe that all of them held has ended")
    };
    Judgement::new("gone within a second, however the parent ended", all.join(", "), reasons)
}

/// What a child said after its handle was dropped, and after a guard's was.
pub fn dropped(dropped: &str, guarded: &str) -> Judgement {
    Judgement::exactly(
        "dropped: 'still here', guarded: ''",
        format!("dropped: '{dropped}', guarded: '{guarded}'"),
        "nobody killed the one, the guard killed the other",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::Outcome;
    use shared::stopwatch::Stopwatch;

    fn run(pids: &[u32]) -> Run {
        let task = |(id, &pid)| Task { pid, outcome: Outcome::Done, ..Task::failed(id, "") };
        let tasks = pids.iter().enumerate().map(task).collect();
        Stopwatch::start().stop("test", pids.len(), tasks).unwrap()
    }

    /// Would be wrong: threads of one process pass for processes.
    #[test]
    fn shared_pids_and_our_own_pid_are_told_from_processes() {
        assert_eq!(own_process_each(&run(&[1, 2, 3])).verdict, Verdict::Holds);
        assert_eq!(own_process_each(&run(&[1, 2, 2])).verdict, Verdict::Fails);
        assert_eq!(own_process_each(&run(&[1, std::process::id()])).verdict, Verdict::Fails);
    }

    /// Would be wrong: a death that takes others along, or whose cause nobody names.
    #[test]
    fn a_crash_loses_the_victims_tasks_only() {
        let run = |errors: &[Option<&str>]| {
            let task = |(id, error): (usize, &Option<&str>)| Task {
                outcome: if error.is_some() { Outcome::Failed } else { Outcome::Done },
                error: error.map(String::from),
                ..Task::failed(id, "")
            };
            let tasks = errors.iter().enumerate().map(task).collect();
            let run = Stopwatch::start().stop("test", errors.len(), tasks);
            run.unwrap()
        };
        let after = |errors: &[Option<&str>]| crash(&run(errors), 1).verdict;
        let died = Some("its worker was killed by signal 9");
        assert_eq!(after(&[died, None, None]), Verdict::Holds);
        assert_eq!(after(&[died, died, None]), Verdict::Fails);
        assert_eq!(after(&[Some("gone"), None, None]), Verdict::Fails);
        assert_eq!(after(&[None, None, None]), Verdict::Fails);
        // The one after the victims is none of them.
        assert_eq!(after(&[None, died, None]), Verdict::Fails);
        let mut slow = run(&[died, Some("timed out"), None]);
        slow.tasks[1].outcome = Outcome::TimedOut;
        assert_eq!(crash(&slow, 1).verdict, Verdict::NotShown);
        assert_eq!(crash(&run(&[None]), 0).verdict, Verdict::NotShown);
    }

    /// Would be wrong: a pool that shrinks when a worker dies, or that loses more than its task.
    #[test]
    fn a_worker_that_died_is_replaced_by_another_process() {
        let pool = |pids: &[u32], lost: usize| {
            let mut run = run(pids);
            for task in &mut run.tasks[..lost] {
                (task.outcome, task.error) = (Outcome::Failed, Some("died".into()));
            }
            (run.done, run.failed) = (pids.len() - lost, lost);
            run
        };
        assert_eq!(replaced(&pool(&[1, 2, 3], 1), 2).verdict, Verdict::Holds);
        assert_eq!(replaced(&pool(&[1, 2, 2], 1), 2).verdict, Verdict::NotShown);
        assert_eq!(replaced(&pool(&[1, 2, 3], 2), 2).verdict, Verdict::Fails);
        assert_eq!(replaced(&pool(&[1, 2, 3], 0), 2).verdict, Verdict::NotShown);
        assert_eq!(replaced(&pool(&[1, 2], 1), 2).verdict, Verdict::NotShown);
        let with = |change: fn(&mut Task)| {
            let mut run = pool(&[1, 2, 3], 2);
            change(&mut run.tasks[1]);
            replaced(&run, 2).verdict
        };
        let slow = with(|task| task.outcome = Outcome::TimedOut);
        assert_eq!(slow, Verdict::NotShown);
        assert_eq!(with(|task| task.status = Some(500)), Verdict::NotShown);
        // What is answered well is no such excuse.
        let well = with(|task| (task.status, task.error) = (Some(200), None));
        assert_eq!(well, Verdict::Fails);
    }

    /// Would be wrong: a verdict on a single process, or none on two.
    #[test]
    fn a_single_process_shows_nothing_and_two_do() {
        assert_eq!(torn_lines(1, 1, 1).verdict, Verdict::NotShown);
        assert_eq!(torn_lines(2, 0, 2).verdict, Verdict::Holds);
        assert_eq!(file_race(1, 1, 1).verdict, Verdict::NotShown);
        assert_eq!(file_race(2, 1, 2).verdict, Verdict::Holds);
    }

    /// Would be wrong: the opposite of what a lesson predicts passes.
    #[test]
    fn opposite_outcomes_fail() {
        let ones = vec!["1".to_string(); 3];
        assert_eq!(own_memory(3, &ones, 0, 3).verdict, Verdict::Holds);
        assert_eq!(own_memory(3, &ones, 3, 3).verdict, Verdict::Fails);
        assert_eq!(own_memory(3, &ones, 0, 0).verdict, Verdict::Fails);
        assert_eq!(torn_lines(9, 0, 9).verdict, Verdict::Holds);
        assert_eq!(torn_lines(9, 9, 9).verdict, Verdict::Fails);
        assert_eq!(torn_lines(9, 0, 8).verdict, Verdict::Fails);
        assert_eq!(file_race(9, 1, 9).verdict, Verdict::Holds);
        assert_eq!(file_race(9, 9, 9).verdict, Verdict::Fails);
        assert_eq!(file_race(9, 1, 8).verdict, Verdict::Fails);
        assert_eq!(full_pipes(End::TimedOut, End::Exit(0)).verdict, Verdict::Holds);
        assert_eq!(full_pipes(End::Exit(0), End::Exit(0)).verdict, Verdict::Fails);
        assert_eq!(full_pipes(End::TimedOut, End::TimedOut).verdict, Verdict::Fails);
        for died in [End::Exit(3), End::Signal(9)] {
            let judged = [full_pipes(died, End::Exit(0)), full_pipes(End::TimedOut, died)];
            assert_eq!(judged.map(|one| one.verdict), [Verdict::NotShown; 2]);
        }
        let silent = ["1".to_string(), String::new()];
        assert_eq!(own_memory(2, &silent, 0, 2).verdict, Verdict::NotShown);
        assert_eq!(orphans(&[("killed", Some(Duration::ZERO))]).verdict, Verdict::Holds);
        assert_eq!(orphans(&[("killed", None)]).verdict, Verdict::Fails);
        let late = orphans(&[("killed", Some(Duration::from_secs(3)))]);
        assert_eq!(late.verdict, Verdict::NotShown);
        let within = orphans(&[("killed", Some(Duration::from_secs(1)))]);
        assert_eq!(within.verdict, Verdict::Holds);
        assert_eq!(dropped("still here", "").verdict, Verdict::Holds);
        assert_eq!(dropped("", "").verdict, Verdict::Fails);
        assert_eq!(dropped("still here", "still here").verdict, Verdict::Fails);
    }

    /// Would be wrong: a pipe that costs nothing passes for one that does.
    #[test]
    fn a_pipe_costs_more_than_a_move() {
        assert_eq!(serialize([50.0, 0.01]).verdict, Verdict::Holds);
        assert_eq!(serialize([0.01, 50.0]).verdict, Verdict::Fails);
        assert_eq!(serialize([0.02, 0.01]).verdict, Verdict::NotShown);
    }
}
