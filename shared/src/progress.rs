//! What a demo says while it runs: the line of each finished task or their number, and that it runs
//! fewer at once.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

use crate::os::clock::now_ms;
use crate::os::stdout;
use crate::render::escape::{escape_controls, outcome};
use crate::report::Task;

/// How a run's finished tasks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// A line for each.
    Lines,
    /// Their number, on stderr if that is a terminal.
    Count,
    Nothing,
}

impl Show {
    /// Prints the model whose `tasks` follow, which are counted until the count is dropped.
    pub fn model(self, model: &str, tasks: usize) -> Option<Count> {
        if self != Show::Nothing {
            print(&format!("{model}:\n"));
        }
        (self == Show::Count && shows_count()).then(|| Count::start(tasks))
    }

    /// Prints the notebook's line for a finished task, in one piece, whatever other threads print.
    pub fn line(self, task: &Task) {
        match self {
            Show::Lines => {}
            Show::Count => return Count::add(),
            Show::Nothing => return,
        }
        let result = match (&task.error, task.status) {
            (None, Some(status)) => format!("status {status}"),
            (None, None) => "done".to_string(),
            (Some(error), _) => format!("{}: {error}", outcome(task.outcome)),
        };
        let line = format!("  process {}, {}: {result}", task.pid, task.thread);
        print(&format!("{}\n", escape_controls(&line)));
    }
}

/// The count of finished tasks on stderr. It is cleared when this is dropped.
pub struct Count(());

static FINISHED: AtomicUsize = AtomicUsize::new(0);
/// 0 if no count is shown.
static ALL: AtomicUsize = AtomicUsize::new(0);
static WRITTEN_MS: AtomicU64 = AtomicU64::new(0);

impl Count {
    fn start(tasks: usize) -> Count {
        FINISHED.store(0, Relaxed);
        ALL.store(tasks, Relaxed);
        Count(())
    }

    /// Adds a task, and writes the count if it was last written 100 ms ago.
    fn add() {
        let (finished, all) = (FINISHED.fetch_add(1, Relaxed) + 1, ALL.load(Relaxed));
        let (now, written) = (now_ms() as u64, WRITTEN_MS.load(Relaxed));
        if all > 0
            && now >= written + 100
            && WRITTEN_MS.compare_exchange(written, now, Relaxed, Relaxed).is_ok()
        {
            let _ = write!(io::stderr(), "\r  {finished} of {all} tasks");
        }
    }

    /// Overwrites the count, so that a line can be written in its place.
    fn clear() {
        if ALL.load(Relaxed) > 0 {
            let _ = write!(io::stderr(), "\r{:40}\r", "");
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        Count::clear();
        ALL.store(0, Relaxed);
    }
}

/// Whether stderr is a terminal that goes back to the start of a line.
fn shows_count() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let plain = set("NO_COLOR").is_some() || set("TERM").as_deref() == Some("dumb");
    io::stderr().is_terminal() && !plain
}

/// A line on stderr, if that is a terminal, which the next line overwrites.
pub(crate) fn say_for_now(line: &str) {
    if shows_count() {
        let _ = write!(io::stderr(), "{line:40}\r");
    }
}

static ENDS_WITH_READER: AtomicBool = AtomicBool::new(false);

/// From now on, the program ends as soon as nobody reads its lines any more (`| head`).
pub fn end_with_reader() {
    ENDS_WITH_READER.store(true, Relaxed);
}

/// Prints text while a lesson runs. Errors are reported with the report itself.
pub(crate) fn print(text: &str) {
    if let Err(error) = stdout::write(text)
        && error.kind() == io::ErrorKind::BrokenPipe
        && ENDS_WITH_READER.load(Relaxed)
    {
        // Children end with their stdin. On a thread of its own, because exit(3) drops what is local
        // to the calling thread: an event loop, perhaps, that is running.
        let exit = thread::Builder::new().spawn(|| std::process::exit(0));
        let _ = exit.map(|thread| thread.join());
    }
}

static REDUCED: AtomicBool = AtomicBool::new(false);

/// Says once on stderr that fewer tasks run at once, and why.
pub fn reduce_concurrency(why: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    REDUCED.store(true, Relaxed);
    if !SAID.swap(true, Relaxed) {
        Count::clear();
        let line = format!("running fewer tasks at once: {why}\n");
        // With stderr closed, the report still matters.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Before a lesson: it is not reduced yet.
pub fn forget_reduction() {
    REDUCED.store(false, Relaxed);
}

/// Whether [`reduce_concurrency`] was called in this lesson.
pub fn is_reduced() -> bool {
    REDUCED.load(Relaxed)
}
