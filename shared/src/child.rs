//! Runs a program that may hang or die as a child under a deadline, and says how it ended.

use std::env;
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A child is asked whether it has ended soon at first, then less and less often, up to this.
const POLL: Duration = Duration::from_millis(5);

/// How long output may still come once the child has ended.
const DRAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It returned or called exit.
    Exit(i32),
    /// A signal ended it; only on Unix.
    Signal(i32),
    /// It was still running at the deadline and was killed.
    TimedOut,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            End::Exit(code) => write!(f, "exited with code {code}"),
            End::Signal(signal) => write!(f, "was killed by signal {signal}"),
            End::TimedOut => write!(f, "hung and had to be killed"),
        }
    }
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> End {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return End::Signal(signal);
        }
        // Without a signal there is a code.
        End::Exit(status.code().unwrap_or_default())
    }
}

#[derive(Debug, Clone)]
pub struct Ended {
    pub end: End,
    pub stdout: String,
    pub stderr: String,
}

/// This same program, to be started again as one of its [`crate::cli::Hidden`] modes.
///
/// # Errors
/// The operating system does not say where it is.
pub fn this_program(mode: &str) -> io::Result<Command> {
    #[cfg(target_os = "linux")]
    let mut command = {
        // proc(5): this is the program that runs, even if its file has been replaced or deleted.
        let mut command = Command::new("/proc/self/exe");
        let name = env::args_os().next().unwrap_or_default();
        std::os::unix::process::CommandExt::arg0(&mut command, name);
        command
    };
    #[cfg(not(target_os = "linux"))]
    let mut command = Command::new(env::current_exe()?);
    command.arg(mode);
    Ok(command)
}

/// A child with a pipe each way.
pub struct Piped {
    pub child: Child,
    pub to: ChildStdin,
    pub from: BufReader<ChildStdout>,
}

/// Starts this program again in a hidden mode, with a pipe each way.
///
/// # Errors
/// It cannot be started.
pub fn piped(mode: &str, words: &[&str]) -> io::Result<Piped> {
    let mut command = this_program(mode)?;
    let command = command.args(words).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(to), Some(from)) => Ok(Piped { child, to, from: BufReader::new(from) }),
        _ => Err(io::Error::other("a child without its pipes")),
    }
}

/// Says a line to the parent of a hidden mode. `println!` would panic where the parent is gone; this
/// ends the process, which nobody waits for any more.
pub fn tell(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
        std::process::exit(3);
    }
}

/// Starts `command` with its output caught and its input empty. Waits until it ends, but no longer
/// than `deadline`; then it is killed.
///
/// # Errors
/// It cannot be started.
pub fn run(command: &mut Command, deadline: Duration) -> io::Result<Ended> {
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    wait(child, deadline)
}

/// As [`run`], for one of our own modes that may hang or take its time, and is
/// [watching its stdin](crate::cli::Hidden::watching_stdin): should we be killed meanwhile, it ends.
///
/// # Errors
/// It cannot be started.
pub fn run_watching(command: &mut Command, deadline: Duration) -> io::Result<Ended> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let _held = child.stdin.take();
    wait(child, deadline)
}

/// As [`run`], for a child that has been started; what it has not piped is returned empty.
///
/// # Errors
/// There is no thread to read its output, and it is killed; or the operating system does not say how
/// it ended.
pub fn wait(mut child: Child, deadline: Duration) -> io::Result<Ended> {
    let stdout = child.stdout.take().map(collect).transpose();
    let stderr = child.stderr.take().map(collect).transpose();
    let read = stdout.is_ok() && stderr.is_ok();
    let end = end_of(&mut child, if read { deadline } else { Duration::ZERO })?;
    let (stdout, stderr) = (stdout?, stderr?);
    // A grandchild may hold the pipe open, so even this must not wait for ever.
    let text = |pipe: Option<Receiver<Vec<u8>>>| {
        let bytes = pipe.and_then(|pipe| pipe.recv_timeout(DRAIN).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Ended { end, stdout: text(stdout), stderr: text(stderr) })
}

/// Waits until `child` ends, at most for `deadline`, kills it then, and reaps it in any case.
///
/// # Errors
/// The operating system does not say how it ended.
pub fn end_of(child: &mut Child, deadline: Duration) -> io::Result<End> {
    let give_up = Instant::now() + deadline;
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.into());
        }
        if Instant::now() >= give_up {
            // It may end by itself just now; that is as good.
            let _ = child.kill();
            child.wait()?;
            return Ok(End::TimedOut);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(POLL);
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
