//! The command line that every demo has: the choice of a lesson, the report, the exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::lab::{Evidence, Lab};
use crate::options::{self, Given};
pub use crate::options::{ENDS_WITH_STDIN, Opt, Options};
use crate::report::{self, Machine, Report, Verdict};
use crate::{html, output_file, text, trace};

/// The table of contents of one demo.
pub struct Demo {
    /// `env!("CARGO_PKG_NAME")`, so that a copy knows its new name.
    pub name: &'static str,
    pub about: &'static str,
    /// What speaks for the model of this section, and what against it.
    pub plus: &'static [&'static str],
    pub minus: &'static [&'static str],
    /// Whether tasks are HTTP requests; then there are a server and the options for it.
    pub http: bool,
    /// How many tasks, unless told otherwise, and the most that the demo's models can hold. With 0 it
    /// has no tasks of its own.
    pub tasks: usize,
    pub max_tasks: usize,
    /// The first is the one that runs when none is named.
    pub lessons: &'static [Lesson],
    pub modes: &'static [Mode],
    pub hidden: &'static [Hidden],
    /// What to try after the last lesson.
    pub next: &'static str,
}

pub struct Lesson {
    pub name: &'static str,
    pub about: &'static str,
    /// Ids of the claims that its findings are on.
    pub claims: &'static [&'static str],
    pub run: fn(&Lab) -> Result<Evidence>,
    /// Where the demo's own numbers do not suit it; the command line has the last word.
    pub tasks: Option<usize>,
    /// The most tasks that make sense in it; of all lessons, it is the one that has fewer then.
    pub most: Option<usize>,
    pub delay: Option<Duration>,
    /// Whether it needs to know what the server saw, and so cannot ask any other than ours.
    pub own_server: bool,
    /// Whether our server runs as a process of its own, so that it is not counted to us.
    pub apart: bool,
    /// Options that only it and perhaps a few others have.
    pub options: &'static [Opt],
}

impl Lesson {
    pub const fn new(
        name: &'static str,
        about: &'static str,
        claims: &'static [&'static str],
        run: fn(&Lab) -> Result<Evidence>,
    ) -> Lesson {
        Lesson {
            name,
            about,
            claims,
            run,
            tasks: None,
            most: None,
            delay: None,
            own_server: false,
            apart: false,
            options: &[],
        }
    }

    /// So many tasks unless `-n` says otherwise.
    pub const fn tasks(self, tasks: usize) -> Lesson {
        Lesson { tasks: Some(tasks), ..self }
    }

    /// No more tasks than this.
    pub const fn at_most(self, most: usize) -> Lesson {
        Lesson { most: Some(most), ..self }
    }

    /// Waits of so many milliseconds unless `--delay` says otherwise.
    pub const fn delay_ms(self, ms: u64) -> Lesson {
        Lesson { delay: Some(Duration::from_millis(ms)), ..self }
    }

    /// With our server as a process of its own; its demo lists `apart::HIDDEN`.
    pub const fn apart(self) -> Lesson {
        Lesson { apart: true, ..self }
    }

    /// With options of its own.
    pub const fn options(self, options: &'static [Opt]) -> Lesson {
        Lesson { options, ..self }
    }

    /// Takes no `--url`.
    pub const fn own_server(self) -> Lesson {
        Lesson { own_server: true, ..self }
    }
}

/// Something else than a lesson that the program can be told to do.
pub struct Mode {
    pub name: &'static str,
    pub about: &'static str,
    pub options: &'static [Opt],
    pub run: fn(&Options) -> Result<()>,
}

/// What the program starts itself as: a worker, or a child that is to die. It is found before any
/// other word of the command line is looked at, since every worker pays for that.
pub struct Hidden {
    pub name: &'static str,
    /// Gets the words that follow the name.
    pub run: fn(&[String]) -> Result<()>,
    watches: bool,
}

impl Hidden {
    pub const fn new(name: &'static str, run: fn(&[String]) -> Result<()>) -> Hidden {
        Hidden { name, run, watches: false }
    }

    /// For a mode that may hang or take its time: it ends with its stdin, and so with its parent,
    /// however that ends.
    pub const fn watching_stdin(self) -> Hidden {
        Hidden { watches: true, ..self }
    }
}

/// Errors with an exit code of their own; any other means that something could not start: 3.
#[derive(Debug)]
pub enum Stop {
    /// Used in a way that cannot work: 2.
    Usage(String),
    /// A result could not be written: 4.
    Output(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (Stop::Usage(message) | Stop::Output(message)) = self;
        f.write_str(message)
    }
}

impl Error for Stop {}

/// What a demo's `main` does: reads the command line, runs what it names, prints the report.
///
/// The exit code is 0 if everything was done and no finding fails, 1 if a task was lost or a
/// finding fails, 2 for wrong usage, 3 if something could not start, 4 if a result could not be
/// written.
pub fn main(demo: &Demo) -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let hidden =
        demo.hidden.iter().find(|hidden| words.first().is_some_and(|word| word == hidden.name));
    let code = match hidden {
        Some(hidden) => {
            let watch = if hidden.watches { end_with_stdin() } else { Ok(()) };
            watch.and_then(|()| (hidden.run)(&words[1..])).map(|()| 0)
        }
        None => match options::command(demo).try_get_matches() {
            Ok(matches) => start(demo, matches),
            Err(error) if error.use_stderr() => {
                Err(Stop::Usage(options::usage_error(&error)).into())
            }
            Err(help) => print(&help.to_string()).map(|_| 0),
        },
    };
    let code = code.unwrap_or_else(|error| {
        let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        if hidden.is_some() && error.downcast_ref().is_some_and(is_pipe) {
            return 3; // The parent is gone, and with it who would want to know.
        }
        // Nothing is left to be done if not even this can be written.
        let line = format!("{}: {}\n", demo.name, text::inert(&format!("{error:#}")));
        // In one piece: other processes may write there, too.
        let _ = io::stderr().write_all(line.as_bytes());
        match error.downcast_ref::<Stop>() {
            Some(Stop::Usage(_)) => 2,
            Some(Stop::Output(_)) => 4,
            None => 3,
        }
    });
    ExitCode::from(code)
}

fn start(demo: &Demo, mut matches: ArgMatches) -> Result<u8> {
    if matches.get_flag("list") {
        return print(&options::list(demo)).map(|_| 0);
    }
    let (chosen, matches) =
        matches.remove_subcommand().unwrap_or((demo.lessons[0].name.into(), matches));
    if let Some(mode) = demo.modes.iter().find(|mode| mode.name == chosen) {
        let own = |name: &str| mode.options.iter().any(|option| option.name == name);
        let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let mut names = matches.ids().map(|id| id.as_str()).filter(given);
        if let Some(name) = names.find(|name| !own(name)) {
            return Err(Stop::Usage(format!("{chosen} takes no --{name}")).into());
        }
        return (mode.run)(&Options(matches)).map(|_| 0);
    }
    if matches.get_flag("ends-with-stdin") {
        end_with_stdin()?;
    }
    let json = options::is_json(&matches);
    options::check_files(demo, &matches)?;
    let [page, trace] = ["html", "trace"].map(|name| matches.get_one::<String>(name).cloned());
    let given = Given::new(demo, matches);
    if let Some(lesson) = demo.lessons.iter().find(|lesson| lesson.name == chosen) {
        given.check(lesson)?;
    }
    let machine = Machine {
        os: std::env::consts::OS.into(),
        cores: options::cores(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
    };
    let lessons = demo.lessons.iter().filter(|lesson| chosen == "all" || chosen == lesson.name);
    let columns = text::columns();
    let mut report = Report { version: 1, demo: demo.name.into(), machine, lessons: Vec::new() };
    let mut read = Reader::Listens;
    let mut last = 0;
    for (place, lesson) in lessons.enumerate() {
        if read == Reader::Left && page.is_none() && trace.is_none() {
            break;
        }
        if !json {
            let gap = if place > 0 { "\n" } else { "" };
            print(&format!(
                "{gap}{}",
                text::heading(demo.name, lesson.name, lesson.about, columns)
            ))?;
        }
        let lab = given.lab(lesson, chosen == lesson.name)?;
        let evidence = (lesson.run)(&lab).with_context(|| format!("lesson {}", lesson.name))?;
        let done = report::Lesson {
            name: lesson.name.into(),
            about: lesson.about.into(),
            settings: lab.settings(),
            runs: evidence.runs,
            figures: evidence.figures,
            picture: evidence.picture,
            findings: evidence.findings,
        };
        if !json {
            let ledger = text::ledger(&evidence.quoted, columns);
            let lesson = text::lesson(&done, &report.machine, columns);
            read = print(&(ledger + &lesson))?;
        }
        report.lessons.extend(evidence.quoted);
        report.lessons.push(done);
        last = demo.lessons.iter().position(|one| one.name == lesson.name).unwrap_or(last);
    }
    if let Some(file) = page {
        output_file::write(&file, html::page(&report).as_bytes())?;
    }
    if let Some(file) = trace {
        output_file::write(&file, trace::document(&report).as_bytes())?;
    }
    if json {
        print(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        let next = match demo.lessons.get(last + 1) {
            Some(lesson) => format!("cargo run -p {} -- {}", demo.name, lesson.name),
            None => demo.next.to_string(),
        };
        print(&text::next(&next, columns))?;
    }
    Ok(exit_code(&report))
}

/// Has this process end as soon as its stdin does, on a thread of its own.
fn end_with_stdin() -> Result<()> {
    std::thread::Builder::new().name("stdin".into()).spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(3);
    })?;
    Ok(())
}

fn exit_code(report: &Report) -> u8 {
    let lost = report
        .lessons
        .iter()
        .flat_map(|lesson| &lesson.runs)
        .any(|run| run.lost() > run.lost_on_purpose);
    let mut findings = report.lessons.iter().flat_map(|lesson| &lesson.findings);
    u8::from(lost || findings.any(|finding| finding.verdict == Verdict::Fails))
}

#[derive(PartialEq, Eq)]
enum Reader {
    Listens,
    /// It has read enough (`| head`), which is no error.
    Left,
}

/// Writes to stdout and makes sure that it arrived: `print!` would panic, a buffer forget.
fn print(text: &str) -> Result<Reader> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(Stop::Output(format!("cannot write the report: {error}")).into()),
    }
}
