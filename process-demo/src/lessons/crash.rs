//! However a process dies, only its own task is lost: its parent sees the end of
//! the pipe, and the OS reports how the process ended.
//! You will see three workers die, one by abort, one by an exit without an answer, one killed from
//! outside, and all other tasks done. Then a pool's first worker dies, and the pool replaces it.
//! Try it: in `crash`, write `exit(7)` in place of `exit(0)`. The reason for P4 names code 7.

use std::collections::HashSet;
use std::io::stdin;
use std::process::{abort, exit};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;
use shared::os::child::ChildMode;
use shared::report::{Outcome, Run, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson, Task};

use crate::pool::worker::{self, Request, Worker};
use crate::{notebook, pool, pool::launcher::Launcher};

pub const LESSON: Lesson = Lesson::new(
    "crash",
    "Workers die in the middle of a task: which tasks are lost?",
    &["P4", "P10"],
    run,
    include_str!("crash.rs"),
)
.child_modes(&[CHILD]);

/// A worker that dies when it gets its task.
const CHILD: ChildMode = ChildMode::new("crash-worker", crash).reads_stdin();

const WAYS: [&str; 3] = ["abort", "exit", "kill"];

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, target, victims) = (lab.workers, lab.target()?, WAYS.len().min(lab.tasks - 1));
    let ways = &WAYS[..victims];
    let request = |id| Request::new(id, &target);
    let mut processes =
        lab.run("processes", lab.each_ms(), |ids| Ok(process_per_task(ways, ids, start, request)))?;
    processes.expected_losses = victims;

    // New: a pool notices, and starts another worker in place of the dead one.
    let first = AtomicBool::new(true);
    let start = |name: &str, _| start(name, first.swap(false, Relaxed).then_some("abort"));
    let mut pool = lab.run("process-pool", None, |ids| pool::run(k, ids, 0, start, request))?;
    pool.expected_losses = 1;
    let findings = vec![
        survivors(&processes, victims).on("P4", "A process that dies loses only its own task"),
        replaced(&pool, k).on("P10", "A pool replaces a worker that dies"),
    ];
    Ok(Evidence::new(vec![processes, pool], findings))
}

/// Like the notebook's processes, but the first ones die in these `ways`.
fn process_per_task(
    ways: &[&str],
    ids: &[usize],
    start: impl Fn(&str, Option<&str>) -> Result<Worker>,
    request: impl Fn(usize) -> Request,
) -> Vec<Task> {
    let (mut workers, mut tasks) = (Vec::new(), Vec::new());
    for &id in ids {
        let way = ways.get(id).copied();
        match start(&format!("Process-{}", id + 1), way) {
            Ok(mut worker) => {
                worker.ask(&request(id));
                if way == Some("kill") {
                    worker.kill();
                }
                workers.push(worker);
            }
            Err(error) => tasks.push(Task::refused(id, error)),
        }
    }
    tasks.extend(workers.iter_mut().map(Worker::answer));
    tasks
}

/// Starts a worker, which will die in this `way`.
fn start(name: &str, way: Option<&str>) -> Result<Worker> {
    let Some(way) = way else { return notebook::start(&Launcher::default(), name, 1) };
    Worker::spawn(name, CHILD.command(&[way])?)
}

/// The worker: reads its task, and dies.
fn crash(words: &[String]) -> Result<()> {
    worker::greet()?;
    stdin().read_line(&mut String::new())?;
    match words.first().map(String::as_str) {
        Some("abort") => abort(),
        Some("exit") => exit(0),                     // As if all were well.
        _ => stdin().read_line(&mut String::new())?, // Until it is killed.
    };
    Ok(())
}

/// Did a run lose only its first tasks, whose workers died, and report each cause?
fn survivors(run: &Run, victims: usize) -> Check {
    let (n, others) = (run.tasks.len(), run.tasks.len() - victims);
    let lost: Vec<&Task> = run.tasks.iter().filter(|task| task.error.is_some()).collect();
    // The OS's report of how a process ended, in the worker's words.
    let has_cause = |task: &&Task| {
        let error = task.error.as_deref().unwrap_or_default();
        error.contains("killed by signal") || error.contains("exited with code")
    };
    let reason = if lost.iter().any(|task| task.id >= victims) {
        (Verdict::Fails, "other tasks were lost as well".to_string())
    } else if lost.len() < victims {
        (Verdict::NotShown, "a worker that was to die lived".to_string())
    } else if !lost.iter().all(has_cause) {
        (Verdict::Fails, "a task was lost without its cause".to_string())
    } else {
        let cause = |task: &Task| {
            format!("task {}: {}", task.id, task.error.as_deref().unwrap_or("no error"))
        };
        let causes: Vec<String> = lost.iter().map(|task| cause(task)).collect();
        (Verdict::Holds, causes.join("; "))
    };
    Check::new(
        format!("{others} of {n} done, {victims} lost, each with its cause"),
        format!("{} of {n} done, {} lost", run.done, lost.len()),
        reason,
    )
    .unless((victims == 0).then_some("there is only one task: try a larger -n"))
    .unless(request_failed(&run.tasks[victims..]))
}

/// Did a pool of `size` workers, the first of which died, start another in its place?
fn replaced(pool: &Run, size: usize) -> Check {
    let n = pool.tasks.len();
    let pids: HashSet<u32> = pool.tasks.iter().map(|task| task.pid).collect();
    let reason = if pool.done + 1 < n {
        (Verdict::Fails, "other tasks were lost with the worker")
    } else if pool.done == n {
        (Verdict::NotShown, "no worker died with a task")
    } else if pids.len() <= size {
        (Verdict::NotShown, "no new worker started in time to get a task")
    } else {
        (Verdict::Holds, "counted by the pids of the tasks' workers")
    };
    Check::new(
        format!("{} of {n} done, by {} processes", n - 1, size + 1),
        format!("{} of {n} done, by {} processes", pool.done, pids.len()),
        reason,
    )
    .unless((n <= size).then_some("no task is left for a new worker: try fewer --workers"))
    .unless(request_failed(&pool.tasks))
}

/// Why nothing follows from `tasks`, if one failed without its worker's death: it timed out, or the
/// server answered with an error.
fn request_failed(tasks: &[Task]) -> Option<&'static str> {
    let failed = |task: &Task| {
        task.outcome == Outcome::TimedOut || task.error.is_some() && task.status.is_some()
    };
    tasks.iter().any(failed).then_some("a request failed although its worker lived")
}

#[cfg(test)]
mod tests {
    use shared::report::sample;

    use super::*;
    use Outcome::{Done, Failed, TimedOut};
    use Verdict::{Fails, Holds, NotShown};
    #[cfg(target_os = "linux")]
    use {crate::pool::faults, anyhow::bail};

    const DIED: &str = "worker was killed by signal 9";

    /// A run of tasks with these pids and ends.
    fn run(ends: &[(u32, Outcome, &str)]) -> Run {
        let mut tasks = sample::run(&vec![(0.0, 1.0); ends.len()]).tasks;
        for (task, &(pid, outcome, error)) in tasks.iter_mut().zip(ends) {
            (task.pid, task.outcome) = (pid, outcome);
            task.error = (outcome != Done).then(|| error.into());
        }
        Run::new("sample", 1.0, tasks)
    }

    #[test]
    fn only_victims_may_be_lost() {
        let (done, died) = ((1, Done, ""), (1, Failed, DIED));
        for (ends, verdict, because) in [
            ([died, done, done], Holds, "task 0: worker was killed by signal 9"),
            ([died, died, done], Fails, "other tasks"),
            ([(1, Failed, "gone"), done, done], Fails, "without its cause"),
            ([done, done, done], NotShown, "lived"),
            ([done, died, done], Fails, "other tasks"),
            ([died, (1, TimedOut, "timed out"), done], NotShown, "request failed"),
        ] {
            let check = survivors(&run(&ends), 1);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
        assert_eq!(survivors(&run(&[done]), 0).verdict, NotShown);
    }

    #[test]
    fn replacement_is_known_by_its_pid() {
        let (done, died) = (|pid| (pid, Done, ""), |pid| (pid, Failed, DIED));
        for (ends, verdict, because) in [
            (vec![died(1), done(2), done(3)], Holds, "pids"),
            (vec![died(1), done(2), done(2)], NotShown, "in time"),
            (vec![died(1), died(2), done(3)], Fails, "other tasks"),
            (vec![done(1), done(2), done(3)], NotShown, "no worker died"),
            (vec![died(1), done(2)], NotShown, "fewer --workers"),
            (vec![died(1), (2, TimedOut, ""), done(3)], NotShown, "request failed"),
        ] {
            let check = replaced(&run(&ends), 2);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
        let mut answered = run(&[died(1), (2, Failed, "answered 500"), done(3)]);
        answered.tasks[1].status = Some(500);
        assert_eq!(replaced(&answered, 2).verdict, NotShown);
    }

    /// A worker that is a script.
    #[cfg(target_os = "linux")]
    fn scripted(name: &str, script: &str) -> Result<Worker> {
        let answers = faults::script("answer 2");
        faults::start(name, if script.is_empty() { &answers } else { script })
    }

    #[cfg(target_os = "linux")]
    const IDS: [usize; 5] = [0, 1, 2, 3, 4];

    #[test]
    #[cfg(target_os = "linux")]
    fn shared_process_fails() {
        let run = |tasks| Run::new("sample", 1.0, tasks);
        let per_task = |abort: &str, exit: &str| {
            let start = |name: &str, way: Option<&str>| match way {
                Some("abort") => scripted(name, abort),
                Some("exit") => scripted(name, exit),
                Some(_) => scripted(name, "exec sleep 60"),
                None => scripted(name, ""),
            };
            run(process_per_task(&WAYS, &IDS, start, faults::request))
        };
        let (abort, exit) = ("read -r line; kill -6 $$", "read -r line; exit 0");
        // One process for all: a pool of one that gets no other.
        let first = AtomicBool::new(true);
        let start_once = |name: &str, _| match first.swap(false, Relaxed) {
            true => scripted(name, abort),
            false => bail!("no other"),
        };
        let shared = pool::run(1, &IDS, 0, start_once, faults::request).unwrap();
        for (run, victims, verdict, because) in [
            (per_task(abort, exit), 3, Holds, "killed by signal 6"),
            (run(shared), 1, Fails, "other tasks"),
            (per_task(abort, "echo garbage"), 3, Fails, "without its cause"),
            (per_task("", exit), 3, NotShown, "lived"),
        ] {
            let check = survivors(&run, victims);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn replacement_left_out_fails() {
        let pool = |first_script: &str, may_replace: bool| {
            let first = AtomicBool::new(true);
            let start = |name: &str, _| match first.swap(false, Relaxed) {
                true => scripted(name, first_script),
                false if may_replace => scripted(name, ""),
                false => bail!("no other"),
            };
            let tasks = pool::run(1, &IDS, 0, start, faults::request).unwrap();
            replaced(&Run::new("sample", 1.0, tasks), 1).verdict
        };
        let dies = "read -r line; exit 0";
        let verdicts = [pool(dies, true), pool(dies, false), pool("", true)];
        assert_eq!(verdicts, [Holds, Fails, NotShown]);
    }
}
