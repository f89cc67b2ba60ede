//! Renders a report as one self-contained page: its words and tables as HTML, which any browser shows,
//! and a script that adds the pictures.
//!
//! Text from outside reaches the page only through `escape`, or in the JSON that the script reads
//! and sets as text, never as markup. The page's policy allows the style and the script with this
//! page's nonce, embedded pictures, and nothing else.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

use crate::render::escape::{SECTIONS, escape_controls, is_control};
use crate::render::pictures::{self, rounded};
use crate::render::{repeat, text};
use crate::report::{Figure, Finding, LessonReport, Machine, Report, Run, Scale, Verdict};

/// The page as one document.
pub fn page(report: &Report) -> String {
    let data: Vec<Value> = report.lessons.iter().map(pictures::lesson).collect();
    // Escaped text contains no `@`, so nothing of the report is taken for another placeholder.
    include_str!("page.html")
        .replace("@STYLE@", include_str!("page.css"))
        .replace("@SCRIPT@", include_str!("page.js"))
        .replace("@NONCE@", &nonce())
        .replace("@TITLE@", &escape(&report.demo))
        .replace("@WORDS@", &words(report))
        .replacen("@PICTURES@", &escape_for_script(&Value::from(data).to_string()), 1)
}

/// 128 random bits, new for each page: the standard library's hash keys.
fn nonce() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

/// Text without any character that is special in HTML, in this page, or on a terminal.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in escape_controls(text).chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' | '@' => {
                let _ = write!(escaped, "&#{};", c as u32);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// JSON without any character that is special in HTML or JavaScript. In JSON these occur only in
/// strings, where an escape means the same. Characters that turn the reading direction become visible,
/// like on a terminal.
fn escape_for_script(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ if is_control(c) => escaped.push_str(&format!("\\\\u{{{:x}}}", c as u32)),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// All that can be read without the script.
fn words(report: &Report) -> String {
    let Report { demo, machine, lessons, .. } = report;
    let profile = match &*machine.profile {
        "debug" => "debug build: --release gives fair figures".into(),
        profile => format!("{profile} build"),
    };
    let machine_line = format!("{}, {}, {profile}", machine.os, machine.cpus().1);
    let mut html = format!(
        "<h1>{}</h1>\n<p class=\"soft\">{}</p>\n<p class=\"soft\" id=\"no-pictures\">The pictures \
         are missing: this viewer does not run the page's script.</p>\n",
        escape(demo),
        escape(&machine_line)
    );
    if lessons.iter().any(|lesson| !lesson.findings.is_empty()) {
        let _ = writeln!(html, "<p class=\"small soft\">{SECTIONS}</p>");
    }
    if lessons.len() > 1 {
        html += &claims(lessons);
    }
    for (place, lesson) in lessons.iter().enumerate() {
        let name = escape(&lesson.name);
        let _ = write!(
            html,
            "<section id=\"lesson-{place}\" data-lesson=\"{name}\" aria-labelledby=\"name-{place}\">\n\
             <h2 id=\"name-{place}\">{name}</h2>\n<p>{}</p>\n{}</section>\n",
            escape(&lesson.about),
            section(lesson, machine)
        );
    }
    html
}

/// The verdicts of all lessons, with links to them.
fn claims(lessons: &[LessonReport]) -> String {
    let mut rows = String::new();
    for (place, lesson) in lessons.iter().enumerate() {
        for finding in &lesson.findings {
            let (id, verdict) = verdict(finding.verdict);
            let _ = writeln!(
                rows,
                "<tr data-verdict=\"{id}\"><td>{}</td><td class=\"verdict\">{verdict}</td><td>{}</td>\
                 <td><a href=\"#lesson-{place}\">{}</a></td></tr>",
                escape(&finding.claim),
                escape(&finding.says),
                escape(&lesson.name)
            );
        }
    }
    format!(
        "<div class=\"table\"><table><thead><tr><th>claim</th><th>verdict</th><th></th>\
         <th>lesson</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn section(lesson: &LessonReport, machine: &Machine) -> String {
    let mut html = String::new();
    if !lesson.runs.is_empty() {
        let setting = escape(&text::setting(lesson, machine));
        let _ = writeln!(html, "<p class=\"small soft\">{setting}</p>");
    }
    let sequential = lesson.runs.iter().find(|run| run.model == "sequential");
    html.extend(lesson.runs.iter().map(|one| run(one, sequential, machine)));
    html.extend(lesson.figures.iter().map(figure));
    if let Some(picture) = &lesson.picture
        && picture.starts_with("data:image/png;base64,")
    {
        let (picture, name) = (escape(picture), escape(&lesson.name));
        let _ = writeln!(html, "<img src=\"{picture}\" alt=\"What the tasks of {name} drew\">");
    }
    let findings: String = lesson.findings.iter().map(finding).collect();
    let _ = writeln!(html, "<div class=\"findings\">\n{findings}</div>");
    if !lesson.runs.is_empty() {
        html += &runs(lesson);
    }
    html
}

/// A run, with a place for its timeline.
fn run(run: &Run, sequential: Option<&Run>, machine: &Machine) -> String {
    let model = escape(&run.model);
    let mut head = format!("<h3>{model}</h3> <b>{}</b>", text::time(run.wall_ms));
    if let Some(predicted) = run.predicted_ms {
        let _ = write!(head, " <span>predicted {}</span>", text::time(predicted));
    }
    if let Some(faster) = sequential.and_then(|sequential| text::speed_up(run, sequential)) {
        let _ = write!(head, " <span class=\"soft\">{faster}</span>");
    }
    let mut html = format!(
        "<div class=\"run\" data-run=\"{model}\"><div class=\"head\">{head}</div>\n{}\
         <p class=\"small soft\">{}</p>\n<div class=\"picture\"></div>\n",
        repeat::marks(run, text::time),
        escape(&text::seen(run, machine))
    );
    for loss in text::losses(run) {
        let _ = writeln!(html, "<p class=\"small lost\">{}</p>", escape(&loss));
    }
    html + "</div>\n"
}

/// The numbers of a figure, with a place for its curve or bars.
fn figure(figure: &Figure) -> String {
    let (name, unit) = (escape(&figure.name), escape(&figure.unit));
    let note = match figure.scale {
        Scale::Linear => "",
        Scale::Logarithmic => ", logarithmic",
    };
    let row = |point: &crate::report::Point| {
        vec![escape(&point.label), number(point.measured), number(point.predicted)]
    };
    let rows: Vec<_> = figure.points.iter().map(row).collect();
    let head = ["", &format!("measured, {unit}"), &format!("predicted, {unit}")];
    format!(
        "<div class=\"figure\" data-figure=\"{name}\"><h3>{name} \
         <span class=\"soft small\">{unit}{note}</span></h3>\n<div class=\"picture\"></div>\n{}</div>\n",
        table(&name, &head, &rows)
    )
}

/// The table of a lesson's runs.
fn runs(lesson: &LessonReport) -> String {
    let row = |run: &Run| {
        let known = |count: Option<usize>| number(count.map(|count| count as f64));
        vec![
            escape(&run.model),
            number(Some(run.wall_ms)),
            number(run.predicted_ms),
            run.done.to_string(),
            run.failed.to_string(),
            run.timed_out.to_string(),
            run.cancelled.to_string(),
            run.most_at_once().to_string(),
            known(run.peak_in_flight),
            known(run.connections),
            number(run.cpu_ms),
            number(run.voluntary_switches.map(|switches| switches as f64)),
            number(run.involuntary_switches.map(|switches| switches as f64)),
            number(run.peak_rss_kib.map(|kib| kib as f64)),
        ]
    };
    let head = [
        "run",
        "wall ms",
        "predicted ms",
        "done",
        "failed",
        "timed out",
        "cancelled",
        "most at once",
        "at the server",
        "connections",
        "CPU ms",
        "voluntary switches",
        "involuntary switches",
        "memory KiB",
    ];
    let rows: Vec<_> = lesson.runs.iter().map(row).collect();
    table(&format!("the runs of {}", escape(&lesson.name)), &head, &rows)
}

/// A table that opens at a click. All cells are escaped, and all but the first of a row are numbers.
fn table(title: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let row = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        let mut html = String::new();
        for (place, cell) in cells.enumerate() {
            let class = if place == 0 { "" } else { " class=\"number\"" };
            let _ = write!(html, "<{tag}{class}>{cell}</{tag}>");
        }
        format!("<tr>{html}</tr>\n")
    };
    let head = row("th", &mut head.iter().copied());
    let body: String =
        rows.iter().map(|cells| row("td", &mut cells.iter().map(String::as_str))).collect();
    format!(
        "<details><summary>Table: {title}</summary>\n\
         <div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Table: {title}\"><table>\
         <thead>{head}</thead>\n<tbody>{body}</tbody></table></div></details>\n"
    )
}

/// A number to the third decimal place; a dash if it is not known.
fn number(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| rounded(value).to_string())
}

fn finding(finding: &Finding) -> String {
    let (id, verdict) = verdict(finding.verdict);
    let [claim, says, predicted, measured, because] =
        [&finding.claim, &finding.says, &finding.predicted, &finding.measured, &finding.because]
            .map(|text| escape(text));
    format!(
        "<div class=\"finding\" data-verdict=\"{id}\" data-claim=\"{claim}\">\
         <p><span class=\"verdict\">{verdict}</span> {claim}: <b>{says}</b></p>\n\
         <dl><dt>predicted</dt><dd>{predicted}</dd><dt>measured</dt><dd>{measured}</dd>\
         <dt>because</dt><dd>{because}</dd></dl></div>\n"
    )
}

/// A verdict as the style knows it, and in words with a sign.
fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Holds => ("holds", "✓ holds"),
        Verdict::Fails => ("fails", "✗ fails"),
        Verdict::NotShown => ("not shown", "? not shown"),
    }
}
