//! Waiting needs no core. Any number of threads can wait at the same time, on however few cores. A
//! rayon pool has only as many threads as there are cores, so waits queue up in it.
//! You will see ten waits in sequence, with a thread for each, and in a rayon pool.
//! Try it: `-n 100`, and `--workers 50` for the pool.

use std::thread::{Builder, scope, sleep};
use std::time::Duration;

use anyhow::Result;
use rayon::prelude::*;
use shared::os::clock::now_ms;
use shared::{Evidence, Lab, Lesson, Task, verdict};

pub const LESSON: Lesson = Lesson::new(
    "waits",
    "Waits, which need no core: in sequence, in threads and in rayon",
    &["G7"],
    run,
    include_str!("waits.rs"),
)
.tasks(10)
.at_most(1_000)
.delay_ms(100);

fn run(lab: &Lab) -> Result<Evidence> {
    let k = lab.workers;
    let delay = Duration::from_secs_f64(lab.delay_ms.unwrap_or_default() / 1000.0);
    let wait = |id| {
        let start_ms = now_ms();
        sleep(delay);
        Task::done(id, start_ms)
    };
    let sequential =
        lab.run("sequential", lab.sum_ms(), |ids| Ok(ids.iter().map(|&id| wait(id)).collect()))?;
    let threads = lab.run("threads", lab.each_ms(), |ids| {
        scope(|scope| {
            let (mut threads, mut tasks) = (Vec::new(), Vec::new());
            for &id in ids {
                let thread = Builder::new().name(format!("Thread-{}", id + 1));
                threads.push((id, thread.spawn_scoped(scope, move || wait(id))));
            }
            for (id, thread) in threads {
                tasks.push(Task::from_thread(id, thread.map(|thread| thread.join())));
            }
            Ok(tasks)
        })
    })?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    let rayon = lab.run("rayon", lab.rounds_ms(k), |ids| {
        Ok(pool.install(|| ids.par_iter().map(|&id| wait(id)).collect()))
    })?;
    let findings = vec![
        verdict::overlap(&sequential, &threads).on("G7", "Any number of threads can wait"),
        verdict::pool(k, &threads, &rayon).on("G7", "Waits queue up in a pool for computing"),
    ];
    Ok(Evidence::new(vec![sequential, threads, rayon], findings))
}
