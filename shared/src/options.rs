//! The options of the command line: which there are, what they may be, and what they say for a lesson.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::{Demo, Lesson, Stop};
use crate::lab::Lab;
use crate::{output_file, text};

/// An option of some lessons or of one mode, `--name VALUE`.
pub struct Opt {
    pub name: &'static str,
    pub value: &'static str,
    pub help: &'static str,
    /// Says what is wrong with a value, before anything starts.
    pub check: fn(&str) -> Result<(), String>,
    /// Whether the value is a file that will be written.
    pub writes: bool,
}

/// The values that were given for a lesson's or mode's own options.
pub struct Options(pub(crate) ArgMatches);

impl Options {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.try_get_one::<String>(name).ok().flatten().map(String::as_str)
    }
}

const MAX_WORKERS: usize = 1000;
const DURATIONS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// For a program that starts a demo and holds its stdin: the demo ends when that ends.
pub const ENDS_WITH_STDIN: &str = "--ends-with-stdin";

/// With more tasks than this, they are not shown one by one as they finish.
#[cfg(feature = "http")]
const MAX_LINES: usize = 100;

/// What the command line says, for whichever lesson.
pub(crate) struct Given<'a> {
    demo: &'a Demo,
    matches: ArgMatches,
    #[cfg(feature = "http")]
    server: std::cell::OnceCell<std::sync::Arc<crate::server::Server>>,
}

impl<'a> Given<'a> {
    pub(crate) fn new(demo: &'a Demo, matches: ArgMatches) -> Given<'a> {
        Given {
            demo,
            matches,
            #[cfg(feature = "http")]
            server: Default::default(),
        }
    }

    /// # Errors
    /// [`Stop::Usage`] where `lesson` cannot do what was asked.
    pub(crate) fn check(&self, lesson: &Lesson) -> Result<(), Stop> {
        if let Some(most) = lesson.most
            && self.is_given("tasks")
            && self.matches.get_one::<usize>("tasks") > Some(&most)
        {
            let why = format!("takes at most {most} --tasks");
            return Err(Stop::Usage(format!("the lesson {} {why}", lesson.name)));
        }
        let own = |name| lesson.options.iter().any(|own| own.name == name);
        let mut others = options(self.demo).filter(|other| !own(other.name));
        if let Some(other) = others.find(|other| self.is_given(other.name)) {
            let why = format!("takes no --{}", other.name);
            return Err(Stop::Usage(format!("the lesson {} {why}", lesson.name)));
        }
        if lesson.own_server && self.is_given("url") {
            let why = "needs to know what the server saw: it takes no --url";
            return Err(Stop::Usage(format!("the lesson {} {why}", lesson.name)));
        }
        Ok(())
    }

    /// What `lesson` works with, which was `named` or is one of all.
    ///
    /// # Errors
    /// The embedded server cannot be started.
    pub(crate) fn lab(&self, lesson: &Lesson, named: bool) -> Result<Lab> {
        let count = |name| {
            let given = self.matches.try_get_one::<usize>(name).ok().flatten();
            given.copied().unwrap_or(1)
        };
        // Somebody else's server gets ten thousand requests only if that very lesson was asked for.
        let own = named || !self.is_given("url");
        let tasks = lesson.tasks.filter(|_| own && !self.is_given("tasks"));
        let tasks = tasks.unwrap_or_else(|| count("tasks"));
        let tasks = tasks.min(lesson.most.unwrap_or(usize::MAX));
        let embedded = self.demo.http && (lesson.own_server || !self.is_given("url"));
        let delay = lesson.delay.filter(|_| !self.is_given("delay"));
        let delay = delay.unwrap_or_else(|| duration(&self.matches, "delay"));
        // A pool needs no more places than there are tasks, or descriptors for them.
        #[cfg(feature = "http")]
        let places = {
            crate::descriptors::raise_limit();
            crate::descriptors::at_once(tasks, 3)
        };
        #[cfg(not(feature = "http"))]
        let places = tasks;
        Ok(Lab {
            tasks,
            workers: count("workers").min(places),
            cores: cores(),
            // Behind an address of somebody else, how long it takes is not known.
            delay_ms: (embedded || !self.demo.http)
                .then_some(delay.as_secs_f64() * 1000.0)
                .filter(|&ms| ms > 0.0),
            shows_pictures: is_json(&self.matches) || self.is_given("html"),
            options: Options(self.matches.clone()),
            rationed: Cell::new(false),
            #[cfg(feature = "http")]
            target: match self.demo.http {
                true => {
                    let path = embedded.then(|| format!("/delay/{}", delay.as_millis()));
                    Some(self.target(lesson, path, tasks)?)
                }
                false => None,
            },
        })
    }

    #[cfg(feature = "http")]
    fn target(
        &self,
        lesson: &Lesson,
        path: Option<String>,
        tasks: usize,
    ) -> Result<crate::lab::Target> {
        use crate::activity::{Show, parse_url};
        use crate::apart::Apart;
        use crate::lab::Watched;
        use crate::server::Server;

        let (url, server) = match path {
            None => {
                let url = self.matches.get_one::<String>("url").cloned();
                (url.unwrap_or_default(), Watched::Nobody)
            }
            Some(path) if lesson.apart => {
                let apart = Apart::start()?;
                (apart.url(&path), Watched::Apart(apart.into()))
            }
            Some(path) => {
                let server = match self.server.get() {
                    Some(server) => server.clone(),
                    None => {
                        let server = Server::start(std::net::Ipv4Addr::LOCALHOST.into(), 0)?;
                        self.server.get_or_init(|| server.into()).clone()
                    }
                };
                (server.url(&path), Watched::Inside(server))
            }
        };
        Ok(crate::lab::Target {
            url: parse_url(&url).map_err(Stop::Usage)?,
            timeout: duration(&self.matches, "timeout"),
            show: match !is_json(&self.matches) && tasks <= MAX_LINES {
                true => Show::Lines,
                false => Show::Nothing,
            },
            server,
        })
    }

    /// Whether the option `name` was given, and does not only have its default.
    fn is_given(&self, name: &str) -> bool {
        let known = self.matches.ids().any(|id| id == name);
        known && self.matches.value_source(name) == Some(ValueSource::CommandLine)
    }
}

/// All options that lessons of this demo have for themselves; one may be there for several of them.
fn options(demo: &Demo) -> impl Iterator<Item = &'static Opt> {
    demo.lessons.iter().flat_map(|lesson| lesson.options)
}

/// Makes sure that every file is written once.
///
/// # Errors
/// [`Stop::Usage`] where two options name the same.
pub(crate) fn check_files(demo: &Demo, matches: &ArgMatches) -> Result<(), Stop> {
    let own = options(demo).filter(|own| own.writes).map(|own| own.name);
    let mut files = BTreeMap::new();
    for name in ["html", "trace"].into_iter().chain(own) {
        let Some(path) = matches.get_one::<String>(name) else {
            continue;
        };
        match files.insert(output_file::target(path.as_ref()), name) {
            Some(other) if other != name => {
                let why = format!("--{other} and --{name} name the same file");
                return Err(Stop::Usage(why));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the report is to be printed as JSON.
pub(crate) fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("format").is_some_and(|format| format == "json")
}

fn duration(matches: &ArgMatches, name: &str) -> Duration {
    // Demos that ask no server do not have it.
    let given = matches.try_get_one(name).ok().flatten();
    given.copied().unwrap_or_default()
}

/// Size of pools, unless told otherwise: a worker for each core. But a pool that has a place for
/// every task is no pool, so there are at least two tasks for each worker.
fn workers(demo: &Demo) -> usize {
    cores().min(demo.tasks / 2).clamp(1, MAX_WORKERS)
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

pub(crate) fn command(demo: &Demo) -> Command {
    let option = |name: &'static str, value: &'static str| {
        // A value may begin with a hyphen, so that -1 is told the range and not taken for an option.
        Arg::new(name).long(name).value_name(value).global(true).allow_hyphen_values(true)
    };
    let mut command = Command::new(demo.name)
        .about(demo.about)
        .after_help(plus_and_minus(demo))
        .subcommand_value_name("LESSON")
        .subcommand_help_heading("Lessons")
        .disable_help_subcommand(true)
        .arg(
            option("format", "FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("json: exactly one document on stdout"),
        )
        .arg(
            option("html", "FILE")
                .value_parser(writable)
                .help("Saves the report as a page with pictures"),
        )
        .arg(
            option("trace", "FILE")
                .value_parser(writable)
                .help("Saves the runs as Trace Event JSON, for Perfetto or chrome://tracing"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("The lessons and the ids of their claims"),
        )
        .arg(
            Arg::new("ends-with-stdin")
                .long(ENDS_WITH_STDIN.trim_start_matches('-'))
                .action(ArgAction::SetTrue)
                .global(true)
                .hide(true),
        );
    if demo.tasks > 0 {
        command = command
            .arg(
                count_option(option("tasks", "N").short('n'), 1..=demo.max_tasks)
                    .default_value(demo.tasks.to_string())
                    .help(format!("How many activities, at most {}", demo.max_tasks)),
            )
            .arg(
                count_option(option("workers", "K"), 1..=MAX_WORKERS)
                    .default_value(workers(demo).to_string())
                    .help(format!("Size of pools, at most {MAX_WORKERS}")),
            );
    }
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
    let own: BTreeMap<_, _> = options(demo).map(|own| (own.name, own)).collect();
    command = command.args(own.values().map(|own| checked(own).global(true)));
    for (place, lesson) in demo.lessons.iter().enumerate() {
        let about =
            if place == 0 { format!("{} [default]", lesson.about) } else { lesson.about.into() };
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
        _ => Err(format!("expected a whole number from {} to {}", range.start(), range.end())),
    })
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| DURATIONS.contains(duration) && duration.subsec_nanos() % 1_000_000 == 0)
        .ok_or_else(|| "expected whole milliseconds from 1ms to 1h, such as 250ms or 2s".into())
}

fn writable(path: &str) -> Result<String, String> {
    output_file::check(path).map(|()| path.into())
}

fn checked_url(text: &str) -> Result<String, String> {
    #[cfg(feature = "http")]
    crate::activity::parse_url(text)?;
    Ok(text.into())
}

fn plus_and_minus(demo: &Demo) -> String {
    let lines = |sign, points: &[&str]| {
        points.iter().map(|point| format!("  {sign} {point}\n")).collect::<String>()
    };
    format!("{}{}", lines('+', demo.plus), lines('-', demo.minus))
}

pub(crate) fn list(demo: &Demo) -> String {
    demo.lessons
        .iter()
        .map(|lesson| {
            format!("{:<16} {:<16} {}\n", lesson.name, lesson.claims.join(" "), lesson.about)
        })
        .collect()
}

/// What clap says over several lines, in one.
pub(crate) fn usage_error(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let mut rendered = error.to_string();
    let given =
        [ContextKind::InvalidValue, ContextKind::InvalidSubcommand, ContextKind::InvalidArg];
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
    let line = first.strip_prefix("error: ").unwrap_or(first).replace("subcommand", "lesson");
    let similar =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(similar) = similar.into_iter().find_map(context) {
        return format!("{line}; did you mean {similar}?");
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(allowed)) if !allowed.is_empty() => {
            format!("{line}; expected {}", allowed.join(" or "))
        }
        _ if error.kind() == ErrorKind::ValueValidation => line,
        _ => line + "; see --help",
    }
}
