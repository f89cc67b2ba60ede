//! A pool needs no more of its workers than their stdin and stdout. A launcher such as ssh or srun
//! passes both on, so the same pool works on other machines.
//! You will see a pool of threads, one of processes, and one of processes that a launcher started: how
//! long a worker takes to start, and what a task costs besides its own time.
//! Try it: `--worker-command 'ssh localhost /path/to/process-demo worker'`. docs/hosts.md has more.

use std::sync::{Mutex, mpsc};
use std::thread::{Builder, scope};
use std::time::Instant;

use anyhow::{Result, ensure};
use shared::http::Client;
use shared::os::{child::DEADLINE, clock::now_ms};
use shared::report::{Figure, Scale, lanes::lanes};
use shared::{Evidence, Lab, Lesson, Task, verdict};

use crate::notebook::{self, start};
use crate::pool::launcher::{Launcher, median_gap};
use crate::pool::{self, OPTIONS, worker};

pub const LESSON: Lesson = Lesson::new(
    "hosts",
    "A pool of threads, of processes, and of processes that another program starts",
    &["P10"],
    run,
    include_str!("hosts.rs"),
)
.tasks(20)
.delay_ms(20)
.options(OPTIONS);

fn run(lab: &Lab) -> Result<Evidence> {
    let (here, mut launcher) = (Launcher::default(), Launcher::given(lab));
    if launcher.words.is_empty() {
        ensure!(cfg!(unix), "there is no env(1): it needs --worker-command");
        // proc(5): this program even if its file was replaced. /proc/self would be env's.
        let this = format!("/proc/{}/exe", std::process::id());
        let is_known = std::fs::exists(&this)?;
        let this = if is_known { this } else { std::env::current_exe()?.display().to_string() };
        launcher.words = vec!["env".into(), this, worker::MODE.name.into()];
    }
    let mut figures = Vec::from_iter(launcher.try_out(lab, start)?);
    let points = figures.iter().flat_map(|figure| &figure.points);
    let launched = points.filter_map(|point| point.measured).min_by(f64::total_cmp);
    let starts = [fastest(thread_start_ms), fastest(|| start_ms(&here)), launched];
    let (k, retries) = (lab.workers, pool::retries(lab)?);
    let (client, target) = (lab.client()?, lab.target()?);
    let process_pool = |launcher: &Launcher, ids: &[usize]| {
        notebook::process_pool(k, retries, launcher, &target, ids)
            .map_err(|error| launcher.failure(error))
    };
    let runs = vec![
        lab.run("thread-pool", lab.rounds_ms(k), |ids| thread_pool(k, &client, ids))?,
        lab.run("process-pool", lab.rounds_ms(k), |ids| process_pool(&here, ids))?,
        lab.run("launched-pool", lab.rounds_ms(k), |ids| process_pool(&launcher, ids))?, // New.
    ];
    let gaps = [0, 1, 2].map(|run| median_gap(&lanes(&runs[run])));
    for (name, [thread, process, launched]) in
        [("Fastest start", starts), ("A task besides its own time", gaps)]
    {
        let figure = Figure::new(name, "ms", Scale::Logarithmic).point("thread", thread, None);
        figures.push(figure.point("process", process, None).point("launched", launched, None));
    }
    let check = verdict::pool(k, &runs[1], &runs[2]);
    let findings = vec![check.on("P10", "A pool of k runs k at once, wherever its workers run")];
    Ok(Evidence::new(runs, findings).with(figures))
}

/// The notebook's pool of threads, from threads-demo.
fn thread_pool(k: usize, client: &Client, ids: &[usize]) -> Result<Vec<Task>> {
    let (submit, queue) = mpsc::channel();
    ids.iter().try_for_each(|&id| submit.send(id))?;
    drop(submit);
    let queue = Mutex::new(queue);
    let take = || queue.lock().ok().and_then(|queue| queue.recv().ok());
    let work = || std::iter::from_fn(|| Some(client.get(take()?))).collect::<Vec<Task>>();
    scope(|scope| {
        let spawn = |n| Builder::new().name(format!("Worker-{n}")).spawn_scoped(scope, work);
        let workers = (1..=k).map(spawn).collect::<Result<Vec<_>, _>>()?;
        Ok(workers.into_iter().flat_map(|worker| worker.join()).flatten().collect())
    })
}

/// From the start of a process until its worker greets.
fn start_ms(launcher: &Launcher) -> Option<f64> {
    let mut worker = start(launcher, "Worker", 1).ok()?;
    worker.greet(Instant::now() + DEADLINE, || true).ok()?;
    worker.start_took_ms()
}

/// From the spawn of a thread until it runs.
fn thread_start_ms() -> Option<f64> {
    let begun = now_ms();
    Some(Builder::new().spawn(now_ms).ok()?.join().ok()? - begun)
}

/// The fastest of five. One that is lost does not count.
fn fastest(start_ms: impl Fn() -> Option<f64>) -> Option<f64> {
    (0..5).filter_map(|_| start_ms()).min_by(f64::total_cmp)
}
