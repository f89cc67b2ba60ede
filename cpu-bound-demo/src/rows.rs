//! Worker processes: this program, started again, draws rows and writes each to its stdout: the task
//! as a JSON line, then the pixels as bytes (as JSON they would take a fifth of the time).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use shared::os::child::{self, COULD_NOT_START, ChildExit, ChildMode};
use shared::os::clock::now_ms;
use shared::os::usage::{self, WorkerUsage};
use shared::report::Outcome;
use shared::{ExitError, Task};

use crate::gallery::{Painter, Row};
use crate::mandelbrot::View;

/// Draws every `step`-th row. Arguments: the height of the picture, the first row, the step.
pub const MODE: ChildMode =
    ChildMode::new("rows", |args| write_rows(args, |painter, y| painter.draw(y)));

/// The parent reads no longer line. Only the message of a panic could be as long.
const MAX_LINE: u64 = 1 << 16;

/// A worker that sends no row for this long has hung.
const SILENCE: Duration = Duration::from_secs(20);

/// How long a worker may take to end after its last row.
const GRACE: Duration = Duration::from_secs(1);

/// The worker's main: draws its share in order, then tells its memory and CPU time.
///
/// # Errors
/// [`ExitError::Usage`] for other arguments than those of [`MODE`]; or the parent is gone.
pub fn write_rows(args: &[String], draw: impl Fn(&Painter, usize) -> Row) -> Result<()> {
    let numbers = args.iter().filter_map(|arg| arg.parse::<u16>().ok()).map(usize::from);
    let numbers: Vec<usize> = numbers.collect();
    let &[height, first, step @ (1..)] = &numbers[..] else {
        return Err(ExitError::Usage("internal mode, used by the demo".into()).into());
    };
    let painter = Painter::new(View::of_height(height), height);
    let mut stdout = io::stdout().lock();
    for y in painter.rows().skip(first).step_by(step) {
        let Row { task, pixels } = draw(&painter, y);
        let mut bytes = serde_json::to_vec(&task)?;
        bytes.push(b'\n');
        bytes.extend(pixels.into_iter().flat_map(u16::to_le_bytes));
        stdout.write_all(&bytes)?;
        stdout.flush()?; // Otherwise the pixels would wait for the next line.
    }
    Ok(writeln!(stdout, "{}", serde_json::to_string(&WorkerUsage::now())?)?)
}

/// The parent's end of a worker. Dropped, it kills and reaps the process.
pub struct Worker {
    child: Child,
    share: Vec<usize>,
    /// Each row, and when it arrived by our clock.
    drawn: Receiver<(Row, f64)>,
}

impl Worker {
    /// Starts a worker that draws the rows `share`. A thread reads them, because a worker whose pipe
    /// is full would wait.
    ///
    /// # Errors
    /// The OS refuses the process or the thread.
    pub fn spawn(
        mut command: Command,
        painter: &Painter,
        share: impl Iterator<Item = usize>,
    ) -> Result<Worker> {
        let (send, drawn) = mpsc::channel();
        let child = child::spawn(&mut command).context("cannot start a worker")?;
        let mut worker = Worker { child, share: share.collect(), drawn };
        let stdout = worker.child.stdout.take().context("the worker's stdout is no pipe")?;
        let (painter, share) = (painter.clone(), worker.share.clone());
        let read = move || read_rows(stdout, &painter, &share, &send);
        Builder::new().spawn(read).context("cannot start a thread")?;
        Ok(worker)
    }

    /// Waits for the rows of all `workers`.
    ///
    /// # Errors
    /// Like [`Worker::rows`].
    pub fn all_rows(workers: Vec<Worker>) -> Result<Vec<Row>> {
        let rows: Result<Vec<_>> = workers.into_iter().map(Worker::rows).collect();
        Ok(rows?.into_iter().flatten().collect())
    }

    /// Waits for the worker's rows. Rows that do not arrive have failed, and their error says how the
    /// worker ended.
    ///
    /// # Errors
    /// The worker could not start.
    pub fn rows(mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        // The worker's clock started later than ours. A row may wait in the pipe, so the one that
        // waited least tells the difference best.
        let mut behind_ms = f64::INFINITY;
        while let Ok((row, arrived_ms)) = self.drawn.recv_timeout(SILENCE) {
            behind_ms = behind_ms.min(arrived_ms - row.task.end_ms);
            rows.push(row);
        }
        let pid = self.child.id();
        for Row { task, .. } in &mut rows {
            (task.pid, task.thread) = (pid, format!("process {pid}"));
            task.start_ms += behind_ms;
            task.end_ms += behind_ms;
        }
        if rows.len() < self.share.len() {
            let why = match child::wait(&mut self.child, GRACE) {
                Ok(ChildExit::Code(COULD_NOT_START)) if rows.is_empty() => {
                    bail!("a worker could not start")
                }
                Ok(end @ (ChildExit::Code(_) | ChildExit::Signal(_))) => {
                    format!("its worker {end}")
                }
                _ => "its worker hung or wrote something else".into(),
            };
            let failed = |&y| Row { task: Task::failed(y, &why), pixels: Vec::new() };
            rows.extend(self.share[rows.len()..].iter().map(failed));
        }
        Ok(rows)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its rows have arrived, or are no longer waited for. Killing fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what a worker writes until something else comes.
fn read_rows(
    stdout: ChildStdout,
    painter: &Painter,
    share: &[usize],
    drawn: &Sender<(Row, f64)>,
) -> Result<()> {
    let mut stdout = BufReader::new(stdout);
    for &y in share {
        let task: Task = read_line(&mut stdout)?;
        ensure!(task.id == y, "row {} in place of {y}", task.id);
        // A row whose drawing panicked has no pixels.
        let width = if task.outcome == Outcome::Done { painter.view.width } else { 0 };
        let mut bytes = vec![0; 2 * width];
        stdout.read_exact(&mut bytes)?;
        let pixels = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        drawn.send((Row { task, pixels: pixels.collect() }, now_ms()))?;
        painter.bar.inc(1);
    }
    usage::add_worker(read_line(&mut stdout)?);
    Ok(())
}

fn read_line<T: DeserializeOwned>(pipe: &mut impl BufRead) -> Result<T> {
    let mut line = Vec::new();
    pipe.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Stdio;

    use super::*;

    /// The errors of rows 0 and 1, each one pixel wide, that a shell draws by this script.
    fn errors(script: &str) -> [Option<String>; 2] {
        let row = serde_json::to_string(&Task::done(0, 0.0)).unwrap();
        let panicked = serde_json::to_string(&Task::failed(0, "panicked: so")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("ROW", row).env("PANICKED", panicked);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let painter = Painter::new(View { width: 1, height: 2 }, 2);
        let rows = Worker::spawn(command, &painter, 0..2).unwrap().rows().unwrap();
        let errors: Vec<_> = rows.into_iter().map(|row| row.task.error).collect();
        errors.try_into().unwrap()
    }

    #[test]
    fn broken_worker_fails_its_missing_rows() {
        let (exited, hung) =
            ("its worker exited with code 0", "its worker hung or wrote something else");
        for (script, first, second) in [
            (r#"echo "$ROW"; printf ab; kill -9 $$"#, None, "its worker was killed by signal 9"),
            (r#"echo "$ROW"; printf ab; exit 7"#, None, "its worker exited with code 7"),
            (r#"echo "$ROW"; printf ab; echo "$ROW""#, None, exited),
            (r#"echo "$ROW"; printf a"#, Some(exited), exited),
            (r#"echo "$PANICKED""#, Some("panicked: so"), exited),
            ("echo nonsense; exec sleep 60", Some(hung), hung),
        ] {
            assert_eq!(
                errors(script),
                [first, Some(second)].map(|error| error.map(String::from)),
                "{script}"
            );
        }
    }
}
