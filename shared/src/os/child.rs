//! Child processes: this program started again in a [`ChildMode`], and any program under a deadline.

use std::env;
use std::fmt;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::exit::ExitError;

/// Longest pause between two looks whether a child has ended. The first ones are shorter.
const POLL: Duration = Duration::from_millis(5);

/// How long to wait for remaining output once a child has ended: a grandchild may hold the pipe.
const DRAIN: Duration = Duration::from_secs(1);

/// How long a lesson's child may live: far longer than its work takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The exit code of a program that could not start something.
pub const COULD_NOT_START: i32 = 3;

/// An internal mode, in which the program starts itself: a worker, or a child that is meant to die.
/// Declared by the lesson that needs it.
pub struct ChildMode {
    /// The first argument that selects it.
    pub name: &'static str,
    main: fn(&[String]) -> Result<()>,
    reads_stdin: bool,
}

impl ChildMode {
    /// A mode whose process ends as soon as its stdin does, and so with its parent, however the
    /// parent ends. A thread watches for that. `main` gets the arguments that follow the name.
    pub const fn new(name: &'static str, main: fn(&[String]) -> Result<()>) -> ChildMode {
        ChildMode { name, main, reads_stdin: false }
    }

    /// For a mode that reads its stdin itself, or must not have a second thread.
    pub const fn reads_stdin(self) -> ChildMode {
        ChildMode { reads_stdin: true, ..self }
    }

    /// Runs the mode in this process. Called by [`crate::cli::main`].
    ///
    /// # Errors
    /// Those of its `main`, or [`ExitError::Usage`] for a user who typed the name on a terminal.
    pub fn enter(&self, args: &[String]) -> Result<()> {
        if io::stdin().is_terminal() {
            let why = "internal mode, used by the demo, which writes to its stdin";
            return Err(ExitError::Usage(why.into()).into());
        }
        // A child that dies on purpose leaves no core file in the user's directory.
        #[cfg(unix)]
        let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
        if !self.reads_stdin {
            exit_with_stdin()?;
        }
        (self.main)(args)
    }

    /// The command that starts this program in this mode.
    ///
    /// # Errors
    /// The OS does not say where the program is.
    pub fn command(&self, args: &[&str]) -> io::Result<Command> {
        let mut command = this_program()?;
        command.arg(self.name).args(args);
        Ok(command)
    }

    /// Starts this program in this mode with a pipe each way.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, args: &[&str]) -> Result<PipedChild> {
        let child = self.command(args).and_then(PipedChild::spawn);
        child.with_context(|| format!("cannot start a child ({})", self.name))
    }

    /// Runs this program in this mode to its end.
    ///
    /// # Errors
    /// It cannot be started, it hangs until `deadline` and is killed, or it says on stderr that it
    /// could not start something.
    pub fn run(&self, args: &[&str], deadline: Duration) -> Result<ChildOutput> {
        let output =
            self.command(args).and_then(|mut command| run_tethered(&mut command, deadline));
        let output = output.with_context(|| format!("cannot run a child ({})", self.name))?;
        match (output.exit, output.stderr.lines().last()) {
            (ChildExit::TimedOut, _) => bail!("a child ({}) {}", self.name, ChildExit::TimedOut),
            (ChildExit::Code(COULD_NOT_START), Some(why)) => bail!("{why}"),
            _ => Ok(output),
        }
    }
}

/// This program, to be started again.
fn this_program() -> io::Result<Command> {
    #[cfg(target_os = "linux")]
    {
        let name = env::args_os().next().unwrap_or_default();
        let this = std::path::Path::new("/proc/self/exe");
        if !this.exists() {
            return Ok(Command::new(name)); // Without /proc, this is all that is known.
        }
        // proc(5): this is the running program even if its file has been replaced or deleted.
        let mut command = Command::new(this);
        std::os::unix::process::CommandExt::arg0(&mut command, name);
        Ok(command)
    }
    #[cfg(not(target_os = "linux"))]
    Ok(Command::new(env::current_exe()?))
}

/// Ends this process as soon as its stdin ends.
///
/// # Errors
/// There is no thread to watch it.
pub fn exit_with_stdin() -> Result<()> {
    let watch = || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(3);
    };
    thread::Builder::new().name("stdin".into()).spawn(watch).context("cannot start a thread")?;
    Ok(())
}

/// A child that ends by [`DEADLINE`] and with its handle. Otherwise reading from a child that hangs
/// or is stopped would never return. (Dropping a [`Child`] neither kills nor reaps the process.)
pub struct TimedChild {
    child: Arc<Mutex<Child>>,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

impl TimedChild {
    /// Starts `command`.
    ///
    /// # Errors
    /// It cannot be started, or there is no thread to watch the time.
    pub fn spawn(command: &mut Command) -> io::Result<TimedChild> {
        let killer = killer()?;
        let mut child = spawn(command)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        // The thread never ends.
        let _ = killer.send((Instant::now() + DEADLINE, Arc::downgrade(&child)));
        Ok(TimedChild { child, stdin, stdout, stderr })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The OS does not say.
    pub fn try_wait(&mut self) -> io::Result<Option<ChildExit>> {
        Ok(lock(&self.child).try_wait()?.map(ChildExit::from))
    }

    /// Waits until it ends, at most for [`DEADLINE`].
    ///
    /// # Errors
    /// The OS does not say how it ended.
    pub fn wait(&mut self) -> io::Result<ChildExit> {
        wait(&mut lock(&self.child), DEADLINE)
    }

    /// Kills and reaps it, if it has not ended.
    ///
    /// # Errors
    /// The OS does not say how it ended.
    pub fn kill(&mut self) -> io::Result<ChildExit> {
        wait(&mut lock(&self.child), Duration::ZERO)
    }
}

impl Drop for TimedChild {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

type Deadline = (Instant, Weak<Mutex<Child>>);

/// The thread that kills children at their deadlines, which come in order.
fn killer() -> io::Result<Sender<Deadline>> {
    static KILLER: Mutex<Option<Sender<Deadline>>> = Mutex::new(None);
    let mut killer = lock(&KILLER);
    if let Some(killer) = &*killer {
        return Ok(killer.clone());
    }
    let (send, deadlines) = mpsc::channel::<Deadline>();
    thread::Builder::new().name("deadlines".into()).spawn(move || {
        for (deadline, child) in deadlines {
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
            // A child whose handle is gone has ended.
            let _ = child.upgrade().map(|child| lock(&child).kill());
        }
    })?;
    Ok(killer.insert(send).clone())
}

/// No holder panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child with a pipe each way.
pub struct PipedChild {
    pub child: TimedChild,
    pub stdin: ChildStdin,
    pub stdout: BufReader<ChildStdout>,
}

impl PipedChild {
    /// Starts `command`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(mut command: Command) -> io::Result<PipedChild> {
        let mut child = TimedChild::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => {
                Ok(PipedChild { child, stdin, stdout: BufReader::new(stdout) })
            }
            _ => Err(io::Error::other("a child without its pipes")),
        }
    }
}

/// Writes a line from a child mode to its parent. If the parent is gone, it ends this process, where
/// `println!` would panic.
pub fn write_line(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
        std::process::exit(3);
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildExit {
    /// It returned from main or called exit.
    Code(i32),
    /// A signal killed it; only on Unix.
    Signal(i32),
    /// It was still running at the deadline, and was killed.
    TimedOut,
}

impl ChildExit {
    /// # Errors
    /// It did not end with exit code 0.
    pub fn success(self) -> Result<()> {
        ensure!(self == ChildExit::Code(0), "a child {self}");
        Ok(())
    }
}

impl fmt::Display for ChildExit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ChildExit::Code(code) => write!(f, "exited with code {code}"),
            ChildExit::Signal(signal) => write!(f, "was killed by signal {signal}"),
            ChildExit::TimedOut => write!(f, "hung and was killed"),
        }
    }
}

impl From<ExitStatus> for ChildExit {
    fn from(status: ExitStatus) -> ChildExit {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return ChildExit::Signal(signal);
        }
        // Without a signal there is a code.
        ChildExit::Code(status.code().unwrap_or_default())
    }
}

/// How a child ended, and what it wrote.
#[derive(Debug, Clone)]
pub struct ChildOutput {
    pub exit: ChildExit,
    pub stdout: String,
    pub stderr: String,
}

impl ChildOutput {
    /// What the child wrote, if it ended with exit code 0.
    ///
    /// # Errors
    /// How else it ended, and the last line of its stderr.
    pub fn success(&self) -> Result<&str> {
        let last = self.stderr.trim().lines().last().unwrap_or_default();
        match self.exit {
            ChildExit::Code(0) => Ok(&self.stdout),
            // The kernel's answer to a group of processes without memory.
            ChildExit::Signal(9) => bail!("the child {}: out of memory?", self.exit),
            _ => bail!("the child {}: {last}", self.exit),
        }
    }
}

/// Starts `command`, one at a time: on macOS, pipes leak into a process that another thread starts at
/// the same moment, and then do not end with their owner.
///
/// # Errors
/// It cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _lock = lock(&ONE_AT_A_TIME);
    command.spawn()
}

/// Runs `command` with empty stdin to its end, but kills it at `deadline`.
///
/// # Errors
/// It cannot be started.
pub fn run(command: &mut Command, deadline: Duration) -> io::Result<ChildOutput> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    wait_with_output(spawn(command)?, deadline)
}

/// Like [`run`], but holds the child's stdin open. A child that watches it ends if we are killed.
///
/// # Errors
/// It cannot be started.
pub fn run_tethered(command: &mut Command, deadline: Duration) -> io::Result<ChildOutput> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    let _tether = child.stdin.take();
    wait_with_output(child, deadline)
}

/// Waits for a started child, but kills it at `deadline`. Output that is not piped stays empty.
///
/// # Errors
/// There is no thread to read its output, and it is killed; or the OS does not say how it ended.
pub fn wait_with_output(mut child: Child, deadline: Duration) -> io::Result<ChildOutput> {
    let stdout = child.stdout.take().map(collect).transpose();
    let stderr = child.stderr.take().map(collect).transpose();
    let readable = stdout.is_ok() && stderr.is_ok();
    let exit = wait(&mut child, if readable { deadline } else { Duration::ZERO })?;
    let (stdout, stderr) = (stdout?, stderr?);
    let text = |pipe: Option<Receiver<Vec<u8>>>| {
        let bytes = pipe.and_then(|pipe| pipe.recv_timeout(DRAIN).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(ChildOutput { exit, stdout: text(stdout), stderr: text(stderr) })
}

/// Reads a pipe to its end, at most for [`DEADLINE`].
///
/// # Errors
/// The pipe has not ended, or there is no thread to read it.
pub fn read_to_end(pipe: impl Read + Send + 'static) -> io::Result<String> {
    let bytes = collect(pipe)?.recv_timeout(DEADLINE);
    let bytes = bytes.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Kills a process whose [`Child`] was dropped. As nothing has waited for it, its id is still its own.
pub fn kill_dropped(id: u32) {
    #[cfg(unix)]
    if let Ok(id) = id.try_into() {
        use nix::{sys::signal, unistd::Pid};
        let _ = signal::kill(Pid::from_raw(id), signal::SIGKILL);
    }
    #[cfg(not(unix))]
    let _ = id;
}

/// Waits for `child`, kills it at `deadline`, and reaps it in either case.
///
/// # Errors
/// The OS does not say how it ended.
pub fn wait(child: &mut Child, deadline: Duration) -> io::Result<ChildExit> {
    let give_up = Instant::now() + deadline;
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.into());
        }
        if Instant::now() >= give_up {
            // It may end by itself right now, which is as good.
            let _ = child.kill();
            child.wait()?;
            return Ok(ChildExit::TimedOut);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(POLL);
    }
}

/// A child's stderr, of which the end is kept.
pub struct Stderr {
    end: Arc<Mutex<Vec<u8>>>,
    closed: Receiver<()>,
}

impl Stderr {
    /// So many bytes are kept: a line of people's words.
    const KEPT: usize = 4096;

    /// Reads it on a thread of its own.
    ///
    /// # Errors
    /// There is no thread.
    pub fn read(mut pipe: ChildStderr) -> io::Result<Stderr> {
        let (open, closed) = mpsc::channel();
        let end = Arc::new(Mutex::new(Vec::new()));
        let kept = end.clone();
        thread::Builder::new().name("stderr".into()).spawn(move || {
            let mut bytes = [0; Stderr::KEPT];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                let mut kept = lock(&kept);
                kept.extend(&bytes[..count]);
                let more = kept.len().saturating_sub(Stderr::KEPT);
                kept.drain(..more);
            }
            drop(open);
        })?;
        Ok(Stderr { end, closed })
    }

    /// The last line that is not blank. If the child `has_ended`, it is the very last, unless a
    /// grandchild holds the pipe.
    pub fn last_line(&self, has_ended: bool) -> String {
        let _ = self.closed.recv_timeout(if has_ended { DRAIN } else { Duration::ZERO });
        let text = String::from_utf8_lossy(&lock(&self.end)).into_owned();
        text.trim_end().lines().last().unwrap_or_default().trim().into()
    }
}

/// Reads a pipe to its end on a thread of its own: a child must never wait for its reader.
fn collect(mut pipe: impl Read + Send + 'static) -> io::Result<Receiver<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    })?;
    Ok(receive)
}
