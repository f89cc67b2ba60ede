//! A worker: this same program, started again as a filter that reads one JSON line per task on its
//! stdin and answers one JSON line per task on its stdout. [`serve`] is its end of the pipes,
//! [`Worker`] the parent's, which trusts nothing that comes out of them.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::activity::{AsyncActivity, Show, parse_url};
use shared::child::{self, End};
use shared::cli::{Hidden, Stop};
use shared::lab::Target;
use shared::report::{Outcome, Task};
use shared::stopwatch::{now_ms, peak_rss_kib};
use tokio::runtime::Builder;

/// What starts this program as a worker.
pub const HIDDEN: Hidden = Hidden::new("worker", serve);

/// An answer longer than this is no answer: 1 MiB.
const MAX_LINE: u64 = 1 << 20;

/// What an empty pipe surely takes at once, in bytes. pipe(7): a page, when there are many pipes.
const PIPE_TAKES: usize = 4096;

/// What a worker may take beyond the task's own timeout, to start and to answer.
const SLACK: Duration = Duration::from_secs(5);

/// How long a worker may take to end once its stdin has ended, and to get the thread that it needs.
const GRACE: Duration = Duration::from_secs(1);

/// The exit code of a program that could not start something, as everywhere here.
const COULD_NOT_START: i32 = 3;

#[derive(Serialize, Deserialize)]
pub struct Request {
    pub id: usize,
    pub url: String,
    pub timeout_ms: u64,
}

impl Request {
    pub fn new(id: usize, target: &Target) -> Request {
        Request { id, url: target.url.to_string(), timeout_ms: target.timeout.as_millis() as u64 }
    }
}

#[derive(Serialize, Deserialize)]
struct Answer {
    task: Task,
    peak_rss_kib: Option<u64>,
}

/// The worker's main: serves requests until its stdin ends.
///
/// # Errors
/// It was not started by its parent, or a request is not one.
pub fn serve(_: &[String]) -> Result<()> {
    refuse_terminal()?;
    let requests = read_requests()?;
    // The async twin, since the blocking one would start one more thread in every worker.
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let mut activity: Option<AsyncActivity> = None;
    for line in requests {
        let Request { id, url, timeout_ms } =
            serde_json::from_str(&line).context("a worker reads one JSON request per line")?;
        let activity = match &activity {
            Some(activity) => activity,
            None => {
                let url = parse_url(&url).map_err(Stop::Usage)?;
                let timeout = Duration::from_millis(timeout_ms);
                activity.insert(AsyncActivity::new(&url, timeout, Show::Nothing)?)
            }
        };
        // A task that panics is one task lost; the worker lives on.
        let task = Task::catch_panic(id, || event_loop.block_on(activity.get(id)));
        let answer = Answer { task, peak_rss_kib: peak_rss_kib() };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        io::stdout().write_all(&line)?;
        io::stdout().flush()?;
    }
    Ok(())
}

/// Reads the requests on a thread of its own. The end of stdin ends the worker even in mid-task: a
/// parent that is gone, however it went, reads no answer. A thread that watches is all that takes.
///
/// # Errors
/// The system allows no more threads, not even once other workers have ended.
fn read_requests() -> Result<Receiver<String>> {
    let give_up = Instant::now() + GRACE;
    loop {
        let (send, requests) = mpsc::channel();
        let watch = move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
            std::process::exit(0);
        };
        match thread::Builder::new().name("stdin".into()).spawn(watch) {
            Ok(_) => return Ok(requests),
            Err(error) if Instant::now() >= give_up => {
                return Err(error).context("cannot start a thread");
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// What the hidden modes say to somebody who types their name.
///
/// # Errors
/// [`Stop::Usage`] if stdin is a terminal.
pub fn refuse_terminal() -> Result<()> {
    if io::stdin().is_terminal() {
        let why = "this mode is for the program itself: it starts its workers like this and writes tasks to them";
        return Err(Stop::Usage(why.into()).into());
    }
    Ok(())
}

/// To be held while a worker is started: on macOS its pipes leak into a process that another thread
/// starts at the same moment, and do not end then.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parent's end of a worker. Dropped, it kills and reaps the process, which [`Child`] does not.
pub struct Worker {
    name: String,
    child: Child,
    /// `None` once the worker has been told to end.
    requests: Option<Arc<ChildStdin>>,
    answers: Receiver<Line>,
    show: Show,
    asked: Option<Asked>,
    /// After one wrong answer there is no telling which task the next would belong to.
    trusted: bool,
    answered: bool,
    could_not_start: bool,
    /// The most memory the worker has reported, in KiB.
    pub peak_rss_kib: u64,
}

/// What a worker was asked last, when by our clock, and until when its answer is waited for.
struct Asked {
    id: usize,
    at_ms: f64,
    allowed: Duration,
    deadline: Instant,
}

/// A line that came out of a worker's stdout, if it is an answer, and when it came.
struct Line {
    answer: Result<Answer, String>,
    at_ms: f64,
}

impl Worker {
    /// Takes over a process that was started as [`HIDDEN`] with both pipes. Each task's line is shown
    /// as soon as its answer comes.
    ///
    /// # Errors
    /// A pipe is missing, or no thread can be started to read it.
    pub fn new(name: String, mut child: Child, show: Show) -> Result<Worker> {
        let requests = child.stdin.take().map(Arc::new);
        let stdout = child.stdout.take().context("the worker has no stdout")?;
        // A bounded channel: a worker that floods us is kept waiting, and our memory is not filled.
        let (send, answers) = mpsc::sync_channel(1);
        let (asked, trusted, peak_rss_kib) = (None, true, 0);
        let (answered, could_not_start) = (false, false);
        let worker = Worker {
            name,
            child,
            requests,
            answers,
            show,
            asked,
            trusted,
            answered,
            could_not_start,
            peak_rss_kib,
        };
        let (name, pid) = (worker.name.clone(), worker.child.id());
        // Reading may take for ever, and std knows no deadline for it: hence a thread.
        thread::Builder::new()
            .name(format!("reads {pid}"))
            .spawn(move || {
                let mut stdout = BufReader::new(stdout);
                while let Some(mut answer) = read(&mut stdout) {
                    let at_ms = now_ms();
                    if let Ok(Answer { task, .. }) = &mut answer {
                        // Who it is we know better than it does.
                        (task.pid, task.thread) = (pid, name.clone());
                        show.line(task);
                    }
                    if send.send(Line { answer, at_ms }).is_err() {
                        break;
                    }
                }
            })
            .context("cannot start a thread for a worker")?;
        Ok(worker)
    }

    /// Hands the worker a task. That it is gone is seen by [`Worker::answer`].
    pub fn ask(&mut self, request: Request) {
        let line = serde_json::to_string(&request).unwrap_or_default() + "\n";
        let length = line.len();
        let allowed = Duration::from_millis(request.timeout_ms) + SLACK;
        self.asked = Some(Asked {
            id: request.id,
            at_ms: now_ms(),
            allowed,
            deadline: Instant::now() + allowed,
        });
        let Some(requests) = self.requests.clone() else {
            return;
        };
        let write = move || requests.as_ref().write_all(line.as_bytes());
        if length <= PIPE_TAKES {
            let _ = write();
        } else if thread::Builder::new().spawn(write).is_err() {
            // A worker that does not read would keep us waiting for ever: hence a thread, and if
            // there is none to be had, the end of this worker.
            self.close();
        }
    }

    /// Waits for the answer to what was asked last. The task has an outcome then, whatever became
    /// of the worker: if it died, was silent for too long or answered anything else, it is lost.
    pub fn answer(&mut self) -> Task {
        let Some(asked) = self.asked.take() else {
            return Task::failed(0, "nothing was asked");
        };
        let (outcome, why) = match self.receive(&asked) {
            Ok(task) => return task,
            Err(lost) => lost,
        };
        self.trusted = false;
        // It may hang, or have more to say; nobody waits for that.
        let _ = self.child.kill();
        let task = Task {
            pid: self.child.id(),
            thread: self.name.clone(),
            outcome,
            start_ms: asked.at_ms,
            ..Task::failed(asked.id, why)
        };
        self.show.line(&task);
        task
    }

    fn receive(&mut self, asked: &Asked) -> Result<Task, (Outcome, String)> {
        let left = || asked.deadline.saturating_duration_since(Instant::now());
        match self.answers.recv_timeout(left()) {
            Ok(line) => {
                let task = line.answer.and_then(|answer| self.check(answer, line.at_ms, asked));
                task.map_err(|why| (Outcome::Failed, why))
            }
            Err(RecvTimeoutError::Timeout) => Err((
                Outcome::TimedOut,
                format!("its worker was silent for {:?}, the timeout and 5 s more", asked.allowed),
            )),
            // The end of the stream, perhaps in the middle of a line.
            Err(RecvTimeoutError::Disconnected) => {
                Err(match child::end_of(&mut self.child, left()) {
                    Ok(End::Exit(code)) => {
                        self.could_not_start = code == COULD_NOT_START && !self.answered;
                        (
                            Outcome::Failed,
                            format!("its worker exited with code {code} and no answer"),
                        )
                    }
                    Ok(End::Signal(signal)) => {
                        (Outcome::Failed, format!("its worker was killed by signal {signal}"))
                    }
                    Ok(End::TimedOut) => {
                        (Outcome::TimedOut, "its worker closed its output and lived on".into())
                    }
                    Err(error) => (Outcome::Failed, format!("its worker is gone: {error}")),
                })
            }
        }
    }

    /// Makes sure that it is the answer to what was asked, and lays its span on our own clock: it ended
    /// when the line came, and took as long as the worker says.
    fn check(&mut self, answer: Answer, at_ms: f64, asked: &Asked) -> Result<Task, String> {
        let Answer { task, peak_rss_kib } = answer;
        if task.id != asked.id {
            return Err(format!("its worker answered for task {}", task.id));
        }
        if at_ms < asked.at_ms {
            return Err("its worker answered before it was asked".into());
        }
        self.answered = true;
        self.peak_rss_kib = self.peak_rss_kib.max(peak_rss_kib.unwrap_or(0));
        let start_ms = (at_ms - (task.end_ms - task.start_ms)).clamp(asked.at_ms, at_ms);
        Ok(Task { start_ms, end_ms: at_ms, ..task })
    }

    /// Its number as a process.
    #[cfg(test)]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether its last task was lost with it: what [`Worker::answer`] returned is not its answer.
    pub fn is_lost(&self) -> bool {
        !self.trusted
    }

    /// Whether it ended before it could do anything, for lack of a thread, say: its task is untouched.
    pub fn could_not_start(&self) -> bool {
        self.could_not_start
    }

    /// Whether the worker may be given another task: it lives, and has said nothing unasked.
    pub fn is_usable(&self) -> bool {
        self.trusted && matches!(self.answers.try_recv(), Err(TryRecvError::Empty))
    }

    /// Kills the worker in the middle of whatever it does.
    pub fn kill(&mut self) {
        // It is no more than refused when it has ended already.
        let _ = self.child.kill();
    }

    /// Ends the worker's stdin, and with it the worker.
    pub fn close(&mut self) {
        self.requests = None;
    }

    /// Waits until the worker has ended, and reaps it. One that does not end is killed.
    ///
    /// # Errors
    /// The operating system does not say how it ended.
    pub fn wait(&mut self) -> Result<End> {
        self.close();
        Ok(child::end_of(&mut self.child, GRACE)?)
    }
}

/// Reads one line, and what it says. `None` at the end of the stream: text without its newline is
/// no answer, but the end of one that did not come.
fn read(stdout: &mut impl BufRead) -> Option<Result<Answer, String>> {
    let mut line = Vec::new();
    stdout.take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
    match line.last()? {
        b'\n' => Some(
            serde_json::from_slice(&line)
                .map_err(|error| format!("its worker answered something else: {error}")),
        ),
        _ if line.len() as u64 == MAX_LINE => {
            Some(Err("its worker's answer is longer than 1 MiB".into()))
        }
        _ => None,
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both are no more than refused when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod fuzz;
