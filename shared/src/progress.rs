//! What a demo says while it runs: the line of each finished task, and that it runs fewer at once.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use crate::os::stdout;
use crate::render::escape::{escape_controls, outcome};
use crate::report::Task;

/// Whether each task's line is printed as it finishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Lines,
    Nothing,
}

impl Show {
    /// Prints the model that the following lines belong to.
    pub fn model(self, model: &str) {
        if self == Show::Lines {
            print(&format!("{model}:\n"));
        }
    }

    /// Prints the notebook's line for a finished task, in one piece, whatever other threads print.
    pub fn line(self, task: &Task) {
        if self == Show::Nothing {
            return;
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

static ENDS_WITH_READER: AtomicBool = AtomicBool::new(false);

/// From now on, the program ends as soon as nobody reads its lines any more (`| head`).
pub fn end_with_reader() {
    ENDS_WITH_READER.store(true, Relaxed);
}

/// Other errors are reported with the report itself.
fn print(text: &str) {
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
        // With stderr closed, the report still matters.
        let line = format!("running fewer tasks at once: {why}\n");
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
