//! The picture as the models draw it: each row is one task and must come out the same every time.

use std::mem::take;
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use shared::lab::PATIENCE;
use shared::os::clock::now_ms;
use shared::progress::reduce_concurrency;
use shared::report::{Outcome, Run};
use shared::{Lab, Task};

use crate::mandelbrot::View;
use crate::png_file;

/// Why a task failed whose row is not the same every time.
pub const DIFFERS: &str = "the row differs from its first drawing";

/// A row, and the task of drawing it.
pub struct Row {
    pub task: Task,
    /// Empty if drawing it panicked.
    pub pixels: Vec<u16>,
}

/// Draws rows. Clones share one progress bar.
#[derive(Clone)]
pub struct Painter {
    pub view: View,
    row_count: usize,
    pub bar: ProgressBar,
}

impl Painter {
    /// For the first `row_count` rows of `view`, without a progress bar.
    pub fn new(view: View, row_count: usize) -> Painter {
        Painter { view, row_count, bar: ProgressBar::hidden() }
    }

    /// The rows to draw.
    pub fn rows(&self) -> Range<usize> {
        0..self.row_count
    }

    /// Rows of the whole picture.
    pub fn height(&self) -> usize {
        self.view.height
    }

    /// Draws row `y`.
    pub fn draw(&self, y: usize) -> Row {
        let mut pixels = Vec::new();
        let task = Task::catch_panic(y, || {
            let start_ms = now_ms();
            pixels = self.view.row(y);
            Task::done(y, start_ms)
        });
        self.bar.inc(1);
        Row { task, pixels }
    }
}

/// Measures the models, and compares their pictures.
pub struct Gallery<'a> {
    lab: &'a Lab,
    pub painter: Painter,
    /// The first drawing of each row; no pixels if there is none yet.
    first: Vec<Vec<u16>>,
}

impl Gallery<'_> {
    /// A picture with a row for each task.
    pub fn new(lab: &Lab) -> Gallery<'_> {
        // The bar shows on a terminal only, and disappears when the last painter is dropped.
        let bar = ProgressBar::new(lab.tasks as u64).with_finish(ProgressFinish::AndClear);
        if let Ok(style) = ProgressStyle::with_template("{msg:10} {wide_bar} {pos}/{len} rows") {
            bar.set_style(style);
        }
        let painter = Painter { bar, ..Painter::new(View::of_height(lab.tasks), lab.tasks) };
        Gallery { lab, painter, first: vec![Vec::new(); lab.tasks] }
    }

    /// Measures `draw_all`. A row that differs, pixel by pixel, from its first drawing has failed.
    ///
    /// # Errors
    /// Those of `draw_all`, or its rows are not the ones asked for.
    pub fn run(
        &mut self,
        model: &str,
        predicted_ms: impl Into<Option<f64>>,
        mut draw_all: impl FnMut(&Painter) -> Result<Vec<Row>>,
    ) -> Result<Run> {
        let Gallery { lab, painter, first } = self;
        painter.bar.set_message(model.to_string());
        painter.bar.reset();
        lab.run(model, predicted_ms, |_| {
            let mut drawn = draw_all(painter)?;
            for Row { task, pixels } in &mut drawn {
                match first.get_mut(task.id) {
                    Some(first) if first.is_empty() => *first = take(pixels),
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

    /// Measures `draw_all` with k workers, or with as many as the OS grants, at least one.
    ///
    /// # Errors
    /// Those of [`Gallery::run`], or the OS grants no worker.
    pub fn run_on(
        &mut self,
        k: usize,
        model: &str,
        predicted_ms: f64,
        draw_all: impl Fn(&Painter, usize) -> Result<Vec<Row>>,
    ) -> Result<Run> {
        self.run(model, predicted_ms, |painter| {
            let (mut workers, give_up) = (k, Instant::now() + PATIENCE);
            loop {
                match draw_all(painter, workers) {
                    Err(error) if workers > 1 => {
                        reduce_concurrency(&format!("{error:#}"));
                        workers -= 1;
                    }
                    Err(_) if Instant::now() < give_up => sleep(Duration::from_millis(10)),
                    drawn => return drawn,
                }
                painter.bar.reset();
            }
        })
    }

    /// Saves the picture if `--png` names a file, and returns it if the report shows pictures. Rows
    /// that no model drew are black.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(mut self) -> Result<Option<String>> {
        let view = self.painter.view;
        self.first.iter_mut().for_each(|row| row.resize(view.width, 0));
        let picture = self.first.concat();
        if let Some(file) = self.lab.options.get("png") {
            png_file::write(file, view, &picture)?;
        }
        self.lab.shows_pictures.then(|| png_file::data_url(view, &picture)).transpose()
    }
}
