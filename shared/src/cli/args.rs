//! The options of the command line: which there are, which values they take, what they mean for a
//! lesson.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use anstream::ColorChoice;
use anyhow::Result;
use clap::builder::Styles;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::demo::{COMMON_OPTIONS, Demo, Http, Lesson, LessonOption, opening_comment};
use crate::exit::ExitError;
use crate::lab::{CounterSource, Lab, OptionValues, Requests};
use crate::os::{atomic_file, cores, fd_limit};
use crate::progress::Show;
use crate::render::columns::pad;
use crate::render::escape::{escape_controls, mask_password};
use crate::render::style::HEADING;
use crate::render::text;

const MAX_WORKERS: usize = 1000;
const DURATIONS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// File descriptors that a worker of a pool needs: an event loop and both ends of a connection.
const DESCRIPTORS_PER_WORKER: usize = 6;

/// More tasks are counted, instead of a line for each.
const MAX_LINES: usize = 100;

/// Most rounds of a lesson.
const MAX_ROUNDS: usize = 100;

/// How often a lesson runs. All demos have it; a lesson that declares it repeats what it starts.
pub const REPEAT: LessonOption = LessonOption {
    name: "repeat",
    value: "N",
    help: "Run each lesson N times, at most 100: text and page show the median round of each run, or \
           the one that lost tasks; JSON has all rounds, --trace one after another; a finding that \
           fails once fails",
    check: |text| parse_count(text, &(1..=MAX_ROUNDS)).map(|_| ()),
    writes: false,
};

/// For a program that starts a demo and holds its stdin: the demo ends when that ends.
pub const ENDS_WITH_STDIN: &str = "--ends-with-stdin";

/// The command line, which applies to whatever lesson.
pub(crate) struct Args<'a> {
    demo: &'a Demo,
    matches: ArgMatches,
    /// Shared by all lessons that ask the embedded server.
    embedded: OnceCell<Rc<dyn CounterSource>>,
}

impl<'a> Args<'a> {
    pub(crate) fn new(demo: &'a Demo, matches: ArgMatches) -> Args<'a> {
        Args { demo, matches, embedded: OnceCell::new() }
    }

    /// # Errors
    /// [`ExitError::Usage`] if `lesson` does not take what was given.
    pub(crate) fn check(&self, lesson: &Lesson) -> Result<(), ExitError> {
        let refuse = |why: String| ExitError::Usage(format!("the lesson {} {why}", lesson.name));
        if let Some(most) = lesson.max_tasks
            && self.is_given("tasks")
            && self.matches.get_one::<usize>("tasks") > Some(&most)
        {
            return Err(refuse(format!("takes at most {most} --tasks")));
        }
        match not_taken(self.demo, lesson).find(|name| self.is_given(name)) {
            Some(name) => Err(refuse(format!("takes no --{name}"))),
            None => Ok(()),
        }
    }

    /// How often `lesson` runs, if the command line says so.
    pub(crate) fn rounds(&self, lesson: &Lesson) -> Option<usize> {
        let repeats_itself = lesson.options.iter().any(|own| own.name == REPEAT.name);
        let given = self.matches.get_one::<String>(REPEAT.name).filter(|_| !repeats_itself);
        given.and_then(|rounds| rounds.parse().ok())
    }

    /// What `lesson` works with. `named` says whether it was named, or is one of all.
    ///
    /// # Errors
    /// The embedded server cannot be started.
    pub(crate) fn lab(&self, lesson: &Lesson, named: bool) -> Result<Lab> {
        let count = |name| {
            let given = self.matches.try_get_one::<usize>(name).ok().flatten();
            given.copied().unwrap_or(1)
        };
        // A foreign server gets a lesson's thousands of requests only if that lesson was named.
        let own = named || !self.is_given("url");
        let tasks = lesson.tasks.filter(|_| own && !self.is_given("tasks"));
        let tasks =
            tasks.unwrap_or_else(|| count("tasks")).min(lesson.max_tasks.unwrap_or(usize::MAX));
        let delay = lesson.delay.filter(|_| !self.is_given("delay"));
        let delay = delay.unwrap_or_else(|| self.duration("delay"));
        let embedded = !lesson.takes("url") || !self.is_given("url");
        let mut places = tasks;
        let mut requests = None;
        if let Some(http) = &self.demo.http {
            places = places.min(fd_limit::for_tasks() / DESCRIPTORS_PER_WORKER).max(1);
            requests = Some(self.requests(http, lesson, embedded, delay)?);
        }
        let mut lab = Lab::new(tasks, count("workers").min(places), cores::whole());
        lab.cpu_quota = cores::quota();
        lab.delay_ms = Some(delay.as_secs_f64() * 1000.0).filter(|&ms| embedded && ms > 0.0);
        lab.shows_pictures = is_json(&self.matches) || self.is_given("html");
        lab.options = self.option_values(lesson);
        lab.show = match is_json(&self.matches) || self.rounds(lesson).is_some() {
            true => Show::Nothing,
            false if tasks <= MAX_LINES => Show::Lines,
            false => Show::Count,
        };
        lab.requests = requests;
        Ok(lab)
    }

    fn requests(
        &self,
        http: &Http,
        lesson: &Lesson,
        embedded: bool,
        delay: Duration,
    ) -> Result<Requests> {
        let server = match (embedded, lesson.start_server, self.embedded.get()) {
            (false, ..) => None,
            (true, Some(start), _) => Some(start()?),
            (true, None, Some(server)) => Some(server.clone()),
            (true, None, None) => {
                let server = (http.start_server)()?;
                Some(self.embedded.get_or_init(|| server).clone())
            }
        };
        let url = match &server {
            Some(server) => server.url(&format!("/delay/{}", delay.as_millis())),
            None => self.matches.get_one::<String>("url").cloned().unwrap_or_default(),
        };
        Ok(Requests { url, timeout: self.duration("timeout"), server })
    }

    fn option_values(&self, lesson: &Lesson) -> OptionValues {
        let value = |own: &'static LessonOption| {
            let given = self.matches.get_one::<String>(own.name);
            given.map(|given| (own.name, given.clone()))
        };
        OptionValues(lesson.options.iter().filter_map(value).collect())
    }

    fn duration(&self, name: &str) -> Duration {
        // Demos without HTTP do not have the option.
        let given = self.matches.try_get_one(name).ok().flatten();
        given.copied().unwrap_or_default()
    }

    /// Whether the option `name` was given, and is not just its default.
    fn is_given(&self, name: &str) -> bool {
        let known = self.matches.ids().any(|id| id == name);
        known && self.matches.value_source(name) == Some(ValueSource::CommandLine)
    }
}

/// The options that lessons have of their own; several lessons may have the same one.
fn lesson_options(demo: &Demo) -> impl Iterator<Item = &'static LessonOption> {
    demo.all_lessons().flat_map(|lesson| lesson.options)
}

/// The options that are for other lessons than this one.
fn not_taken<'a>(demo: &'a Demo, lesson: &'a Lesson) -> impl Iterator<Item = &'static str> + 'a {
    let own = |name: &str| lesson.options.iter().any(|own| own.name == name);
    let others = lesson_options(demo).map(|other| other.name).filter(move |name| !own(name));
    COMMON_OPTIONS.into_iter().filter(|name| !lesson.takes(name)).chain(others)
}

/// Makes sure that no two options name the same file.
///
/// # Errors
/// [`ExitError::Usage`] naming both.
pub(crate) fn check_files(demo: &Demo, matches: &ArgMatches) -> Result<(), ExitError> {
    let own = lesson_options(demo).filter(|own| own.writes).map(|own| own.name);
    let mut files = BTreeMap::new();
    for name in ["html", "trace"].into_iter().chain(own) {
        let Some(path) = matches.get_one::<String>(name) else {
            continue;
        };
        match files.insert(atomic_file::resolve(path.as_ref()), name) {
            Some(other) if other != name => {
                let why = format!("--{other} and --{name} name the same file");
                return Err(ExitError::Usage(why));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the report is printed as JSON.
pub(crate) fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("format").is_some_and(|format| format == "json")
}

/// Default size of pools: a worker for each core, but at least two tasks for each worker. A pool
/// with a worker for every task would show nothing.
fn workers(demo: &Demo) -> usize {
    cores::whole().min(demo.tasks / 2).clamp(1, MAX_WORKERS)
}

pub(crate) fn command(demo: &Demo) -> Command {
    let option = |name: &'static str, value: &'static str| {
        // A value may begin with a hyphen: -1 is out of range and no unknown option.
        Arg::new(name).long(name).value_name(value).global(true).allow_hyphen_values(true)
    };
    let about = opening_comment(demo.source);
    let (about, pros_and_cons) = about.split_once("\n\n").unwrap_or((&about, ""));
    let mut command = Command::new(demo.name)
        .about(about.to_string())
        .term_width(text::columns())
        .styles(Styles::styled().header(HEADING).usage(HEADING))
        .after_help(pros_and_cons.to_string())
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
                .help("Save the report as a page with pictures"),
        )
        .arg(
            option("trace", "FILE")
                .value_parser(writable)
                .help("Save the runs as Trace Event JSON, for Perfetto or chrome://tracing"),
        )
        .arg(
            option("color", "WHEN")
                .value_parser(["auto", "always", "never"])
                .default_value("auto")
                .help("Colours in text; auto follows the terminal and NO_COLOR"),
        )
        .arg(
            Arg::new("verbose")
                .long("verbose")
                .action(ArgAction::SetTrue)
                .global(true)
                .help("Print every finding in full"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("List the lessons with the ids of their claims"),
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
                    .help(format!("Number of tasks, at most {}", demo.max_tasks)),
            )
            .arg(
                count_option(option("workers", "K"), 1..=MAX_WORKERS)
                    .default_value(workers(demo).to_string())
                    .help(format!("Size of pools, at most {MAX_WORKERS}")),
            );
    }
    if let Some(Http { check_url, .. }) = demo.http {
        command = command
            .arg(
                option("delay", "DURATION")
                    .value_parser(parse_duration)
                    .default_value("100ms")
                    .help("How long the embedded server waits"),
            )
            .arg(
                option("url", "URL")
                    .value_parser(move |text: &str| check_url(text).map(|()| text.to_string()))
                    .conflicts_with("delay")
                    .help("A real http or https target instead of the embedded server"),
            )
            .arg(
                option("timeout", "DURATION")
                    .value_parser(parse_duration)
                    .default_value("10s")
                    .help("Time limit for one task"),
            );
    }
    let own = lesson_options(demo).chain([&REPEAT]);
    let own: BTreeMap<_, _> = own.map(|own| (own.name, own)).collect();
    command = command.args(own.values().map(|own| lesson_option(own)));
    let global: Vec<Arg> =
        command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    for lesson in demo.all_lessons() {
        let not_taken: Vec<_> = not_taken(demo, lesson).collect();
        let hidden = global.iter().filter(|arg| not_taken.contains(&arg.get_id().as_str()));
        let default = if lesson.name == demo.notebook.name { " [default]" } else { "" };
        command = command.subcommand(
            Command::new(lesson.name)
                .about(format!("{}{default}", lesson.about))
                .args(hidden.map(|arg| arg.clone().hide(true)))
                .before_help(opening_comment(lesson.source))
                .after_help(format!("Next: {}", demo.next_after(lesson.name))),
        );
    }
    command.subcommand(Command::new("all").about("Every lesson in order"))
}

fn lesson_option(own: &LessonOption) -> Arg {
    let check = own.check;
    Arg::new(own.name)
        .long(own.name)
        .value_name(own.value)
        .help(own.help)
        .global(true)
        .allow_hyphen_values(true)
        .value_parser(move |text: &str| check(text).map(|()| text.to_string()))
}

fn count_option(arg: Arg, range: RangeInclusive<usize>) -> Arg {
    arg.value_parser(move |text: &str| parse_count(text, &range))
}

fn parse_count(text: &str, range: &RangeInclusive<usize>) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if range.contains(&count) => Ok(count),
        _ => Err(format!("expected a whole number from {} to {}", range.start(), range.end())),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| DURATIONS.contains(duration) && duration.subsec_nanos() % 1_000_000 == 0)
        .ok_or_else(|| "expected whole milliseconds from 1ms to 1h, such as 250ms or 2s".into())
}

fn writable(path: &str) -> Result<String, String> {
    atomic_file::check(path).map(|()| path.into())
}

/// The value of `--color`. It also applies to --help, at which clap stops reading.
pub(crate) fn color(words: &[String]) -> ColorChoice {
    let next = words.iter().skip(1).map(String::as_str).chain([""]);
    let value =
        words.iter().zip(next).find_map(|(word, next)| match word.strip_prefix("--color") {
            Some("") => Some(next),
            Some(value) => value.strip_prefix('='),
            None => None,
        });
    match value {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

pub(crate) fn list(demo: &Demo) -> String {
    let lines = demo.all_lessons().map(|lesson| {
        let claims = lesson.claims.join(" ");
        format!("{} {} {}\n", pad(lesson.name, 18), pad(&claims, 16), lesson.about)
    });
    lines.collect()
}

/// clap's message in one line.
pub fn usage_error(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let mut rendered = error.to_string();
    let given =
        [ContextKind::InvalidValue, ContextKind::InvalidSubcommand, ContextKind::InvalidArg];
    for word in given.into_iter().filter_map(context) {
        // A word may be long or contain line breaks.
        let mut short = escape_controls(&mask_password(&word));
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
