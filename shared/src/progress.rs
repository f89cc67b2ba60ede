//! What a demo says while it runs: the line of each finished task or their number, and that it runs
//! fewer at once.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

use crate::os::clock::now_ms;
use crate::os::stdout;
use crate::render::columns::pad;
use crate::render::escape::{escape_controls, outcome};
use crate::render::style::{BAD, DETAIL, GOOD, HEADING, paint};
use crate::render::text::time;
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
    /// Prints the model whose `tasks` follow, which are counted until the count is dropped. A model
    /// that the lesson repeats would print the same lines again.
    pub fn model(self, model: &str, tasks: usize) -> Option<Count> {
        let is_new = !MODELS.lock().is_ok_and(|models| models.iter().any(|known| known == model));
        REPEATS.store(!is_new, Relaxed);
        if is_new && self != Show::Nothing {
            let _ = MODELS.lock().map(|mut models| models.push(model.into()));
            print(&format!("{}\n", paint(HEADING, &format!("{model}:"))));
        }
        (self == Show::Count && shows_count()).then(|| Count::start(tasks))
    }

    /// Prints the notebook's line for a finished task, in one piece, whatever other threads print.
    pub fn line(self, task: &Task) {
        match self {
            Show::Lines if REPEATS.load(Relaxed) => {}
            Show::Lines => print(&(line(task) + "\n")),
            Show::Count => Count::add(),
            Show::Nothing => {}
        }
    }
}

/// The models of this lesson so far.
static MODELS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// Whether the present run's model has run before in this lesson.
static REPEATS: AtomicBool = AtomicBool::new(false);

/// Which task, where it ran, the status, how long it took, in columns, and why it was lost.
fn line(task: &Task) -> String {
    let pid = paint(DETAIL, &format!("pid {:<7}", task.pid));
    let thread = pad(&escape_controls(&task.thread), 12);
    let status = task.status.map_or("-".into(), |status| status.to_string());
    let style = if task.error.is_none() { GOOD } else { BAD };
    let status = paint(style, &format!("{status:>3}"));
    let id = format!("#{}", task.id);
    let ms = time(task.end_ms - task.start_ms);
    let line = format!("  {id:<4} {pid} {thread} {status} {ms:>9}");
    match &task.error {
        Some(error) => {
            let why = escape_controls(&format!("{}: {error}", outcome(task.outcome)));
            format!("{line}  {}", paint(BAD, &why))
        }
        None => line,
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

/// Before a lesson: it is not reduced yet, and no model has run.
pub fn begin_lesson() {
    REDUCED.store(false, Relaxed);
    let _ = MODELS.lock().map(|mut models| models.clear());
}

/// Whether [`reduce_concurrency`] was called in this lesson.
pub fn is_reduced() -> bool {
    REDUCED.load(Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;

    /// A task's line without this program's own colours.
    fn plain(task: &Task) -> String {
        let own = ["\u{1b}[0m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m"];
        own.iter().fold(line(task), |line, code| line.replace(code, ""))
    }

    #[test]
    fn line_says_task_place_status_and_time() {
        let thread = "Thread-4".to_string();
        let task = Task { pid: 21036, thread, status: Some(200), ..Task::done(3, 0.0) };
        let done = Task { start_ms: 10.0, end_ms: 111.0, ..task };
        assert_eq!(plain(&done), "  #3   pid 21036   Thread-4     200  101.0 ms");
        let error = Some("no answer".into());
        let lost = Task { status: None, outcome: Outcome::TimedOut, error, ..done };
        let expected = "  #3   pid 21036   Thread-4       -  101.0 ms  timed out: no answer";
        assert_eq!(plain(&lost), expected);
    }

    #[test]
    fn hostile_words_in_line_are_inert() {
        let hostile = "\u{1b}[44m\r\n\u{9b}\u{202e}";
        let task = Task { thread: hostile.into(), ..Task::failed(0, hostile) };
        let line = plain(&task);
        assert!(!line.contains(['\u{1b}', '\r', '\n', '\u{9b}', '\u{202e}']), "{line:?}");
        assert_eq!(line.matches("\\u{1b}[44m").count(), 2);
    }
}
