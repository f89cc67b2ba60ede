//! Renders a report for people: text with colours, wrapped to the terminal, with a timeline.

use std::collections::HashMap;
use std::fmt::Write as _;

use anstyle::Style;

use crate::render::columns::{cut, pad, width};
use crate::render::escape::{SECTIONS, escape_controls, outcome, verdict};
use crate::render::pictures::computes;
use crate::render::style::{self, BAD, COMPUTING, DETAIL, HEADING, PLAIN, WAITING, paint};
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
    wrap_spans(&mut text, &[(HEADING, &format!("{demo}, lesson {name}"))], 0, columns);
    wrap(&mut text, about, 0, columns);
    text
}

/// What the letters of claims stand for, once in a report.
pub fn sections(columns: usize) -> String {
    let mut text = String::new();
    wrap_spans(&mut text, &[(DETAIL, SECTIONS)], 0, columns);
    text
}

/// A lesson's runs, figures and findings, which are in full if it is `verbose`.
pub fn lesson(lesson: &LessonReport, machine: &Machine, verbose: bool, columns: usize) -> String {
    let mut text = String::new();
    let scale_ms = lesson.runs.iter().map(|run| run.wall_ms).fold(0.0, f64::max);
    let widest = lesson.runs.iter().map(timeline::label_columns).max();
    let label_columns = widest.unwrap_or(0).min(columns / 3);
    let sequential = lesson.runs.iter().find(|run| run.model == "sequential");
    let build = if machine.profile == "debug" { "; debug build (try --release)" } else { "" };
    if !lesson.runs.is_empty() {
        text.push('\n');
        let setting = setting(lesson, machine) + build;
        wrap_spans(&mut text, &[(DETAIL, &setting)], 0, columns);
    }
    for run in &lesson.runs {
        text.push('\n');
        let (model, times) = headline(run, sequential);
        wrap_spans(&mut text, &[(HEADING, &model), (PLAIN, &times)], 0, columns);
        if let Some([words, marks]) = repeat::line(run, time, blocks()) {
            let line = format!("{words} {marks}");
            let is_one = width(&line) + 2 <= columns;
            wrap(&mut text, if is_one { &line } else { &words }, 2, columns);
            if !is_one && width(&marks) + 2 <= columns {
                wrap(&mut text, &marks, 2, columns);
            }
        }
        wrap_spans(&mut text, &[(DETAIL, &seen(run, machine))], 2, columns);
        let style = if computes(lesson, run) { COMPUTING } else { WAITING };
        draw(&mut text, run, style, scale_ms, label_columns, columns);
        for loss in losses(run) {
            wrap_spans(&mut text, &[(BAD, &loss)], 2, columns);
        }
    }
    if !lesson.figures.is_empty() {
        text.push('\n');
        lesson.figures.iter().for_each(|figure| bars(&mut text, figure, columns));
    }
    if !lesson.findings.is_empty() {
        text.push('\n');
        let all: Vec<_> = lesson.findings.iter().map(|finding| (finding, "")).collect();
        findings(&mut text, &all, verbose, columns);
    }
    text
}

/// Findings, each with the lesson that it is from if that is not clear. What is predicted and what was measured
/// stand in columns where there is room, and once where both say the same.
pub(super) fn findings(
    text: &mut String,
    findings: &[(&Finding, &str)],
    verbose: bool,
    columns: usize,
) {
    let is_same = |one: &Finding| {
        let (a, b) = (&one.predicted, &one.measured);
        one.verdict == Verdict::Holds && !verbose && (a.starts_with(&**b) || b.starts_with(&**a))
    };
    // "predicted" and "measured" take ten columns each.
    let predicted = |one: &Finding| width(&escape_controls(&one.predicted));
    let fits = |width: &usize| 2 + 10 + width <= columns / 2;
    let differing = findings.iter().filter(|(one, _)| !is_same(one));
    let column = differing.map(|(one, _)| predicted(one)).filter(fits).max().unwrap_or(0);
    for &(finding, lesson) in findings {
        let Finding { claim, says, predicted: expected, measured, because, .. } = finding;
        let says = match lesson {
            "" => format!(": {says}"),
            lesson => format!(": {says} ({lesson})"),
        };
        let (word, style) = (verdict(finding.verdict), style::verdict(finding.verdict));
        let line = [(HEADING, &**claim), (PLAIN, " "), (style, word), (PLAIN, &says)];
        wrap_spans(text, &line, 0, columns);
        if is_same(finding) {
            let line =
                [(PLAIN, "as predicted: "), (PLAIN, measured), (DETAIL, " ("), (DETAIL, because)];
            wrap_spans(text, &[&line[..], &[(DETAIL, ")")]].concat(), 2, columns);
            continue;
        }
        let gap = " ".repeat((column + 3).saturating_sub(predicted(finding)));
        let wide = 2 + 10 + column + 3 + 10 + width(&escape_controls(measured));
        if predicted(finding) <= column && wide <= columns {
            let line = [(DETAIL, "predicted "), (PLAIN, expected), (PLAIN, &gap)];
            let rest = [(DETAIL, "measured  "), (PLAIN, &**measured)];
            wrap_spans(text, &[&line[..], &rest].concat(), 2, columns);
        } else {
            wrap_spans(text, &[(DETAIL, "predicted "), (PLAIN, expected)], 2, columns);
            wrap_spans(text, &[(DETAIL, "measured  "), (PLAIN, measured)], 2, columns);
        }
        wrap_spans(text, &[(DETAIL, "because   "), (DETAIL, because)], 2, columns);
    }
}

/// A bar for each point of a figure, with the numbers in columns beside it.
pub(super) fn bars(text: &mut String, figure: &Figure, columns: usize) {
    let Figure { name, unit, .. } = figure;
    let note = match figure.scale {
        Scale::Linear => "",
        Scale::Logarithmic => ", logarithmic",
    };
    let limit = figure.limit.map_or(String::new(), |limit| format!(", limit {}", quantity(limit)));
    let parts = [(HEADING, &**name), (PLAIN, ", "), (PLAIN, unit), (PLAIN, note), (PLAIN, &limit)];
    wrap_spans(text, &parts, 0, columns);
    let number = |value: Option<f64>| value.map_or("-".into(), quantity);
    let widest = |cell: &dyn Fn(&Point) -> String| {
        figure.points.iter().map(|point| width(&cell(point))).max().unwrap_or(0)
    };
    let label = |point: &Point| escape_controls(&point.label);
    let measured = widest(&|point| number(point.measured));
    let predicted = widest(&|point| point.predicted.map_or(String::new(), quantity));
    let value = |point: &Point| {
        let value = format!("{:>measured$}", number(point.measured));
        match point.predicted {
            Some(number) => format!("{value}, predicted {:>predicted$}", quantity(number)),
            None => value,
        }
    };
    let label_columns = widest(&label).min(columns / 3);
    let value_columns = widest(&value).min(columns - label_columns - 4);
    let room = columns - label_columns - value_columns - 4;
    for point in &figure.points {
        let name = pad(cut(&label(point), label_columns), label_columns);
        let number = value(point);
        let number = pad(cut(&number, value_columns), value_columns);
        // What was only computed is drawn lower.
        let (value, block) = match point.measured {
            Some(value) => (value, blocks()[8]),
            None => (point.predicted.unwrap_or(0.0), blocks()[2]),
        };
        let length = figure.share(value) * room as f64;
        let bar = block.to_string().repeat(length.round() as usize);
        let line = format!("  {name} {number} {bar}");
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
    wrap_spans(&mut text, &[(HEADING, "Next: "), (PLAIN, command)], 0, columns);
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

/// The model, and its times.
fn headline(run: &Run, sequential: Option<&Run>) -> (String, String) {
    let mut line = format!(": {}", time(run.wall_ms));
    if let Some(predicted) = run.predicted_ms {
        let _ = write!(line, ", predicted {}", time(predicted));
    }
    if let Some(faster) = sequential.and_then(|sequential| speed_up(run, sequential)) {
        let _ = write!(line, ", {faster}");
    }
    (run.model.clone(), line)
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
        let mib = kib as f64 / 1024.0;
        let digits = usize::from(mib < 100.0);
        parts.push(format!("memory {mib:.digits$} MiB"));
    }
    parts.join("; ")
}

/// The bars of a run. Tasks that are told apart begin with their ids.
fn draw(
    text: &mut String,
    run: &Run,
    style: Style,
    scale_ms: f64,
    label_columns: usize,
    columns: usize,
) {
    let blocks = blocks();
    for row in timeline::rows(run, scale_ms, columns - label_columns - 3) {
        let label = pad(cut(&row.label, label_columns), label_columns);
        let bar = |levels: &[u8]| -> String {
            levels.iter().map(|&level| blocks[usize::from(level.min(8))]).collect()
        };
        let mut line = format!("  {label} ");
        let mut column = 0;
        for (start, id) in &row.ids {
            line += &paint(style, &bar(&row.levels[column..*start]));
            line += &paint(style.invert(), id);
            column = start + id.len();
        }
        line += &paint(style, bar(&row.levels[column..]).trim_end());
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The characters of bars, from empty to full.
pub(super) fn blocks() -> [char; 9] {
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
    wrap_spans(text, &[(PLAIN, line)], indent, columns);
}

/// The same for a line of parts in different styles.
pub(super) fn wrap_spans(
    text: &mut String,
    spans: &[(Style, &str)],
    indent: usize,
    columns: usize,
) {
    let spans: Vec<_> = spans.iter().map(|(style, part)| (*style, escape_controls(part))).collect();
    let line: String = spans.iter().map(|(_, part)| &**part).collect();
    let mut rest = line.as_str();
    while !rest.is_empty() {
        let fits = cut(rest, columns - indent);
        let is_word_cut = !rest[fits.len()..].is_empty() && !rest[fits.len()..].starts_with(' ');
        let space = fits.rfind(' ').filter(|&at| is_word_cut && at > 0);
        let part = &fits[..space.unwrap_or(fits.len())];
        let start = line.len() - rest.len();
        let _ = write!(text, "{:indent$}", "");
        let (mut from, shown) = (0, start..start + part.trim_end().len());
        for (style, span) in &spans {
            let (low, high) = (shown.start.max(from), shown.end.min(from + span.len()));
            if low < high {
                *text += &paint(*style, &line[low..high]);
            }
            from += span.len();
        }
        text.push('\n');
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
