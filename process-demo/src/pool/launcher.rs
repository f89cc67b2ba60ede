//! Workers that another program starts, on another machine perhaps: ssh, srun, kubectl, docker. Pipes
//! are all that a pool needs, and such programs pass them on. See docs/hosts.md.

use std::io;
use std::process::Command;
use std::thread::{Builder, ScopedJoinHandle, scope};
use std::time::Instant;

use anyhow::{Context, Error, Result, anyhow, bail};
use shared::demo::LessonOption;
use shared::http::Target;
use shared::os::child::DEADLINE;
use shared::report::lanes::{Lane, lanes};
use shared::report::{Figure, Outcome, Run, Scale};
use shared::{ExitError, Lab, Task};

use crate::pool::worker::{Request, Worker};

pub const WORKER_COMMAND: LessonOption = LessonOption {
    name: "worker-command",
    value: "CMD",
    help: "Start each worker by this command, such as 'ssh -o ConnectTimeout=5 host{k} process-demo \
           worker': {k} is its number, from 1 to --workers",
    check: |text| split(text).map(|_| ()),
    writes: false,
};

/// More workers than these have no bar of their own in a figure.
const BARS: usize = 16;

/// What starts the workers: this program, or a command.
#[derive(Default)]
pub struct Launcher {
    /// The command's words. None: this program.
    pub words: Vec<String>,
    /// Whether the user gave them.
    is_given: bool,
    /// How many workers a pool has.
    size: usize,
}

impl Launcher {
    /// The command of `--worker-command`, or this program.
    pub fn given(lab: &Lab) -> Launcher {
        let words = lab.options.get(WORKER_COMMAND.name).and_then(|text| split(text).ok());
        let is_given = words.is_some();
        Launcher { words: words.unwrap_or_default(), is_given, size: lab.workers }
    }

    /// The command for a worker. Numbers over `--workers` begin with 1 again.
    pub fn command(&self, number: usize) -> Option<Command> {
        let number = (number.saturating_sub(1) % self.size.max(1) + 1).to_string();
        let mut words = self.words.iter().map(|word| word.replace("{k}", &number));
        let mut command = Command::new(words.next()?);
        command.args(words);
        // Otherwise, ssh would ask for a password on the terminal, and wait. Now it fails.
        command.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "false");
        Some(command)
    }

    /// An error of this launcher's workers. If the user gave the command, it decides the exit code: the
    /// lesson has nothing else to show.
    pub fn failure(&self, error: Error) -> Error {
        match self.is_given && !error.is::<ExitError>() {
            true => ExitError::Start(format!("{error:#}")).into(),
            false => error,
        }
    }

    /// Lets `start` start each worker once, before any task. If the server is part of this program, each
    /// makes a request. Returns how long the workers took to start. Nothing, if they are this program.
    ///
    /// # Errors
    /// [`Launcher::failure`]: no worker starts; or [`ExitError::Usage`]: one cannot reach the embedded
    /// server.
    pub fn try_out(
        &self,
        lab: &Lab,
        start: impl Fn(&Launcher, &str, usize) -> Result<Worker> + Sync,
    ) -> Result<Option<Figure>> {
        if self.words.is_empty() {
            return Ok(None);
        }
        let ping = if lab.target()?.embedded { Some(lab.target_at("/delay/0")?) } else { None };
        let try_one =
            |place| try_one(start(self, &format!("Worker-{place}"), place)?, ping.as_ref());
        let tried: Vec<Result<_>> = scope(|scope| {
            let try_one = &try_one;
            let spawn = |place| Builder::new().spawn_scoped(scope, move || try_one(place));
            let threads: Vec<_> = (1..=self.size).map(spawn).collect();
            let join = |thread: io::Result<ScopedJoinHandle<_>>| {
                let thread = thread.context("cannot start a thread")?;
                thread.join().unwrap_or_else(|_| Err(anyhow!("the thread panicked")))
            };
            threads.into_iter().map(join).collect()
        });
        let mut figure = Figure::new("Starting a worker", "ms", Scale::Linear);
        let mut lost = None;
        for tried in tried {
            match tried {
                Ok((name, ms)) if figure.points.len() < BARS => {
                    figure = figure.point(name, ms, None)
                }
                Ok(_) => {}
                Err(error) if error.is::<ExitError>() => return Err(error),
                Err(error) => lost = Some(error),
            }
        }
        match lost {
            Some(error) if figure.points.is_empty() => Err(self.failure(error)),
            _ => Ok(Some(figure)),
        }
    }

    /// What it costs that the workers run elsewhere: how long they took to start, and `pool`'s
    /// [`median_gap`], if a worker had more than one task.
    pub fn figures(&self, starts: Option<Figure>, pool: &Run) -> Vec<Figure> {
        let Some(starts) = starts else { return Vec::new() };
        let figure = Figure::new("Round trip of a task", "ms", Scale::Linear);
        let lanes = lanes(pool);
        let lanes = lanes.iter().filter(|lane| lane.tasks.len() > 1).take(BARS);
        let figure = lanes.fold(figure, |figure, lane| {
            figure.point(lane.thread, median_gap(std::slice::from_ref(lane)), None)
        });
        [starts, figure].into_iter().filter(|figure| !figure.points.is_empty()).collect()
    }
}

/// The worker's name, and how many milliseconds it took to start.
fn try_one(mut worker: Worker, ping: Option<&Target>) -> Result<(String, Option<f64>)> {
    let why = |task: Task| task.error.unwrap_or_default();
    worker.greet(Instant::now() + DEADLINE, || true).map_err(|lost| anyhow!(why(lost)))?;
    let started = (worker.name().to_string(), worker.start_took_ms());
    if let Some(target) = ping {
        worker.ask(&Request::new(0, target));
        let task = worker.answer();
        if task.outcome != Outcome::Done && !worker.is_lost() {
            bail!(ExitError::Usage(format!(
                "{} cannot reach the embedded server ({}): give --url with an address that it can reach, \
                 such as that of cargo run -p shared -- --port 8080 --host 0.0.0.0",
                started.0,
                why(task)
            )));
        }
    }
    worker.close()?; // Places may be few, as under srun: now another worker may have this one's.
    Ok(started)
}

/// What a task of a pool costs besides its own time, in milliseconds: the median of the times from a
/// task's end to the start of its worker's next one.
pub fn median_gap(lanes: &[Lane]) -> Option<f64> {
    let pairs = lanes.iter().flat_map(|lane| lane.tasks.windows(2));
    let mut gaps: Vec<f64> = pairs.map(|pair| pair[1].start_ms - pair[0].end_ms).collect();
    gaps.sort_by(f64::total_cmp);
    gaps.get(gaps.len() / 2).copied()
}

/// Splits a command line as a shell does, without expanding anything.
fn split(text: &str) -> Result<Vec<String>, String> {
    match shlex::split(text) {
        None => Err("a quotation mark or a backslash has no end".into()),
        Some(words) if words.is_empty() => Err("expected a command".into()),
        Some(words) => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use shared::report::sample;

    use super::*;

    #[test]
    fn command_is_split_then_numbered() {
        let words = split(r#"ssh -o 'A B' host{k} "it's" {k}"#).unwrap();
        let launcher = Launcher { words, is_given: true, size: 2 };
        // The numbers begin again, as a process for each task needs.
        for (number, host) in [(1, "host1"), (2, "host2"), (3, "host1")] {
            let command = launcher.command(number).unwrap();
            let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
            assert_eq!(command.get_program(), "ssh");
            assert_eq!(args, ["-o", "A B", host, "it's", &host[4..]]);
        }
        assert!(Launcher::default().command(1).is_none());
        assert!(split("ssh 'host").is_err() && split("").is_err());
    }

    #[test]
    fn figure_without_points_is_left_out() {
        let starts = || Some(Figure::new("Starting", "ms", Scale::Linear).point("a", None, None));
        let figures = |spans| Launcher::default().figures(starts(), &sample::on_threads(spans));
        assert_eq!(figures(&[("a", 0.0, 1.0), ("b", 0.0, 1.0)]).len(), 1);
        assert_eq!(figures(&[("a", 0.0, 1.0), ("a", 2.0, 3.0)]).len(), 2);
    }

    #[test]
    fn gaps_are_between_tasks_of_a_worker() {
        let spans = [("a", 0.0, 10.0), ("b", 0.0, 5.0), ("a", 11.0, 20.0), ("a", 24.0, 30.0)];
        let run = sample::on_threads(&spans);
        assert_eq!(median_gap(&lanes(&run)), Some(4.0));
        assert_eq!(median_gap(&lanes(&sample::on_threads(&spans[..2]))), None);
    }
}
