//! Declarations: a demo, its lessons and their options.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use crate::lab::{CounterSource, Evidence, Lab};
use crate::os::child::ChildMode;

/// One demo: its table of contents, and how many tasks its models can hold.
pub struct Demo {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) notebook: Lesson,
    pub(crate) lessons: &'static [Lesson],
    pub(crate) http: Option<Http>,
    pub(crate) tasks: usize,
    pub(crate) max_tasks: usize,
    pub(crate) next: &'static str,
}

/// What the command line needs of [`crate::http`], which cpu-bound-demo builds without.
pub(crate) struct Http {
    pub(crate) prepare: fn(),
    pub(crate) check_url: fn(&str) -> Result<(), String>,
    pub(crate) start_server: StartServer,
}

pub(crate) type StartServer = fn() -> Result<Rc<dyn CounterSource>>;

impl Demo {
    /// A demo with `notebook` as its default lesson and no tasks of its own. `name` is
    /// `env!("CARGO_PKG_NAME")`, so that a copy knows its new name. `source` is the text of `main.rs`,
    /// whose opening comment `--help` prints.
    pub const fn new(name: &'static str, source: &'static str, notebook: Lesson) -> Demo {
        Demo { name, source, notebook, lessons: &[], http: None, tasks: 0, max_tasks: 0, next: "" }
    }

    /// Adds lessons that run when they are named, in the order of the path. `notebook` may be among
    /// them.
    pub const fn lessons(self, lessons: &'static [Lesson]) -> Demo {
        Demo { lessons, ..self }
    }

    /// So many tasks unless `-n` says otherwise, and the most that the demo's models can hold.
    pub const fn tasks(self, tasks: usize, max_tasks: usize) -> Demo {
        Demo { tasks, max_tasks, ..self }
    }

    /// What to try after the last lesson.
    pub const fn next(self, next: &'static str) -> Demo {
        Demo { next, ..self }
    }

    /// Makes the tasks HTTP requests, with a server and the options for it.
    #[cfg(feature = "http")]
    pub const fn http(self) -> Demo {
        let http = Http {
            prepare: crate::http::client::install_tls_provider,
            check_url: |text| crate::http::target::parse_url(text).map(|_| ()),
            start_server: crate::lab::http::start_server,
        };
        Demo { http: Some(http), ..self }
    }

    /// All lessons in the order of the path. The list names the notebook's cell at its place.
    pub(crate) fn all_lessons(&self) -> impl Iterator<Item = &Lesson> {
        let listed = self.lessons.iter().any(|lesson| lesson.name == self.notebook.name);
        (!listed).then_some(&self.notebook).into_iter().chain(self.lessons)
    }

    /// The command to try after the lesson `name`.
    pub(crate) fn next_after(&self, name: &str) -> String {
        let mut rest = self.all_lessons().skip_while(|lesson| lesson.name != name);
        match (rest.next(), rest.next()) {
            (Some(Lesson { next: Some(next), .. }), _) => next.to_string(),
            (_, Some(Lesson { name, .. })) if *name == self.notebook.name => {
                format!("cargo run -p {}", self.name)
            }
            (_, Some(lesson)) => format!("cargo run -p {} -- {}", self.name, lesson.name),
            _ => self.next.to_string(),
        }
    }
}

/// The options that only some lessons use. `trace` is for lessons that return runs.
pub(crate) const COMMON_OPTIONS: [&str; 6] =
    ["tasks", "workers", "delay", "url", "timeout", "trace"];

/// One lesson. Declared in its own file.
pub struct Lesson {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) claims: &'static [&'static str],
    pub(crate) run: fn(&Lab) -> Result<Evidence>,
    pub(crate) source: &'static str,
    pub(crate) tasks: Option<usize>,
    pub(crate) max_tasks: Option<usize>,
    pub(crate) delay: Option<Duration>,
    pub(crate) uses: Option<&'static [&'static str]>,
    pub(crate) start_server: Option<StartServer>,
    pub(crate) options: &'static [LessonOption],
    pub(crate) child_modes: &'static [ChildMode],
    pub(crate) next: Option<&'static str>,
    pub(crate) memory_kib: fn(usize) -> u64,
}

impl Lesson {
    /// A lesson whose findings are on `claims`. `source` is the text of its file, whose opening
    /// comment `--help` prints.
    pub const fn new(
        name: &'static str,
        about: &'static str,
        claims: &'static [&'static str],
        run: fn(&Lab) -> Result<Evidence>,
        source: &'static str,
    ) -> Lesson {
        Lesson {
            name,
            about,
            claims,
            run,
            source,
            tasks: None,
            max_tasks: None,
            delay: None,
            uses: None,
            start_server: None,
            options: &[],
            child_modes: &[],
            next: None,
            memory_kib: |_| 0,
        }
    }

    /// So many tasks unless `-n` says otherwise.
    pub const fn tasks(self, tasks: usize) -> Lesson {
        Lesson { tasks: Some(tasks), ..self }
    }

    /// No more tasks than this.
    pub const fn at_most(self, max_tasks: usize) -> Lesson {
        Lesson { max_tasks: Some(max_tasks), ..self }
    }

    /// Waits of so many milliseconds unless `--delay` says otherwise.
    pub const fn delay_ms(self, ms: u64) -> Lesson {
        Lesson { delay: Some(Duration::from_millis(ms)), ..self }
    }

    /// Uses only these of the options `tasks`, `workers`, `delay`, `url`, `timeout` and `trace`, and
    /// refuses the others. A lesson that reads the embedded server's counters leaves out `url`.
    pub const fn uses(self, options: &'static [&'static str]) -> Lesson {
        Lesson { uses: Some(options), ..self }
    }

    /// Whether one of the [`COMMON_OPTIONS`] changes anything in this lesson.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.uses.is_none_or(|uses| uses.contains(&name))
    }

    /// Starts a server of its own in place of the embedded one.
    pub const fn server(self, start: fn() -> Result<Rc<dyn CounterSource>>) -> Lesson {
        Lesson { start_server: Some(start), ..self }
    }

    /// Options that this lesson has, and perhaps a few others.
    pub const fn options(self, options: &'static [LessonOption]) -> Lesson {
        Lesson { options, ..self }
    }

    /// Needs so many KiB of memory for this number of tasks, children included. Below a few hundred
    /// MiB it need not say so.
    pub const fn memory_kib(self, memory_kib: fn(usize) -> u64) -> Lesson {
        Lesson { memory_kib, ..self }
    }

    /// The command to try after it, if that is not the next lesson of its demo.
    pub const fn next(self, next: &'static str) -> Lesson {
        Lesson { next: Some(next), ..self }
    }

    /// Modes in which the lesson starts this program as its children.
    pub const fn child_modes(self, child_modes: &'static [ChildMode]) -> Lesson {
        Lesson { child_modes, ..self }
    }
}

/// An option of some lessons, `--name VALUE`.
pub struct LessonOption {
    pub name: &'static str,
    pub value: &'static str,
    pub help: &'static str,
    /// Says what is wrong with a value, before anything starts.
    pub check: fn(&str) -> Result<(), String>,
    /// Whether the value is a file that will be written.
    pub writes: bool,
}

/// The opening `//!` comment of a source file, as plain text whose paragraphs are one line each.
pub(crate) fn opening_comment(source: &str) -> String {
    const STARTS: [&str; 4] = ["+ ", "- ", "You will see", "Try it"];
    let mut text = String::new();
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.trim_start();
        let begins = line.is_empty()
            || text.ends_with('\n')
            || STARTS.iter().any(|start| line.starts_with(start));
        text += if begins { "\n" } else { " " };
        text += line;
    }
    text.trim_start().into()
}
