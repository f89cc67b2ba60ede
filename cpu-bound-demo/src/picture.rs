//! The picture as it comes from the models: each row is one task, and must be the same every time.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use shared::lab::Lab;
use shared::mandelbrot::View;
use shared::report::{Outcome, Run, Task};
use shared::stopwatch::{now_ms, thread_name};

use crate::png_file;

/// Why a task has failed whose row is not the same each time.
pub const DIFFERS: &str = "drew another picture than a run before";

/// A row, and the task of drawing it.
pub struct Row {
    pub task: Task,
    pub pixels: Vec<u16>,
}

/// Draws rows: the activity of this demo. Clones share one progress bar.
#[derive(Clone)]
pub struct Painter {
    pub view: View,
    pub bar: ProgressBar,
    /// Held while a row is drawn, if there is one: so only one thread of the process draws.
    pub gil: Option<Arc<Mutex<()>>>,
}

impl Painter {
    /// Draws row `y`. It has no pixels if that panics.
    pub fn draw(&self, y: usize) -> Row {
        let mut pixels = Vec::new();
        let task = timed(y, || {
            let _gil = self.gil.as_ref().map(|gil| gil.lock());
            pixels = self.view.row(y);
            true
        });
        self.bar.inc(1);
        Row { task, pixels }
    }
}

/// Carries out task `id`, which says whether it came out right. If it panics, it has failed.
pub fn timed(id: usize, work: impl FnOnce() -> bool) -> Task {
    Task::catch_panic(id, || {
        let start_ms = now_ms();
        let right = work();
        Task {
            id,
            pid: std::process::id(),
            thread: thread_name(),
            status: None,
            outcome: if right { Outcome::Done } else { Outcome::Failed },
            error: (!right).then(|| "it came out wrong".into()),
            start_ms,
            end_ms: now_ms(),
        }
    })
}

/// Measures one model after another and compares their pictures.
pub struct Gallery<'a> {
    lab: &'a Lab,
    pub painter: Painter,
    /// The rows as they were first drawn, with which all others are compared. One that has not been
    /// drawn yet has no pixels.
    pub rows: Vec<Vec<u16>>,
}

impl Gallery<'_> {
    /// `runs` is how many pictures there will be. The progress bar shows on a terminal only.
    pub fn new(lab: &Lab, runs: usize) -> Gallery<'_> {
        let bar = ProgressBar::new((runs * lab.tasks) as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:10} {wide_bar} {pos}/{len} rows") {
            bar.set_style(style);
        }
        let painter = Painter { view: View::of_height(lab.tasks), bar, gil: None };
        Gallery { lab, painter, rows: Vec::new() }
    }

    /// Measures `draw_all`. A row that is not, pixel by pixel, as it was first drawn has failed.
    ///
    /// # Errors
    /// Those of `draw_all`, or its rows are not the ones asked for.
    pub fn run(
        &mut self,
        model: &str,
        predicted_ms: impl Into<Option<f64>>,
        draw_all: impl FnOnce(&Painter) -> Result<Vec<Row>>,
    ) -> Result<Run> {
        let Gallery { lab, painter, rows } = self;
        painter.bar.set_message(model.to_string());
        lab.run(model, predicted_ms, |_| {
            let mut drawn = draw_all(painter)?;
            rows.resize(lab.tasks, Vec::new());
            for Row { task, pixels } in &mut drawn {
                match rows.get_mut(task.id) {
                    Some(first) if first.is_empty() => *first = std::mem::take(pixels),
                    Some(first) if first != pixels && task.outcome == Outcome::Done => {
                        task.outcome = Outcome::Failed;
                        task.error = Some(DIFFERS.into());
                    }
                    _ => {}
                }
            }
            Ok(drawn.into_iter().map(|row| row.task).collect())
        })
    }

    /// Saves the picture where it is asked for, and returns it for a page if there is to be one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<Option<String>> {
        let Gallery { lab, painter, rows } = self;
        let width = painter.view.width;
        let picture = rows.iter().flat_map(|row| match row.len() {
            0 => vec![0; width], // Nobody has drawn it.
            _ => row.clone(),
        });
        let picture: Vec<u16> = picture.collect();
        if let Some(file) = lab.options.get("png") {
            png_file::write(file, painter.view, &picture)?;
        }
        lab.shows_pictures.then(|| png_file::for_page(painter.view, &picture)).transpose()
    }
}
