//! Processes let waits overlap as threads do, but each must be started, and data travels through pipes as bytes.
//! You will see one task after another, then a block that starts late: the gap is the start of ten programs.
//! Try it: `--workers 5`, and the pool needs two rounds in place of five. Or `-n 6 --delay 2s`, and
//! `kill` the pid in the pool's first line: its next task is lost, and another process takes its place.

use anyhow::Result;
use shared::http::{Client, Target};
use shared::{Evidence, Lab, Lesson, Task, verdict};

use crate::pool::launcher::Launcher;
use crate::pool::worker::{self, Request, Worker};
use crate::pool::{self, OPTIONS};

pub const LESSON: Lesson = Lesson::new(
    "notebook",
    "Requests in sequence, then a process each, then a pool of processes",
    &["P1", "P2", "P10"],
    run,
    include_str!("notebook.rs"),
)
.options(OPTIONS)
.child_modes(&[worker::MODE]);

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, retries, launcher) = (lab.workers, pool::retries(lab)?, Launcher::given(lab));
    let starts = launcher.try_out(lab, start)?;
    let (client, target) = (lab.client()?, lab.target()?);
    let sequential = lab.run("sequential", lab.sum_ms(), |ids| in_sequence(&client, ids))?;
    let processes =
        lab.run("processes", lab.each_ms(), |ids| process_per_task(&launcher, &target, ids))?;
    let pool = lab.run("process-pool", lab.rounds_ms(k), |ids| {
        process_pool(k, retries, &launcher, &target, ids)
    })?;
    let figures = launcher.figures(starts, &pool);
    let findings = vec![
        verdict::overlap(&sequential, &processes).on("P1", "Processes let waits overlap"),
        verdict::process_each(&processes).on("P2", "Each task has its own process"),
        verdict::pool(k, &processes, &pool).on("P10", "A pool of k runs k at once, never more"),
    ];
    Ok(Evidence::new(vec![sequential, processes, pool], findings).with(figures))
}

fn in_sequence(client: &Client, ids: &[usize]) -> Result<Vec<Task>> {
    Ok(ids.iter().map(|&id| client.get(id)).collect())
}

/// Starts a process for each task, then collects the answers.
pub fn process_per_task(launcher: &Launcher, target: &Target, ids: &[usize]) -> Result<Vec<Task>> {
    let (mut workers, mut tasks) = (Vec::new(), Vec::new());
    for &id in ids {
        // Python: Process(target=get, args=(id,)).start().
        match start(launcher, &format!("Process-{}", id + 1), id + 1) {
            Ok(mut worker) => {
                worker.ask(&Request::new(id, target)); // Python pickles; this writes a JSON line.
                workers.push(worker);
            }
            Err(error) => tasks.push(Task::refused(id, error)),
        }
    }
    for worker in &mut workers {
        tasks.push(worker.answer()); // Python: Queue.get(). Waits for a line from its stdout.
        worker.close_stdin(); // Tells it to end.
    }
    for worker in workers {
        worker.close()?; // Python: join(). Waits until it has ended, and reaps it.
    }
    Ok(tasks)
}

/// Starts k processes, each of which runs one task after another. Python: ProcessPoolExecutor(k).
pub fn process_pool(
    k: usize,
    retries: usize,
    launcher: &Launcher,
    target: &Target,
    ids: &[usize],
) -> Result<Vec<Task>> {
    let start = |name: &str, number| start(launcher, name, number);
    pool::run(k, ids, retries, start, |id| Request::new(id, target))
}

/// Where threads-demo starts a thread, this starts the program again, with a pipe each way; or the
/// program of `--worker-command`, which starts it elsewhere.
pub fn start(launcher: &Launcher, name: &str, number: usize) -> Result<Worker> {
    match launcher.command(number) {
        Some(command) => Worker::launch(name, command),
        None => Worker::spawn(name, worker::MODE.command(&[])?),
    }
}
