//! The command line that every demo has: its options, the choice of a lesson, the exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::lab::{Evidence, Lab};
use crate::report::{self, Machine, Report, Verdict};
use crate::text;

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
    /// How many tasks, unless told otherwise, and the most that the demo's models can hold.
    pub tasks: usize,
    pub max_tasks: usize,
    /// The first is the one that runs when none is named.
    pub lessons: &'static [Lesson],
    pub modes: &'static [Mode],
    pub hidden: &'static [Hidden],
    pub options: &'static [Opt],
    /// What to try after the last lesson.
    pub next: &'static str,
}

pub struct Lesson {
    pub name: &'static str,
    pub about: &'static str,
    /// Ids of the claims that its findings are on.
    pub claims: &'static [&'static str],
    pub run: fn(&Lab) -> Result<Evidence>,
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
        }
    }
}

/// Something else than a lesson that the program can be told to do.
pub struct Mode {
    pub name: &'static str,
    pub about: &'static str,
    pub options: &'static [Opt],
    pub run: fn(&Options) -> Result<()>,
}

/// What the program starts itself as: a worker, or a child that is to die. It is found before any other word of the command line is looked at, since every worker pays for that.
pub struct Hidden {
    pub name: &'static str,
    /// Gets the words that follow the name.
    pub run: fn(&[String]) -> Result<()>,
}

impl Hidden {
    pub const fn new(name: &'static str, run: fn(&[String]) -> Result<()>) -> Hidden {
        Hidden { name, run }
    }
}

/// An option of one demo or mode, `--name VALUE`.
pub struct Opt {
    pub name: &'static str,
    pub value: &'static str,
    pub help: &'static str,
    /// Says what is wrong with a value, before anything starts.
    pub check: fn(&str) -> Result<(), String>,
}

/// The values that were given for a demo's or mode's own options.
pub struct Options(ArgMatches);

impl Options {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .try_get_one::<String>(name)
            .ok()
            .flatten()
            .map(String::as_str)
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

const MAX_WORKERS: usize = 1000;
const DURATIONS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// What a demo's `main` does: reads the command line, runs what it names, prints the report.
///
/// The exit code is 0 if everything was done and no finding fails, 1 if a task was lost or a
/// finding fails, 2 for wrong usage, 3 if something could not start, 4 if a result could not be
/// written.
pub fn main(demo: &Demo) -> ExitCode {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let hidden = demo
        .hidden
        .iter()
        .find(|hidden| words.first().is_some_and(|word| word == hidden.name));
    let code = match hidden {
        Some(hidden) => (hidden.run)(&words[1..]).map(|()| 0),
        None => match command(demo).try_get_matches() {
            Ok(matches) => start(demo, matches),
            Err(error) if error.use_stderr() => Err(Stop::Usage(usage_error(&error)).into()),
            Err(help) => print(&help.to_string()).map(|_| 0),
        },
    };
    let code = code.unwrap_or_else(|error| {
        // Nothing is left to be done if not even this can be written.
        let _ = writeln!(
            io::stderr(),
            "{}: {}",
            demo.name,
            text::inert(&format!("{error:#}"))
        );
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
        return print(&list(demo)).map(|_| 0);
    }
    let (chosen, matches) = matches
        .remove_subcommand()
        .unwrap_or((demo.lessons[0].name.into(), matches));
    if let Some(mode) = demo.modes.iter().find(|mode| mode.name == chosen) {
        let own = |name: &str| mode.options.iter().any(|option| option.name == name);
        let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let mut names = matches.ids().map(|id| id.as_str()).filter(given);
        if let Some(name) = names.find(|name| !own(name)) {
            return Err(Stop::Usage(format!("{chosen} takes no --{name}")).into());
        }
        return (mode.run)(&Options(matches)).map(|_| 0);
    }
    let json = matches
        .get_one::<String>("format")
        .is_some_and(|format| format == "json");
    let lab = lab(demo, matches, json)?;
    let machine = Machine {
        os: std::env::consts::OS.into(),
        cores: cores(),
        profile: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        }
        .into(),
    };
    let lessons = demo
        .lessons
        .iter()
        .filter(|lesson| chosen == "all" || chosen == lesson.name);
    let columns = text::columns();
    let mut report = Report {
        version: 1,
        demo: demo.name.into(),
        machine,
        lessons: Vec::new(),
    };
    let mut read = Reader::Listens;
    let mut last = 0;
    for (place, lesson) in lessons.enumerate() {
        if read == Reader::Left {
            break;
        }
        if !json {
            let gap = if place > 0 { "\n" } else { "" };
            print(&format!(
                "{gap}{}",
                text::heading(demo.name, lesson.name, lesson.about, columns)
            ))?;
        }
        let (runs, findings) =
            (lesson.run)(&lab).with_context(|| format!("lesson {}", lesson.name))?;
        let (name, about) = (lesson.name.into(), lesson.about.into());
        let done = report::Lesson {
            name,
            about,
            settings: lab.settings(),
            runs,
            findings,
        };
        if !json {
            read = print(&text::lesson(&done, &report.machine, columns))?;
        }
        report.lessons.push(done);
        last = demo
            .lessons
            .iter()
            .position(|one| one.name == lesson.name)
            .unwrap_or(last);
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
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(Stop::Output(format!("cannot write the report: {error}")).into()),
    }
}

#[cfg_attr(not(feature = "http"), expect(unused_variables))]
fn lab(demo: &Demo, matches: ArgMatches, json: bool) -> Result<Lab> {
    let count = |name| matches.get_one::<usize>(name).copied().unwrap_or(1);
    let (tasks, workers) = (count("tasks"), count("workers"));
    #[cfg(feature = "http")]
    let target = if demo.http {
        Some(target(&matches, json)?)
    } else {
        None
    };
    let embedded = demo.http && !matches.contains_id("url");
    let delay_ms = embedded.then(|| duration(&matches, "delay").as_secs_f64() * 1000.0);
    Ok(Lab {
        tasks,
        workers: workers.min(tasks),
        cores: cores(),
        delay_ms,
        options: Options(matches),
        #[cfg(feature = "http")]
        target,
    })
}

#[cfg(feature = "http")]
fn target(matches: &ArgMatches, json: bool) -> Result<crate::lab::Target> {
    use crate::activity::{Show, parse_url};
    use crate::server::Server;
    use std::net::Ipv4Addr;

    raise_descriptor_limit();
    let (server, url) = match matches.get_one::<String>("url") {
        Some(url) => (None, url.clone()),
        None => {
            let server = Server::start(Ipv4Addr::LOCALHOST.into(), 0)?;
            let url = server.url(&format!(
                "/delay/{}",
                duration(matches, "delay").as_millis()
            ));
            (Some(server), url)
        }
    };
    Ok(crate::lab::Target {
        url: parse_url(&url).map_err(Stop::Usage)?,
        timeout: duration(matches, "timeout"),
        show: if json { Show::Nothing } else { Show::Lines },
        server,
    })
}

/// A connection is a descriptor, and the embedded server holds the other end of each.
#[cfg(feature = "http")]
fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            // macOS calls the hard limit infinite, but grants no more than OPEN_MAX.
            let wanted = if cfg!(target_vendor = "apple") {
                hard.min(10_240)
            } else {
                hard
            };
            // If refused, the old limit stays, and a task that it stops says so.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.max(soft), hard);
        }
    }
}

fn duration(matches: &ArgMatches, name: &str) -> Duration {
    matches.get_one(name).copied().unwrap_or_default()
}

/// Size of pools, unless told otherwise: a worker for each core. But a pool that has a place for
/// every task is no pool, so there are at least two tasks for each worker.
fn workers(demo: &Demo) -> usize {
    cores().min(demo.tasks / 2).clamp(1, MAX_WORKERS)
}

/// Cores that this process may use.
fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn command(demo: &Demo) -> Command {
    let option = |name: &'static str, value: &'static str| {
        // A value may begin with a hyphen, so that -1 is told the range and not taken for an option.
        Arg::new(name)
            .long(name)
            .value_name(value)
            .global(true)
            .allow_hyphen_values(true)
    };
    let mut command = Command::new(demo.name)
        .about(demo.about)
        .after_help(plus_and_minus(demo))
        .subcommand_value_name("LESSON")
        .subcommand_help_heading("Lessons")
        .disable_help_subcommand(true)
        .arg(
            count_option(option("tasks", "N").short('n'), 1..=demo.max_tasks)
                .default_value(demo.tasks.to_string())
                .help(format!("How many activities, at most {}", demo.max_tasks)),
        )
        .arg(
            count_option(option("workers", "K"), 1..=MAX_WORKERS)
                .default_value(workers(demo).to_string())
                .help(format!("Size of pools, at most {MAX_WORKERS}")),
        )
        .arg(
            option("format", "FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("json: exactly one document on stdout"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("The lessons and the ids of their claims"),
        );
    if demo.http {
        command = command
            .arg(
                option("delay", "DURATION")
                    .value_parser(parse_duration)
                    .default_value("100ms")
                    .help("How long the embedded server waits"),
            )
            .arg(
                option("url", "URL")
                    .value_parser(checked_url)
                    .conflicts_with("delay")
                    .help("A real http or https target instead of the embedded server"),
            )
            .arg(
                option("timeout", "DURATION")
                    .value_parser(parse_duration)
                    .default_value("10s")
                    .help("For one activity"),
            );
    }
    command = command.args(demo.options.iter().map(|own| checked(own).global(true)));
    for (place, lesson) in demo.lessons.iter().enumerate() {
        let about = if place == 0 {
            format!("{} [default]", lesson.about)
        } else {
            lesson.about.into()
        };
        command = command.subcommand(Command::new(lesson.name).about(about));
    }
    command = command.subcommand(Command::new("all").about("Every lesson in order"));
    for mode in demo.modes {
        let options = mode.options.iter().map(checked);
        command = command.subcommand(Command::new(mode.name).about(mode.about).args(options));
    }
    command
}

fn checked(own: &Opt) -> Arg {
    let check = own.check;
    Arg::new(own.name)
        .long(own.name)
        .value_name(own.value)
        .help(own.help)
        .allow_hyphen_values(true)
        .value_parser(move |text: &str| check(text).map(|()| text.to_string()))
}

fn count_option(arg: Arg, range: RangeInclusive<usize>) -> Arg {
    arg.value_parser(move |text: &str| match text.parse() {
        Ok(count) if range.contains(&count) => Ok(count),
        _ => Err(format!(
            "expected a whole number from {} to {}",
            range.start(),
            range.end()
        )),
    })
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| DURATIONS.contains(duration) && duration.subsec_nanos() % 1_000_000 == 0)
        .ok_or_else(|| "expected whole milliseconds from 1ms to 1h, such as 250ms or 2s".into())
}

fn checked_url(text: &str) -> Result<String, String> {
    #[cfg(feature = "http")]
    crate::activity::parse_url(text)?;
    Ok(text.into())
}

fn plus_and_minus(demo: &Demo) -> String {
    let lines = |sign, points: &[&str]| {
        points
            .iter()
            .map(|point| format!("  {sign} {point}\n"))
            .collect::<String>()
    };
    format!("{}{}", lines('+', demo.plus), lines('-', demo.minus))
}

fn list(demo: &Demo) -> String {
    demo.lessons
        .iter()
        .map(|lesson| {
            format!(
                "{:<16} {:<16} {}\n",
                lesson.name,
                lesson.claims.join(" "),
                lesson.about
            )
        })
        .collect()
}

/// What clap says over several lines, in one.
fn usage_error(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let mut rendered = error.to_string();
    let given = [
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidArg,
    ];
    for word in given.into_iter().filter_map(context) {
        // A word may be long, or have line breaks of its own.
        let mut short = text::inert(&word);
        if short.chars().count() > 80 {
            short = short.chars().take(77).chain("...".chars()).collect();
        }
        if short != word {
            rendered = rendered.replace(&word, &short);
        }
    }
    let first = rendered.lines().next().unwrap_or_default();
    let line = first
        .strip_prefix("error: ")
        .unwrap_or(first)
        .replace("subcommand", "lesson");
    let similar = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    if let Some(similar) = similar.into_iter().find_map(context) {
        return format!("{line}; did you mean {similar}?");
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(allowed)) => {
            format!("{line}; expected {}", allowed.join(" or "))
        }
        _ if error.kind() == ErrorKind::ValueValidation => line,
        _ => line + "; see --help",
    }
}
