//! Renders a report for people: plain text, wrapped to the terminal, with a timeline.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::render::columns::{cut, pad, width};
use crate::render::escape::{SECTIONS, escape_controls, outcome, verdict};
use crate::render::{repeat, timeline};
use crate::report::{
    Figure, Finding, LessonReport, Machine, Point, Run, Scale, Settings, Verdict, count,
};

/// Columns that the report may use: `COLUMNS` if set (and not 0), else the terminal's width, else 80.
pub fn columns() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let set = set.filter(|&columns| columns > 0);
    let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0 as usize);
    set.or_else(terminal).unwrap_or(80).clamp(20, 200)
}

/// The heading above the lines of a lesson's tasks.
pub fn heading(demo: &str, name: &str, about: &str, columns: usize) -> String {
    let mut text = String::new();
    wrap(&mut text, &format!("{demo}, lesson {name}"), 0, columns);
    wrap(&mut text, about, 0, columns);
    text
}

/// What the letters of claims stand for, once in a report.
pub fn sections(columns: usize) -> String {
    let mut text = String::new();
    wrap(&mut text, SECTIONS, 0, columns);
    text
}

/// A lesson's runs, figures and findings.
pub fn lesson(lesson: &LessonReport, machine: &Machine, columns: usize) -> String {
    let mut text = String::new();
    let scale_ms = lesson.runs.iter().map(|run| run.wall_ms).fold(0.0, f64::max);
    let widest = lesson.runs.iter().map(timeline::label_columns).max();
    let label_columns = widest.unwrap_or(0).min(columns / 3);
    let sequential = lesson.runs.iter().find(|run| run.model == "sequential");
    let build = if machine.profile == "debug" {
        "; a debug build: --release gives fair figures"
    } else {
        ""
    };
    if !lesson.runs.is_empty() {
        text.push('\n');
        wrap(&mut text, &(setting(lesson, machine) + build), 0, columns);
    }
    for run in &lesson.runs {
        text.push('\n');
        wrap(&mut text, &headline(run, sequential), 0, columns);
        if let Some(spread) = repeat::line(run, time, blocks()) {
            wrap(&mut text, &spread, 2, columns);
        }
        wrap(&mut text, &seen(run, machine), 2, columns);
        draw(&mut text, run, scale_ms, label_columns, columns);
        for loss in losses(run) {
            wrap(&mut text, &loss, 2, columns);
        }
    }
    for figure in &lesson.figures {
        text.push('\n');
        bars(&mut text, figure, columns);
    }
    for finding in &lesson.findings {
        text.push('\n');
        wrap(
            &mut text,
            &format!("{} {}: {}", finding.claim, verdict(finding.verdict), finding.says),
            0,
            columns,
        );
        wrap(&mut text, &format!("predicted {}", finding.predicted), 2, columns);
        wrap(&mut text, &format!("measured  {}", finding.measured), 2, columns);
        wrap(&mut text, &format!("because   {}", finding.because), 2, columns);
    }
    text
}

/// The findings of many lessons, two lines each, and a third if a claim does not hold. Then a line that
/// counts them together with those of the `last` lesson, which are printed with it.
pub fn ledger(lessons: &[LessonReport], last: &LessonReport, columns: usize) -> String {
    if lessons.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for finding in lessons.iter().flat_map(|lesson| &lesson.findings) {
        let Finding { claim, says, predicted, measured, because, .. } = finding;
        let line = format!("{}{}{says}", pad(claim, 4), pad(verdict(finding.verdict), 10));
        wrap(&mut text, &line, 0, columns);
        let line = format!("predicted {predicted}; measured {measured}");
        wrap(&mut text, &line, 4, columns);
        if finding.verdict != Verdict::Holds {
            wrap(&mut text, &format!("because {because}"), 4, columns);
        }
    }
    let all = || lessons.iter().chain([last]).flat_map(|lesson| &lesson.findings);
    let claims = all().map(|finding| &finding.claim).collect::<HashSet<_>>().len();
    let verdicts = [Verdict::Holds, Verdict::Fails, Verdict::NotShown];
    let [hold, fail, not_shown] =
        verdicts.map(|verdict| all().filter(|finding| finding.verdict == verdict).count());
    let (claims, hold) = (count(claims, "claim"), count(hold, "finding"));
    text.push('\n');
    let line =
        format!("{claims}: {hold} with \"holds\", {fail} with \"FAILS\", {not_shown} not shown");
    wrap(&mut text, &line, 0, columns);
    text
}

/// A bar for each point of a figure, with the numbers beside it.
fn bars(text: &mut String, figure: &Figure, columns: usize) {
    let Figure { name, unit, .. } = figure;
    let note = match figure.scale {
        Scale::Linear => "",
        Scale::Logarithmic => ", logarithmic",
    };
    wrap(text, &format!("{name}, {unit}{note}"), 0, columns);
    let number = |value: Option<f64>| value.map_or("-".into(), quantity);
    let widest = |cell: &dyn Fn(&Point) -> String| {
        figure.points.iter().map(|point| width(&cell(point))).max().unwrap_or(0)
    };
    let label = |point: &Point| escape_controls(&point.label);
    let value = |point: &Point| match point.predicted {
        Some(predicted) => format!("{}, predicted {}", number(point.measured), quantity(predicted)),
        None => number(point.measured),
    };
    let label_columns = widest(&label).min(columns / 3);
    let value_columns = widest(&value).min(columns - label_columns - 4);
    let room = columns - label_columns - value_columns - 4;
    for point in &figure.points {
        let name = pad(cut(&label(point), label_columns), label_columns);
        let number = value(point);
        let number = cut(&number, value_columns);
        let gap = " ".repeat(value_columns - width(number));
        let length = figure.share(point.measured.unwrap_or(0.0)) * room as f64;
        let bar = blocks()[8].to_string().repeat(length.round() as usize);
        let line = format!("  {name} {gap}{number} {bar}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A number with as many digits as it deserves.
fn quantity(value: f64) -> String {
    match value.abs() {
        1000.0.. => format!("{value:.0}"),
        100.0..1000.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The last line of a report.
pub fn next(command: &str, columns: usize) -> String {
    let mut text = "\n".to_string();
    wrap(&mut text, &format!("Next: {command}"), 0, columns);
    text
}

/// What the runs of a lesson have in common: the tasks, and where they ran.
pub(crate) fn setting(lesson: &LessonReport, machine: &Machine) -> String {
    let Settings { tasks, url, delay_ms, workers, .. } = &lesson.settings;
    let task = match (url, delay_ms) {
        (Some(url), _) => format!("a GET of {url}"),
        (None, Some(ms)) => format!("a wait of {}", time(*ms)),
        (None, None) => "computing".into(),
    };
    let each = if *tasks == 1 { "" } else { "each " };
    let mut line = format!("{}, {each}{task}; {}", count(*tasks, "task"), machine.cpus().1);
    if let Some(workers) = workers {
        let _ = write!(line, ", {} (--workers)", count(*workers, "worker"));
    }
    line
}

fn headline(run: &Run, sequential: Option<&Run>) -> String {
    let mut line = format!("{}: {}", run.model, time(run.wall_ms));
    if let Some(predicted) = run.predicted_ms {
        let _ = write!(line, ", predicted {}", time(predicted));
    }
    if let Some(faster) = sequential.and_then(|sequential| speed_up(run, sequential)) {
        let _ = write!(line, ", {faster}");
    }
    line
}

/// How `run` compares with the sequential one, if both did everything.
pub(crate) fn speed_up(run: &Run, sequential: &Run) -> Option<String> {
    let comparable = run.model != sequential.model && run.lost() == 0 && sequential.lost() == 0;
    let faster = sequential.wall_ms / run.wall_ms;
    comparable.then(|| format!("{faster:.2} times as fast as sequential"))
}

/// What the server and the OS counted in a run.
pub(crate) fn seen(run: &Run, machine: &Machine) -> String {
    let mut parts = Vec::new();
    if let (Some(peak), Some(connections)) = (run.peak_in_flight, run.connections) {
        let connections = count(connections, "new connection");
        parts.push(format!("the server saw {peak} at once on {connections}"));
    }
    if let Some(cpu) = run.cpu_ms {
        let (cpus, cores) = machine.cpus();
        let share = cpu / (run.wall_ms * cpus) * 100.0;
        parts.push(format!("CPU {}, {share:.0} % of {cores}", time(cpu)));
    }
    if let (Some(own), Some(forced)) = (run.voluntary_switches, run.involuntary_switches) {
        parts.push(format!("context switches: {own} voluntary, {forced} involuntary"));
    }
    if let Some(kib) = run.peak_rss_kib {
        parts.push(format!("memory {:.1} MiB", kib as f64 / 1024.0));
    }
    parts.join("; ")
}

fn draw(text: &mut String, run: &Run, scale_ms: f64, label_columns: usize, columns: usize) {
    let blocks = blocks();
    for row in timeline::rows(run, scale_ms, columns - label_columns - 3) {
        let label = pad(cut(&row.label, label_columns), label_columns);
        let bar: String =
            row.levels.iter().map(|&level| blocks[usize::from(level.min(8))]).collect();
        let _ = writeln!(text, "{}", format!("  {label} {bar}").trim_end());
    }
}

/// The characters of bars, from empty to full.
fn blocks() -> [char; 9] {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    match ascii_only(locale.as_deref(), set("TERM").as_deref()) {
        true => [' ', '.', ':', '-', '=', '+', '*', '%', '#'],
        false => [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    }
}

/// Whether a terminal shows ASCII only: by its name, or because the locale is not UTF-8. Systems
/// without a locale, such as containers and Windows, show UTF-8.
fn ascii_only(locale: Option<&str>, term: Option<&str>) -> bool {
    let is_utf8 = |locale: &str| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    term == Some("dumb") || locale.is_some_and(|locale| !is_utf8(locale))
}

/// Each reason why tasks were not done, once, the most frequent first.
pub(crate) fn losses(run: &Run) -> Vec<String> {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for task in &run.tasks {
        if let Some(error) = &task.error {
            *counts.entry((outcome(task.outcome), error)).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(reason, count)| (std::cmp::Reverse(count), reason));
    counts
        .into_iter()
        .map(|((outcome, error), count)| format!("{count} {outcome}: {error}"))
        .collect()
}

/// A time in milliseconds or seconds.
pub(crate) fn time(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.3} s", ms / 1000.0) }
}

/// Adds `line`, indented and broken between words. A word that is too long is broken, too.
pub fn wrap(text: &mut String, line: &str, indent: usize, columns: usize) {
    let line = escape_controls(line);
    let mut rest = line.as_str();
    while !rest.is_empty() {
        let fits = cut(rest, columns - indent);
        let is_word_cut = !rest[fits.len()..].is_empty() && !rest[fits.len()..].starts_with(' ');
        let space = fits.rfind(' ').filter(|&at| is_word_cut && at > 0);
        let part = &fits[..space.unwrap_or(fits.len())];
        let _ = writeln!(text, "{:indent$}{}", "", part.trim_end());
        rest = &rest[part.len()..];
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let mut text = String::new();
        wrap(&mut text, "a claim in plain words http://127.0.0.1:40001/delay/100", 2, 20);
        assert_eq!(text, "  a claim in plain\n  words\n  http://127.0.0.1:4\n  0001/delay/100\n");
    }

    #[test]
    fn ascii_terminal_gets_ascii_bars() {
        assert!(ascii_only(Some("C"), Some("xterm")) && ascii_only(Some("de_DE.ISO-8859-1"), None));
        assert!(ascii_only(Some("en_US.UTF-8"), Some("dumb")));
        assert!(!ascii_only(Some("C.utf8"), Some("xterm")) && !ascii_only(None, None));
    }
}
