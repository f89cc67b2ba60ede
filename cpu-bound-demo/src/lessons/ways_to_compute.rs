//! The ways to compute of the lesson `compute-in-async`, and the heart beside them.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rayon::prelude::*;
use shared::os::clock::now_ms;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::gallery::{Painter, Row};

#[derive(Clone, Copy)]
pub enum Way {
    OneThread,
    ManyThreads,
    Blocking,
    Rayon,
}

/// Draws the picture beside a heart. Returns the rows, and how many times it beat while there was work
/// for `k` threads.
pub fn draw(way: Way, painter: &Painter, k: usize, drawn: impl Fn()) -> Result<(Vec<Row>, usize)> {
    let mut rt = match way {
        Way::ManyThreads => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    let started = AtomicUsize::new(0);
    let name = move || format!("Tokio-{}", started.fetch_add(1, Relaxed) + 1);
    let rt = rt.worker_threads(k).thread_name_fn(name).enable_time().build()?;
    rt.block_on(async {
        let beats = Arc::new(Mutex::new(Vec::new()));
        let heart = tokio::spawn(beat(beats.clone()));
        let rows = match way {
            Way::Rayon => in_rayon(painter, k, drawn).await?,
            Way::Blocking => in_blocking_threads(painter, k, drawn).await,
            _ => in_tasks(painter, k, drawn).await,
        };
        heart.abort();
        let beats = beats.lock().unwrap_or_else(PoisonError::into_inner);
        let enough_ms = enough_work_until(&rows, k);
        let meanwhile = beats.iter().filter(|&&beat_ms| beat_ms < enough_ms).count();
        Ok((rows, meanwhile))
    })
}

async fn beat(beats: Arc<Mutex<Vec<f64>>>) {
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        beats.lock().unwrap_or_else(PoisonError::into_inner).push(now_ms());
    }
}

/// When fewer than `k` pieces were unfinished, so that one of `k` threads could be idle.
fn enough_work_until(rows: &[Row], k: usize) -> f64 {
    let mut ends = vec![0.0f64; pieces(k)];
    for Row { task, .. } in rows {
        let end_ms = &mut ends[task.id % pieces(k)];
        *end_ms = end_ms.max(task.end_ms);
    }
    ends.sort_by(f64::total_cmp);
    ends[pieces(k) - k]
}

/// Into how many pieces the rows are divided for `k` threads.
fn pieces(k: usize) -> usize {
    8 * k
}

async fn in_tasks(painter: &Painter, k: usize, drawn: impl Fn()) -> Vec<Row> {
    let pieces = pieces(k);
    let mut tasks = JoinSet::new();
    for first in 0..pieces {
        tasks.spawn(piece_async(painter.clone(), first, pieces));
    }
    let rows = tasks.join_all().await.into_iter().flatten().collect();
    drawn();
    rows
}

/// tokio starts a thread for each call, up to 512.
async fn in_blocking_threads(painter: &Painter, k: usize, drawn: impl Fn()) -> Vec<Row> {
    let pieces = pieces(k);
    let mut tasks = JoinSet::new();
    for first in 0..pieces {
        let painter = painter.clone();
        tasks.spawn_blocking(move || piece(&painter, first, pieces));
    }
    let rows = tasks.join_all().await.into_iter().flatten().collect();
    drawn();
    rows
}

/// The task awaits a channel, so the runtime's thread is free meanwhile.
async fn in_rayon(painter: &Painter, k: usize, drawn: impl Fn()) -> Result<Vec<Row>> {
    let pieces = pieces(k);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(k);
    let pool = pool.thread_name(|worker| format!("Rayon-{}", worker + 1)).build()?;
    let (send, rows) = oneshot::channel();
    let painter = painter.clone();
    pool.spawn(move || {
        let all = (0..pieces).into_par_iter();
        let _ = send.send(all.flat_map_iter(|first| piece(&painter, first, pieces)).collect());
    });
    let rows = rows.await?;
    drawn();
    Ok(rows)
}

/// Draws every row of the piece that begins with row `first`.
fn piece(painter: &Painter, first: usize, pieces: usize) -> Vec<Row> {
    painter.rows().skip(first).step_by(pieces).map(|y| painter.draw(y)).collect()
}

/// The same in a task.
async fn piece_async(painter: Painter, first: usize, pieces: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for y in painter.rows().skip(first).step_by(pieces) {
        rows.push(painter.draw(y));
    }
    rows
}
