//! A worker process: this same program, started again to draw every k-th row of the picture. It
//! writes each row to its stdout: the number, the microseconds at its start and its end, how many
//! bytes follow of why it failed, and then these bytes or the pixels.

use std::io::{self, IsTerminal, Read, Write};
use std::iter::StepBy;
use std::ops::Range;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use shared::child::{self, End};
use shared::cli::{Hidden, Stop};
use shared::mandelbrot::View;
use shared::report::{Outcome, Task};
use shared::stopwatch::now_ms;

use crate::picture::{Painter, Row};

/// What starts this program as a worker.
pub const HIDDEN: Hidden = Hidden::new("rows", serve);

/// The bytes of a row before its reason and its pixels: four numbers.
const HEAD: usize = 16;

/// A reason is not longer than this, in bytes.
const MAX_WHY: usize = 1 << 16;

/// A worker that draws no row for so long is given up.
const SILENCE: Duration = Duration::from_secs(20);

/// How long a worker that sends no more may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// The worker's main. `words`: the height of the whole picture, the first row, from row to row,
/// and 1 if it is to hold a lock while it draws.
///
/// # Errors
/// It was not started by its parent, or the parent does not read any more.
pub fn serve(words: &[String]) -> Result<()> {
    let numbers: Vec<usize> = words
        .iter()
        .filter_map(|word| word.parse().ok())
        .filter(|&number| number <= 65_535)
        .collect();
    let (&[height, first, step, gil], false) = (&numbers[..], io::stdin().is_terminal()) else {
        let why = "this mode is for the program itself: it starts its workers like this";
        return Err(Stop::Usage(why.into()).into());
    };
    // The end of stdin means that the parent is gone, however it went: nobody wants the rows.
    Builder::new().name("stdin".into()).spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    })?;
    let painter = Painter {
        view: View::of_height(height),
        bar: ProgressBar::hidden(),
        // One of its own: processes share no memory, and so no lock in it.
        gil: (gil == 1).then(Default::default),
    };
    let mut stdout = io::stdout().lock();
    for y in (first..height).step_by(step.max(1)) {
        let Row { task, pixels } = painter.draw(y);
        let mut why = task.error.unwrap_or_default().into_bytes();
        why.truncate(MAX_WHY);
        let times = [task.start_ms, task.end_ms].map(|ms| (ms * 1000.0) as u32);
        let mut bytes = Vec::with_capacity(HEAD + why.len() + 2 * pixels.len());
        for number in [y as u32, times[0], times[1], why.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(why);
        bytes.extend(pixels.iter().flat_map(|pixel| pixel.to_le_bytes()));
        stdout.write_all(&bytes)?;
    }
    Ok(stdout.flush()?)
}

/// Reads one row of `width` pixels, drawn by the process `pid`, with its times by that one's clock.
fn read(pipe: &mut impl Read, width: usize, pid: u32) -> io::Result<Row> {
    let mut head = [0; HEAD];
    pipe.read_exact(&mut head)?;
    let number = |at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let mut why = Vec::new();
    let length = (number(12) as usize).min(MAX_WHY);
    pipe.by_ref().take(length as u64).read_to_end(&mut why)?;
    let mut bytes = vec![0; if why.is_empty() { 2 * width } else { 0 }];
    pipe.read_exact(&mut bytes)?;
    let pixels = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let task = Task {
        id: number(0) as usize,
        pid,
        thread: format!("process {pid}"),
        status: None,
        outcome: if why.is_empty() { Outcome::Done } else { Outcome::Failed },
        error: (!why.is_empty()).then(|| String::from_utf8_lossy(&why).into()),
        start_ms: f64::from(number(4)) / 1000.0,
        end_ms: f64::from(number(8)) / 1000.0,
    };
    Ok(Row { task, pixels: pixels.collect() })
}

/// The parent's end of a worker. Dropped, it kills and reaps the process.
pub struct Worker {
    child: Child,
    /// Each row, and when it came by our clock.
    rows: Receiver<(Row, f64)>,
    /// The rows that it was started to draw.
    mine: StepBy<Range<usize>>,
}

impl Worker {
    /// Starts this program again, to draw every `step`-th row from `first` on. A thread reads its
    /// rows, so that no worker has to wait until another has been read.
    ///
    /// # Errors
    /// The process or the thread cannot be started.
    pub fn start(painter: &Painter, first: usize, step: usize) -> Result<Worker> {
        let (height, gil) = (painter.view.height, usize::from(painter.gil.is_some()));
        let mut child = child::this_program(HIDDEN.name)?
            .args([height, first, step, gil].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a worker")?;
        let stdout = child.stdout.take();
        let (send, rows) = mpsc::channel();
        let worker = Worker { child, rows, mine: (first..height).step_by(step) };
        let mut stdout = stdout.context("the worker has no stdout")?;
        let (painter, pid) = (painter.clone(), worker.child.id());
        Builder::new().name(format!("reads {pid}")).spawn(move || {
            while let Ok(row) = read(&mut stdout, painter.view.width, pid) {
                painter.bar.inc(1);
                if send.send((row, now_ms())).is_err() {
                    break;
                }
            }
        })?;
        Ok(worker)
    }

    /// Waits for the worker's rows, and reaps it. Those that do not come have failed, with what
    /// became of the worker as the reason.
    pub fn finish(mut self) -> Vec<Row> {
        let mut gone = None;
        let (mut drawn, mut lost) = (Vec::<Row>::new(), Vec::new());
        // A row may lie in the pipe for a while: the one that lay shortest tells the clocks apart.
        let mut ahead_ms = f64::INFINITY;
        for y in self.mine.clone() {
            if gone.is_none() {
                match self.rows.recv_timeout(SILENCE) {
                    Ok((row, came_ms)) if row.task.id == y => {
                        ahead_ms = ahead_ms.min(came_ms - row.task.end_ms);
                        drawn.push(row);
                        continue;
                    }
                    _ => gone = Some(child::end_of(&mut self.child, GRACE)),
                }
            }
            let why = match &gone {
                Some(Ok(End::Signal(signal))) => {
                    format!("its worker was killed by signal {signal}")
                }
                Some(Ok(End::Exit(code))) => format!("its worker exited with code {code}"),
                _ => "its worker was silent, or sent something else".into(),
            };
            lost.push(Row { task: Task::failed(y, why), pixels: Vec::new() });
        }
        for row in &mut drawn {
            row.task.start_ms += ahead_ms;
            row.task.end_ms += ahead_ms;
        }
        drawn.extend(lost);
        drawn
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its last row has come, or it will not be waited for. Killing is refused if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
