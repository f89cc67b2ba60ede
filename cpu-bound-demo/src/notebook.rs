//! Where tasks compute, threads, processes and rayon use all cores. Async tasks on one thread do not.
//! You will see one picture drawn five times. A row that differs from its first drawing is lost.
//! Try it: `new_multi_thread` in `by_async`. The tasks use all cores that are idle, and G4 fails.

use std::process::Stdio;
use std::thread::{Builder, scope};

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::{Evidence, Lab, Lesson};
use tokio::{runtime, task::JoinSet};

use crate::cores::Cores;
use crate::gallery::{Gallery, Painter, Row};
use crate::rows::{self, Worker};

const ABOUT: &str = "One picture in sequence, by threads, processes, rayon and async tasks";
pub const LESSON: Lesson =
    Lesson::new("notebook", ABOUT, &["G4", "G5", "P1", "P3"], run, include_str!("notebook.rs"))
        .options(crate::png_file::OPTIONS)
        .child_modes(&[rows::MODE]);

fn run(lab: &Lab) -> Result<Evidence> {
    let (k, mut gallery) = (lab.workers, Gallery::new(lab));
    let sequential = gallery.run("sequential", None, in_sequence)?;
    let divided_ms = sequential.wall_ms / k.min(lab.cores) as f64;
    let threads = gallery.run_on(k, "threads", divided_ms, by_threads)?;
    let processes = gallery.run_on(k, "processes", divided_ms, by_processes)?;
    let rayon = gallery.run_on(k, "rayon", divided_ms, by_rayon)?;
    let tasks = gallery.run("async", sequential.wall_ms, by_async)?;
    let cores = Cores::new(&sequential, lab.cores);
    let findings = vec![
        cores.one_busy(&tasks).on("G4", "Async on one thread does not speed up computing"),
        cores.same_rows(&processes).on("P1", "Processes compute as well as they wait"),
        cores.k_busy(k, &processes).on("P3", "Processes compute in parallel"),
        cores.k_busy(k, &threads).on("G5", "Threads compute in parallel"),
        cores.k_busy(k, &rayon).on("G5", "Rayon computes in parallel"),
    ];
    let runs = vec![sequential, threads, processes, rayon, tasks];
    Ok(Evidence::new(runs, findings).showing(gallery.save()?))
}

fn in_sequence(painter: &Painter) -> Result<Vec<Row>> {
    Ok(painter.rows().map(|y| painter.draw(y)).collect())
}

/// Thread `first` of k draws the rows first, first + k, first + 2 k and so on.
fn by_threads(painter: &Painter, k: usize) -> Result<Vec<Row>> {
    scope(|scope| {
        let mut threads = Vec::new();
        for first in 0..k {
            let share = painter.rows().skip(first).step_by(k);
            let draw_share = move || share.map(|y| painter.draw(y)).collect::<Vec<_>>();
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            threads.push(thread.spawn_scoped(scope, draw_share).context("cannot start a thread")?);
        }
        Ok(threads.into_iter().flat_map(|thread| thread.join()).flatten().collect())
    })
}

/// The same shares, but each in a process: this program, started again. Rows come back through pipes.
fn by_processes(painter: &Painter, k: usize) -> Result<Vec<Row>> {
    let mut workers = Vec::new();
    for first in 0..k {
        let mut command = rows::MODE.command(&[])?; // Process(target=..., args=...).start()
        command.args([painter.height(), first, k].map(|number| number.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        workers.push(Worker::spawn(command, painter, painter.rows().skip(first).step_by(k))?);
    }
    Worker::all_rows(workers) // Each row is unpickled; join()
}

/// A pool of k threads. Idle threads steal rows from busy ones.
fn by_rayon(painter: &Painter, k: usize) -> Result<Vec<Row>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    Ok(pool.install(|| painter.rows().into_par_iter().map(|y| painter.draw(y)).collect()))
}

/// Every row is a task of its own, but a single thread draws them all.
fn by_async(painter: &Painter) -> Result<Vec<Row>> {
    runtime::Builder::new_current_thread().build()?.block_on(async {
        let mut tasks = JoinSet::new();
        for y in painter.rows() {
            let painter = painter.clone();
            tasks.spawn(async move { painter.draw(y) }); // create_task(...)
        }
        Ok(tasks.join_all().await) // gather(...)
    })
}
