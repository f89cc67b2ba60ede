//! Processes let waits overlap as threads do, but each is a program to start, and pipes carry text.
//! You will see a stair, then a block that starts late: that gap is the start of ten programs.
//! Try it: `--workers 5`; or `--delay 3s`, and in the pool kill a worker by the pid in its line.

use std::process::Stdio;

use anyhow::{Context, Result};
use shared::activity::Show;
use shared::child;
use shared::judge::{pool_is_full, waits_overlap};
use shared::lab::{Evidence, Lab};

use crate::worker::{self, Request, Worker};
use crate::{judge, pool};

pub const ABOUT: &str = "Requests one after another, then a process each, then a pool of processes";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let (n, k, mut at_once) = (lab.tasks, lab.workers, lab.at_once(2)); // Two pipes each.
    let (target, retries) = (lab.target()?, pool::retries(lab)?);

    // One after another, in this process. The prediction is the sum of all delays.
    let activity = lab.blocking()?;
    let sum = lab.delay_ms.map(|delay| delay * n as f64);
    let sequential =
        lab.run("sequential", sum, |_| Ok((0..n).map(|id| activity.get(id)).collect()))?;

    // All at once, a process for each. The prediction is the longest delay.
    let (longest, mut memory_kib) = (lab.delay_ms.unwrap_or(sequential.mean_task_ms()), 0);
    let mut processes = lab.run("processes", longest, |_| {
        let mut tasks = Vec::new();
        // Goes round once, unless the system allows fewer at once.
        while tasks.len() < n {
            let mut workers = Vec::new();
            for id in tasks.len()..n.min(tasks.len() + at_once) {
                let mut worker = match start(&format!("Process-{}", id + 1), target.show) {
                    // With its reader each took two places, and needs a third for a thread of its own.
                    Err(_) if lab.can_do_with(workers.len()) => {
                        workers.truncate(1.max(workers.len() * 2 / 3));
                        at_once = workers.len();
                        break;
                    }
                    worker => worker?,
                };
                worker.ask(Request::new(id, target)); // One line into its stdin; on to the next.
                workers.push(worker);
            }
            for worker in &mut workers {
                tasks.push(worker.answer()); // Waits for one line from its stdout.
                worker.close(); // The end of its stdin tells it to end.
            }
            for worker in &mut workers {
                worker.wait()?; // Nobody else reaps it.
                memory_kib += worker.peak_rss_kib;
            }
        }
        Ok(tasks)
    })?;
    processes.peak_rss_kib = processes.peak_rss_kib.map(|own| own + memory_kib);

    // Through a pool: k processes, and each carries out one task after another.
    let mut pool = lab.run("process-pool", longest * n.div_ceil(k) as f64, |_| {
        let ask = |id| Request::new(id, target);
        let served = pool::serve(k, n, retries, |name| start(name, target.show), ask)?;
        memory_kib = served.peak_rss_kib;
        Ok(served.tasks)
    })?;
    pool.peak_rss_kib = pool.peak_rss_kib.map(|own| own + memory_kib);

    let findings = vec![
        waits_overlap(&sequential, &processes).on("P1", "Processes let waits overlap"),
        judge::own_process_each(&processes).on("P2", "Each task has a process of its own"),
        pool_is_full(k, &processes, &pool).on("P10", "A pool of k runs k at once, never more"),
    ];
    Ok(Evidence::new(vec![sequential, processes, pool], findings))
}

/// New: where threads-demo starts a thread, this starts the program again, with a pipe each way.
pub fn start(name: &str, show: Show) -> Result<Worker> {
    let _turn = worker::one_at_a_time();
    let child = child::this_program(worker::HIDDEN.name)?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a worker")?;
    Worker::new(name.to_string(), child, show)
}
