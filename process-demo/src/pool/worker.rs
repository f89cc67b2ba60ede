//! A worker: this program, started again as a filter that greets with a JSON line on stdout, then reads
//! one per task on stdin and answers with one. [`serve`] is the worker's side of the pipes; [`Worker`]
//! is the parent's, which trusts nothing that it reads from them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::http::permit::Permit;
use shared::http::target::parse_url;
use shared::http::{Client, Target};
use shared::os::child::{self, COULD_NOT_START, ChildExit, ChildMode, Stderr};
use shared::os::usage::{self, WorkerUsage};
use shared::os::{clock::now_ms, fd_limit, host::host_name};
use shared::progress::{self, Show};
use shared::report::Outcome;
use shared::{ExitError, Task};

pub const MODE: ChildMode = ChildMode::new("worker", serve).reads_stdin();

/// An answer must be shorter: 1 MiB.
const MAX_LINE: u64 = 1 << 20;

/// So many characters of another program's line become part of the error.
const MAX_QUOTE: usize = 120;

/// So much of a host's name is shown. hostname(7): a label has at most 63 characters.
const MAX_HOST: usize = 63;

/// A pipe that is empty takes so many bytes at once. pipe(7): a page, if a user has many pipes.
const PIPE_TAKES: usize = 4096;

/// How much longer than the task's timeout a worker may take, to start and to answer.
const SLACK: Duration = Duration::from_secs(5);

/// How long a worker may take to end after its stdin, and to get the thread that it needs.
const GRACE: Duration = Duration::from_secs(1);

/// How often a pool looks whether it still needs a worker that has not greeted yet.
const POLL: Duration = Duration::from_millis(20);

/// A worker's descriptors in this process: a pipe each way, and the server's end of its connection. A
/// launcher's stderr is one more.
const DESCRIPTORS: u32 = 3;

/// The program that a worker must be: a message of another version may mean something else.
pub const PROGRAM: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// A worker's first line.
#[derive(Serialize, Deserialize)]
struct Greeting {
    worker: String,
    host: String,
    pid: u32,
}

impl Greeting {
    /// Where the worker `name` runs, which was started as our child `pid`.
    ///
    /// # Errors
    /// It is another program.
    fn place(self, name: &str, pid: u32, at_ms: f64) -> Result<Place, String> {
        let Greeting { worker, host, pid: its_pid } = self;
        if worker != PROGRAM {
            let worker = quote(&worker);
            return Err(format!("worker is {worker}, and this is {PROGRAM}: use the same there"));
        }
        let is_here = host == host_name();
        let is_child = is_here && its_pid == pid;
        let host: String = host.chars().take(MAX_HOST).collect();
        let label = if is_child { name.into() } else { format!("{name} {host} pid {its_pid}") };
        Ok(Place { label, is_here, at_ms })
    }
}

/// Where a worker that has greeted runs.
#[derive(Clone)]
struct Place {
    /// Its name, with its host and pid unless it is our own child.
    label: String,
    /// Whether it runs on this machine.
    is_here: bool,
    /// When the greeting came.
    at_ms: f64,
}

/// As much of other programs' text as becomes part of an error.
fn quote(text: &str) -> String {
    text.trim().chars().take(MAX_QUOTE).collect()
}

/// Says that this process is a worker, and where it runs.
pub fn greet() -> Result<()> {
    let (worker, pid) = (PROGRAM.into(), std::process::id());
    child::write_line(serde_json::to_string(&Greeting { worker, host: host_name(), pid })?);
    Ok(())
}

#[derive(Serialize, Deserialize)]
pub struct Request {
    pub id: usize,
    pub url: String,
    pub timeout_ms: u64,
    /// Whether the parent prints the task's line.
    #[serde(skip, default = "nothing")]
    pub show: Show,
}

impl Request {
    pub fn new(id: usize, target: &Target) -> Request {
        let timeout_ms = target.timeout.as_millis() as u64;
        Request { id, url: target.url.to_string(), timeout_ms, show: target.show }
    }

    fn target(&self) -> Result<Target> {
        let url = parse_url(&self.url).map_err(ExitError::Usage)?;
        Ok(Target { url, timeout: self.timeout(), show: self.show, embedded: false })
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

fn nothing() -> Show {
    Show::Nothing
}

#[derive(Serialize, Deserialize)]
struct Answer {
    task: Task,
    #[serde(flatten)]
    usage: WorkerUsage,
}

/// The worker's main: serves requests until its stdin ends.
fn serve(_: &[String]) -> Result<()> {
    let (requests, mut client) = (read_requests()?, None);
    greet()?;
    for line in requests {
        let request: Request =
            serde_json::from_str(&line).context("a worker reads one JSON request per line")?;
        let client = match &client {
            Some(client) => client,
            None => client.insert(Client::new(&request.target()?)?),
        };
        let task = Task::catch_panic(request.id, || client.get(request.id));
        if task.refused {
            bail!(task.error.unwrap_or_default());
        }
        let answer = Answer { task, usage: WorkerUsage::now() };
        child::write_line(serde_json::to_string(&answer)?);
    }
    Ok(())
}

/// Reads the requests on a thread, and exits at the end of stdin, even in the middle of a task: a
/// parent that is gone reads no answer.
///
/// # Errors
/// The OS refuses the thread, even after other workers have ended.
fn read_requests() -> Result<Receiver<String>> {
    let give_up = Instant::now() + GRACE;
    loop {
        let (send, requests) = mpsc::channel();
        let read = move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
            std::process::exit(0);
        };
        match Builder::new().name("stdin".into()).spawn(read) {
            Ok(_) => return Ok(requests),
            Err(error) if Instant::now() >= give_up => {
                return Err(error).context("cannot start a thread");
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// The parent's side of a worker. Dropping it ends and reaps the process, unlike dropping a [`Child`].
pub struct Worker {
    /// Once the worker has greeted, with its host and pid if a launcher started it.
    name: String,
    child: Child,
    /// `None` once the worker has been told to end.
    stdin: Option<Arc<ChildStdin>>,
    /// When a worker that was told to end is killed.
    end_by: Option<Instant>,
    /// Of a launcher.
    stderr: Option<Stderr>,
    started_ms: f64,
    /// When the greeting came.
    greeted_ms: Option<f64>,
    greetings: Receiver<Result<Place, String>>,
    answers: Receiver<Line>,
    /// Set by the first request.
    show: Arc<OnceLock<Show>>,
    asked: Option<Asked>,
    has_answered: bool,
    /// A worker that broke the rules once is never asked again.
    is_lost: bool,
    /// What the worker told last. On another host, it takes nothing of this machine.
    usage: WorkerUsage,
    _permit: Permit,
}

/// The request that a worker is working on.
struct Asked {
    id: usize,
    at_ms: f64,
    /// How long the worker may take.
    allowed: Duration,
    deadline: Instant,
}

/// A line from a worker's stdout, and when it came.
struct Line<T = Answer> {
    message: Result<T, String>,
    at_ms: f64,
}

impl Worker {
    /// Starts a worker: this program.
    ///
    /// # Errors
    /// The OS refuses a process, a thread or file descriptors.
    pub fn spawn(name: &str, command: Command) -> Result<Worker> {
        Worker::start(name, command, DESCRIPTORS)
    }

    /// Starts a worker by another program, whose stderr says why it fails.
    ///
    /// # Errors
    /// The same.
    pub fn launch(name: &str, mut command: Command) -> Result<Worker> {
        command.stderr(Stdio::piped());
        Worker::start(name, command, DESCRIPTORS + 1)
    }

    fn start(name: &str, mut command: Command, descriptors: u32) -> Result<Worker> {
        let Some(permit) = Permit::try_acquire(descriptors) else {
            progress::reduce_concurrency(&fd_limit::limited());
            bail!(fd_limit::limited());
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started_ms = now_ms();
        let mut child = child::spawn(&mut command).with_context(|| {
            format!("cannot start a worker by {}", command.get_program().display())
        })?;
        let stdin = child.stdin.take().map(Arc::new);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // Bounded, so that a worker cannot fill our memory.
        let (greeted, greetings) = mpsc::sync_channel(1);
        let (send, answers) = mpsc::sync_channel(1);
        let mut worker = Worker {
            name: name.into(),
            child,
            stdin,
            end_by: None,
            stderr: None,
            started_ms,
            greeted_ms: None,
            greetings,
            answers,
            show: Arc::default(),
            asked: None,
            has_answered: false,
            is_lost: false,
            usage: WorkerUsage::default(),
            _permit: permit,
        };
        worker.stderr = stderr.map(Stderr::read).transpose().context("cannot start a thread")?;
        let mut stdout = BufReader::new(stdout.context("the worker has no stdout")?);
        let (name, pid, show) = (worker.name.clone(), worker.pid(), worker.show.clone());
        let read = move || {
            let Some(first) = lines::<Greeting>(&mut stdout, "a greeting").next() else { return };
            let greeting = first.message;
            let place = greeting.and_then(|greeting| greeting.place(&name, pid, first.at_ms));
            let _ = greeted.send(place.clone());
            let Ok(Place { label, is_here, .. }) = place else { return };
            for Line { mut message, at_ms } in lines::<Answer>(&mut stdout, "an answer") {
                if let Ok(Answer { task, usage }) = &mut message {
                    // We know the worker's pid and name; its own words are not trusted.
                    (task.pid, task.thread) = (pid, label.clone());
                    if !is_here {
                        *usage = WorkerUsage::default();
                    }
                    show.get().inspect(|show| show.line(task));
                }
                if send.send(Line { message, at_ms }).is_err() {
                    break;
                }
            }
        };
        // std reads a pipe without a deadline, hence a thread.
        Builder::new()
            .name(format!("reader {pid}"))
            .spawn(read)
            .context("cannot start a thread")?;
        // The worker needs a thread as well. If the OS has none left, it could not even start.
        let room = Builder::new().spawn(|| ()).context("cannot start a thread")?;
        let _ = room.join();
        Ok(worker)
    }

    /// Sends the worker a task. If it is gone, [`Worker::answer`] says so.
    pub fn ask(&mut self, request: &Request) {
        let allowed = request.timeout() + SLACK;
        let deadline = Instant::now() + allowed;
        self.asked = Some(Asked { id: request.id, at_ms: now_ms(), allowed, deadline });
        self.show.get_or_init(|| request.show);
        let Some(stdin) = self.stdin.clone() else { return };
        let line = serde_json::to_string(request).unwrap_or_default() + "\n";
        let is_short = line.len() <= PIPE_TAKES;
        let write = move || stdin.as_ref().write_all(line.as_bytes());
        if is_short {
            let _ = write();
        } else if Builder::new().spawn(write).is_err() {
            // A worker that does not read would block us for ever.
            self.close_stdin();
        }
    }

    /// Waits for the answer. A worker that dies, answers anything else or is silent for too long is
    /// lost, and the task has failed; but one that could not start has not begun the task.
    pub fn answer(&mut self) -> Task {
        let Some(asked) = self.asked.take() else {
            return Task::failed(0, "the worker was not asked");
        };
        let lost = match self.receive(&asked) {
            Ok(task) => return task,
            Err(lost) => lost,
        };
        self.lose(); // It may hang, or write more.
        let (pid, thread) = (self.pid(), self.name.clone());
        let task = Task { id: asked.id, pid, thread, start_ms: asked.at_ms, ..lost };
        if !task.refused {
            self.show.get().inspect(|show| show.line(&task));
        }
        task
    }

    /// Waits until the worker has greeted, at most until `deadline` and while `is_needed`. Otherwise, the
    /// worker is lost.
    ///
    /// # Errors
    /// A task that would have been lost with the worker.
    pub fn greet(&mut self, deadline: Instant, is_needed: impl Fn() -> bool) -> Result<(), Task> {
        self.await_greeting(deadline, is_needed).inspect_err(|_| self.lose())
    }

    fn await_greeting(
        &mut self,
        deadline: Instant,
        is_needed: impl Fn() -> bool,
    ) -> Result<(), Task> {
        while self.greeted_ms.is_none() && is_needed() {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.greetings.recv_timeout(left.min(POLL)) {
                Ok(Ok(place)) => (self.name, self.greeted_ms) = (place.label, Some(place.at_ms)),
                Ok(Err(why)) => return Err(Task::failed(0, why)),
                Err(RecvTimeoutError::Timeout) if left > POLL => {}
                Err(error) => {
                    let since_start = (now_ms() - self.started_ms) / 1000.0;
                    return Err(self.lost(error, Duration::from_secs_f64(since_start), deadline));
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// The task that is lost with the worker.
    fn receive(&mut self, asked: &Asked) -> Result<Task, Task> {
        self.greet(asked.deadline, || true)?;
        let left = asked.deadline.saturating_duration_since(Instant::now());
        let failed = |why| Task::failed(asked.id, why);
        match self.answers.recv_timeout(left) {
            Ok(Line { message, at_ms }) => {
                let Answer { task, usage } = message.map_err(failed)?;
                let task = asked.check(task, at_ms).map_err(failed)?;
                (self.has_answered, self.usage) = (true, usage);
                Ok(task)
            }
            Err(error) => Err(self.lost(error, asked.allowed, asked.deadline)),
        }
    }

    /// A task that is lost with a worker that was silent for this time, or has closed stdout, perhaps in
    /// the middle of a line.
    fn lost(&mut self, error: RecvTimeoutError, silent: Duration, deadline: Instant) -> Task {
        let left = deadline.saturating_duration_since(Instant::now());
        let exit = match error {
            RecvTimeoutError::Timeout => None,
            RecvTimeoutError::Disconnected => Some(child::wait(&mut self.child, left)),
        };
        let end_ms = now_ms();
        // A launcher says there why it failed: an unknown host, a refused key.
        let last = self.stderr.as_ref().map(|stderr| quote(&stderr.last_line(exit.is_some())));
        let last = last.filter(|line| !line.is_empty()).map(|line| format!(": {line}"));
        let last = last.unwrap_or_default();
        let failed = |why: String| Task { end_ms, ..Task::failed(0, why + &last) };
        let timed_out = |why| Task { outcome: Outcome::TimedOut, ..failed(why) };
        let missing = match self.greeted_ms {
            None => "before it greeted",
            Some(_) => "without an answer",
        };
        match exit {
            None if self.greeted_ms.is_none() => {
                timed_out(format!("worker did not start within {silent:.1?}"))
            }
            None => {
                timed_out(format!("worker was silent for {silent:?}, 5 s longer than the timeout"))
            }
            Some(Ok(ChildExit::Code(COULD_NOT_START))) if !self.has_answered => {
                Task { refused: true, ..failed("worker could not start (exit code 3)".into()) }
            }
            Some(Ok(exit @ ChildExit::Code(_))) => failed(format!("worker {exit} {missing}")),
            Some(Ok(exit @ ChildExit::Signal(_))) => failed(format!("worker {exit}")),
            Some(Ok(ChildExit::TimedOut)) => {
                timed_out("worker closed stdout but kept running".into())
            }
            Some(Err(error)) => failed(format!("worker is gone: {error}")),
        }
    }

    /// Milliseconds from the start of the worker's process to its greeting.
    pub fn start_took_ms(&self) -> Option<f64> {
        Some(self.greeted_ms? - self.started_ms)
    }

    /// The worker's name, with its host and pid if it is not our own child.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the last task was lost with the worker, so [`Worker::answer`] was not its answer.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether the worker may be asked again: it runs, and has written nothing unasked.
    pub fn is_usable(&self) -> bool {
        !self.is_lost && matches!(self.answers.try_recv(), Err(TryRecvError::Empty))
    }

    /// Kills the worker, whatever it does.
    pub fn kill(&mut self) {
        // If it has ended already, there is nothing to kill.
        let _ = self.child.kill();
    }

    /// Ends a worker, without waiting for it: at once, or with its stdin if it has a launcher. If that
    /// is killed, srun's job, for one, keeps its place for a while.
    fn lose(&mut self) {
        self.is_lost = true;
        self.close_stdin();
        if self.stderr.is_none() {
            self.kill();
        }
    }

    /// Ends the worker's stdin, and so the worker, without waiting for it.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
        self.end_by.get_or_insert_with(|| Instant::now() + GRACE);
    }

    /// Ends the worker's stdin, waits until the worker has ended, and reaps it. If that takes too
    /// long since its stdin ended, the worker is killed: so many workers have a second together.
    ///
    /// # Errors
    /// The OS does not say how it ended.
    pub fn close(mut self) -> Result<ChildExit> {
        self.close_stdin();
        Ok(self.wait()?)
    }

    fn wait(&mut self) -> io::Result<ChildExit> {
        let left = self.end_by.map(|end_by| end_by.saturating_duration_since(Instant::now()));
        child::wait(&mut self.child, left.unwrap_or_default())
    }
}

impl Drop for Worker {
    /// A worker that was not told to end, because of an error, is killed at once.
    fn drop(&mut self) {
        let _ = self.wait();
        usage::add_worker(self.usage);
    }
}

impl Asked {
    /// Checks that `task` answers this request, and puts its span on our own clock: it ended when the
    /// line came, and took as long as the worker says.
    fn check(&self, task: Task, came_ms: f64) -> Result<Task, String> {
        if task.id != self.id {
            return Err(format!("worker answered for task {}", task.id));
        }
        if came_ms < self.at_ms {
            return Err("worker answered before it was asked".into());
        }
        let start_ms = (came_ms - (task.end_ms - task.start_ms)).clamp(self.at_ms, came_ms);
        Ok(Task { start_ms, end_ms: came_ms, ..task })
    }
}

/// The lines of a worker's stdout. Text without its newline at the end of the stream is no line.
fn lines<T: DeserializeOwned>(
    stdout: &mut impl BufRead,
    expected: &str,
) -> impl Iterator<Item = Line<T>> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        stdout.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
        let at_ms = now_ms();
        let message = match line.last()? {
            b'\n' => serde_json::from_slice(&line).map_err(|_| {
                let text = quote(&String::from_utf8_lossy(&line));
                format!("worker wrote something else than {expected}: {text}")
            }),
            _ if line.len() as u64 == MAX_LINE => {
                Err("worker's answer is longer than 1 MiB".into())
            }
            _ => return None,
        };
        Some(Line { message, at_ms })
    })
}

#[cfg(test)]
mod fuzz;
