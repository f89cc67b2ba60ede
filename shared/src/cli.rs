//! The command line that every demo has: choosing lessons, printing the report, the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::ColorChoice;
use anyhow::{Context, Result, ensure};
use clap::ArgMatches;

use crate::cli::args::Args;
pub use crate::cli::args::{ENDS_WITH_STDIN, REPEAT, usage_error};
use crate::demo::{Demo, Lesson};
use crate::exit::ExitError;
use crate::lab::{Evidence, Lab};
use crate::os::{atomic_file, child, cores, fd_limit, signals, stdout, usage};
use crate::progress;
use crate::render::escape::escape_controls;
use crate::render::{html, summary, text, trace};
use crate::report::{LessonReport, Machine, Report, Settings, Verdict, rounds};

mod args;

/// A demo's `main`: reads the command line, runs the lessons that it names, prints the report.
///
/// The exit code is 0 if everything was done and no finding fails, 1 if a task was lost or a finding
/// fails, 2 for wrong usage, 3 if something could not start, 4 if a result could not be written.
pub fn main(demo: &Demo) -> ExitCode {
    signals::prepare();
    if let Some(http) = &demo.http {
        (http.prepare)();
    }
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    // Child modes come before clap: every worker process would pay for setting it up.
    let mut modes = demo.all_lessons().flat_map(|lesson| lesson.child_modes);
    let mode = modes.find(|mode| words.first().is_some_and(|word| word == mode.name));
    let code = match mode {
        Some(mode) => mode.enter(&words[1..]).map(|()| 0),
        None => {
            ColorChoice::write_global(args::color(&words));
            match args::command(demo).try_get_matches() {
                Ok(matches) => start(demo, matches),
                Err(error) if error.use_stderr() => {
                    Err(ExitError::Usage(usage_error(&error)).into())
                }
                Err(help) => print(&help.render().ansi().to_string()).map(|_| 0),
            }
        }
    };
    let code = code.unwrap_or_else(|error| {
        let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        if mode.is_some() && error.downcast_ref().is_some_and(is_pipe) {
            return 3; // The parent is gone, so nobody is left to tell.
        }
        // The user did not start the child.
        let child = mode.map(|mode| format!("child {} ({}): ", std::process::id(), mode.name));
        say(demo, &format!("{}{error:#}", child.unwrap_or_default()));
        ExitError::code(&error)
    });
    ExitCode::from(code)
}

fn start(demo: &Demo, mut matches: ArgMatches) -> Result<u8> {
    if matches.get_flag("list") {
        return print(&args::list(demo)).map(|_| 0);
    }
    let (chosen, matches) =
        matches.remove_subcommand().unwrap_or((demo.notebook.name.into(), matches));
    if matches.get_flag("ends-with-stdin") {
        child::exit_with_stdin()?;
    }
    let (json, verbose) = (args::is_json(&matches), matches.get_flag("verbose"));
    args::check_files(demo, &matches)?;
    let [page, trace] = ["html", "trace"].map(|name| matches.get_one::<String>(name).cloned());
    let args = Args::new(demo, matches);
    if let Some(lesson) = demo.all_lessons().find(|lesson| lesson.name == chosen) {
        args.check(lesson)?;
    }
    fd_limit::raise_limit();
    fd_limit::check(fd_limit::LEAST)?;
    let machine = Machine {
        os: std::env::consts::OS.into(),
        cores: cores::whole(),
        cpu_quota: cores::quota(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
    };
    if page.is_none() && trace.is_none() {
        progress::end_with_reader();
    }
    let columns = text::columns();
    let mut report = Report { version: 1, demo: demo.name.into(), machine, lessons: Vec::new() };
    for lesson in demo.all_lessons().filter(|lesson| chosen == "all" || chosen == lesson.name) {
        if !json {
            let gap = if report.lessons.is_empty() { "" } else { "\n" };
            let sections = if gap.is_empty() { text::sections(columns) } else { String::new() };
            let heading = text::heading(demo.name, lesson.name, lesson.about, columns);
            let reader = print(&format!("{gap}{heading}{sections}"))?;
            if reader == Reader::Left && page.is_none() && trace.is_none() {
                break;
            }
        }
        let (quoted, done) = run(demo, &args, lesson, chosen == lesson.name)?;
        if !json {
            let own = rounds::merge(&done);
            let merge = |lesson| rounds::merge(lesson).into_owned();
            print(&match quoted.is_empty() {
                true => text::lesson(&own, &report.machine, verbose, columns),
                false => {
                    let quoted: Vec<_> = quoted.iter().map(merge).collect();
                    summary::text(&quoted, &own, verbose, columns)
                }
            })?;
        }
        report.lessons.extend(quoted);
        report.lessons.push(done);
    }
    if let Some(file) = page {
        atomic_file::write(&file, html::page(&rounds::merge_all(&report)).as_bytes())?;
    }
    if let Some(file) = trace {
        if report.lessons.iter().all(|lesson| lesson.runs.is_empty()) {
            say(demo, "this report has no runs, so the trace is empty");
        }
        atomic_file::write(&file, trace::document(&report).as_bytes())?;
    }
    if json {
        print(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        print(&text::next(&demo.next_after(&chosen), columns))?;
    }
    Ok(exit_code(&report))
}

/// Runs a lesson, as often as the command line says. Returns the reports that it quotes, and its own.
fn run(
    demo: &Demo,
    args: &Args,
    lesson: &Lesson,
    named: bool,
) -> Result<(Vec<LessonReport>, LessonReport)> {
    let rounds = args.rounds(lesson);
    let (mut all, mut settings) = (Evidence::default(), Settings::default());
    for number in 1..=rounds.unwrap_or(1) {
        if let Some(rounds) = rounds {
            progress::say_for_now(&format!("  round {number} of {rounds}"));
        }
        // A new lab: no round knows what another has measured.
        let lab = args.lab(lesson, named);
        let has_pools = lesson.takes("workers") && demo.tasks > 0;
        if let Ok(lab) = &lab {
            settings = lab.settings(has_pools);
        }
        let Evidence { mut runs, mut figures, picture, mut findings, quoted } =
            evidence(demo, lesson, lab)?;
        if rounds.is_some() {
            runs.iter_mut().for_each(|run| run.round = Some(number));
            figures.iter_mut().for_each(|figure| figure.round = Some(number));
            findings.iter_mut().for_each(|finding| finding.round = Some(number));
        }
        all.runs.extend(runs);
        all.figures.extend(figures);
        all.findings.extend(findings);
        all.quoted.extend(quoted);
        all.picture = picture.or(all.picture);
    }
    if rounds.is_some() {
        progress::say_for_now("");
    }
    let report = LessonReport {
        name: lesson.name.into(),
        about: lesson.about.into(),
        settings,
        runs: all.runs,
        figures: all.figures,
        picture: all.picture,
        findings: all.findings,
    };
    Ok((all.quoted, report))
}

/// Runs a lesson once. If it cannot run on this machine, the other lessons still can; but a demo without
/// its notebook cell has nothing to report.
fn evidence(demo: &Demo, lesson: &Lesson, lab: Result<Lab>) -> Result<Evidence> {
    let run = |lab: Lab| {
        let needs_kib = (lesson.memory_kib)(lab.tasks);
        let kib = usage::available_kib().unwrap_or(u64::MAX);
        // An allocation that fails would end the whole program.
        let (needs, has) = (needs_kib >> 10, kib >> 10);
        ensure!(kib >= needs_kib, "it needs {needs} MiB of memory, and {has} MiB are available");
        (lesson.run)(&lab)
    };
    let evidence = lab.and_then(run).with_context(|| format!("lesson {}", lesson.name));
    evidence.or_else(|error| match error.is::<ExitError>() || lesson.name == demo.notebook.name {
        true => Err(error),
        false => Ok(Evidence::not_shown(lesson.claims, lesson.about, &format!("{error:#}"))),
    })
}

fn exit_code(report: &Report) -> u8 {
    let mut runs = report.lessons.iter().flat_map(|lesson| &lesson.runs);
    let lost = runs.any(|run| run.lost() > run.expected_losses);
    let mut findings = report.lessons.iter().flat_map(|lesson| &lesson.findings);
    u8::from(lost || findings.any(|finding| finding.verdict == Verdict::Fails))
}

/// Writes a line to stderr, in one piece, because other processes may write there, too.
fn say(demo: &Demo, what: &str) {
    let line = format!("{}: {}\n", demo.name, escape_controls(what));
    let _ = io::stderr().write_all(line.as_bytes());
}

#[derive(PartialEq, Eq)]
enum Reader {
    Listens,
    /// It has read enough (`| head`), which is no error.
    Left,
}

/// Writes to stdout and makes sure that it arrived.
fn print(text: &str) -> Result<Reader> {
    match stdout::write(text) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(ExitError::Output(format!("cannot write the report: {error}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;
    use crate::report::Task;

    /// What `all` makes of a lesson with this error.
    fn outcome(run: fn(&Lab) -> Result<Evidence>) -> Result<Evidence> {
        let notebook = Lesson::new("notebook", "", &[], |_| Ok(Evidence::default()), "");
        let lesson = Lesson::new("lesson", "about", &["T1"], run, "");
        evidence(&Demo::new("demo", "", notebook), &lesson, Ok(Lab::new(1, 1, 1)))
    }

    #[test]
    fn machine_excuses_lesson_bug_does_not() {
        let evidence = outcome(|_| Err(anyhow!("no thread"))).unwrap();
        assert_eq!(evidence.findings[0].verdict, Verdict::NotShown);
        assert!(evidence.findings[0].because.contains("no thread"));
        let twice = |lab: &Lab| {
            lab.run("test", None, |_| Ok(vec![Task::failed(0, ""), Task::failed(0, "")]))?;
            Ok(Evidence::default())
        };
        let bug = outcome(twice).unwrap_err();
        assert_eq!(ExitError::code(&bug), 3);
        assert!(format!("{bug:#}").contains("two outcomes"), "{bug:#}");
    }
}
