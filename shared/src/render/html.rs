//! Renders a report as one self-contained page: its words and tables as HTML, which any browser shows,
//! and a script that adds the pictures.
//!
//! Text from outside reaches the page only through `escape`, or in the JSON that the script reads
//! and sets as text, never as markup. The page's policy allows the style and the script with this
//! page's nonce, embedded pictures, and nothing else.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

use crate::render::escape::{SECTION_NAMES, SECTIONS, escape_controls, is_control};
use crate::render::pictures::{self, rounded};
use crate::render::{repeat, text};
use crate::report::lanes::lanes;
use crate::report::{Figure, Finding, LessonReport, Machine, Report, Run, Scale, Verdict, count};

/// How the command of a lesson begins.
const CARGO_RUN: &str = "cargo run -p ";

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
    html += include_str!("legend.html");
    if lessons.iter().any(|lesson| !lesson.findings.is_empty()) {
        let _ = writeln!(html, "<p class=\"small soft\">{SECTIONS}</p>");
    }
    // What follows from other programs' lessons comes before them.
    let all: Vec<(usize, &LessonReport)> = lessons.iter().enumerate().collect();
    let (quoted, own): (Vec<_>, Vec<_>) = all.iter().partition(|(_, one)| is_quoted(one));
    let sections = |of: &[(usize, &LessonReport)]| -> String {
        of.iter().map(|&(place, lesson)| section(place, lesson, report)).collect()
    };
    let ledger = if lessons.len() > 1 { ledger(lessons) } else { String::new() };
    html += &match quoted.is_empty() {
        true => ledger + &sections(&own),
        false => sections(&own) + &ledger + &sections(&quoted),
    };
    html
}

/// Whether another program reported this lesson: its name is then `demo/lesson`.
fn is_quoted(lesson: &LessonReport) -> bool {
    lesson.name.contains('/')
}

/// The verdicts of all lessons by section, with links to the lessons. Radio buttons choose which are
/// shown, by the style alone.
fn ledger(lessons: &[LessonReport]) -> String {
    let all = || {
        let lessons = lessons.iter().enumerate();
        lessons.flat_map(|(place, lesson)| lesson.findings.iter().map(move |one| (place, one)))
    };
    let claims = all().map(|(_, finding)| &finding.claim).collect::<HashSet<_>>().len();
    let tally = |verdict| all().filter(|(_, finding)| finding.verdict == verdict).count();
    let mut html = format!(
        "<div class=\"ledger\">\n<h2>{}</h2>\n\
         <input type=\"radio\" name=\"show\" id=\"show-all\" checked>\
         <label for=\"show-all\">all {}</label>\n",
        count(claims, "claim"),
        count(all().count(), "finding")
    );
    for (verdict, id, words) in [
        (Verdict::Holds, "holds", "✓ hold:"),
        (Verdict::Fails, "fails", "✗ fail:"),
        (Verdict::NotShown, "open", "? not shown:"),
    ] {
        let _ = writeln!(
            html,
            "<input type=\"radio\" name=\"show\" id=\"show-{id}\"><label for=\"show-{id}\">{words} {}</label>",
            tally(verdict)
        );
    }
    let others = [("", "others")];
    for (letter, name) in SECTION_NAMES.iter().chain(&others) {
        let is_other = |claim: &str| !SECTION_NAMES.iter().any(|(one, _)| claim.starts_with(one));
        let belongs = |claim: &str| match letter.is_empty() {
            true => is_other(claim),
            false => claim.starts_with(letter),
        };
        let mut rows: Vec<_> = all().filter(|(_, finding)| belongs(&finding.claim)).collect();
        let number = |claim: &str| claim.get(1..)?.parse::<u32>().ok();
        rows.sort_by_key(|(_, finding)| number(&finding.claim));
        html += &group(&format!("{letter} {name}"), &rows, lessons);
    }
    html + "</div>\n"
}

/// The findings of one section of the ledger.
fn group(name: &str, rows: &[(usize, &Finding)], lessons: &[LessonReport]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let tally = |verdict| rows.iter().filter(|(_, finding)| finding.verdict == verdict).count();
    let [holds, fails, open] = [Verdict::Holds, Verdict::Fails, Verdict::NotShown].map(tally);
    let mut words = format!("{}: {holds} hold", count(rows.len(), "finding"));
    for (number, verdict) in [(fails, "fail"), (open, "not shown")] {
        if number > 0 {
            let _ = write!(words, ", {number} {verdict}");
        }
    }
    let mut html = format!(
        "<details open data-holds=\"{holds}\" data-fails=\"{fails}\" data-open=\"{open}\">\
         <summary><b>{}</b> {words}</summary>\n<ul>\n",
        escape(name.trim())
    );
    let mut before = None;
    for &(place, Finding { claim, says, because, verdict: found, .. }) in rows {
        let (id, verdict) = verdict(*found);
        let why = match found {
            Verdict::Holds => String::new(),
            _ => format!(" <span class=\"soft\">– {}</span>", escape(because)),
        };
        // One picture for all findings of a lesson on a claim.
        let is_new = before.replace((place, claim)) != Some((place, claim));
        let mini = if is_new { format!(" data-mini=\"{place}\"") } else { String::new() };
        let (claim, says, name) = (escape(claim), escape(says), escape(&lessons[place].name));
        let _ = writeln!(
            html,
            "<li data-verdict=\"{id}\"><span class=\"verdict\">{verdict}</span> <b>{claim}</b> \
             <span>{says}{why}</span> <span class=\"mini\"{mini}></span> \
             <a href=\"#lesson-{place}\">{name}</a></li>"
        );
    }
    html + "</ul></details>\n"
}

/// A lesson, with the command that runs it again if another program did.
fn section(place: usize, lesson: &LessonReport, report: &Report) -> String {
    let name = escape(&lesson.name);
    let again = match lesson.name.split_once('/') {
        Some((demo, lesson)) => format!(
            " <code class=\"small soft\">{CARGO_RUN}{} -- {}</code>",
            escape(demo),
            escape(lesson)
        ),
        None => String::new(),
    };
    format!(
        "<section id=\"lesson-{place}\" data-lesson=\"{name}\" aria-labelledby=\"name-{place}\">\n\
         <h2 id=\"name-{place}\">{name}</h2>\n<p>{}{again}</p>\n{}</section>\n",
        escape(&lesson.about),
        parts(lesson, report)
    )
}

/// The parts of a lesson: runs, figures, a picture, findings.
fn parts(lesson: &LessonReport, report: &Report) -> String {
    let machine = &report.machine;
    let mut html = String::new();
    if !lesson.runs.is_empty() {
        let setting = escape(&text::setting(lesson, machine));
        let _ = writeln!(html, "<p class=\"small soft\">{setting}</p>");
    }
    let sequential = lesson.runs.iter().find(|run| run.model == "sequential");
    html.extend(lesson.runs.iter().map(|one| run(one, sequential, machine)));
    if !lesson.figures.is_empty() {
        let figures: String = lesson.figures.iter().map(figure).collect();
        let _ = writeln!(html, "<div class=\"figures\">\n{figures}</div>");
    }
    if let Some(picture) = &lesson.picture
        && picture.starts_with("data:image/png;base64,")
    {
        let (picture, name) = (escape(picture), escape(&lesson.name));
        let _ = writeln!(html, "<img src=\"{picture}\" alt=\"What the tasks of {name} drew\">");
    }
    let (choices, findings): (Vec<_>, Vec<_>) =
        lesson.findings.iter().partition(|finding| source(finding).is_some());
    if !choices.is_empty() {
        let choices: String = choices.into_iter().map(|one| choice(one, report)).collect();
        let _ =
            writeln!(html, "<h3>Which model for what</h3>\n<ul class=\"choice\">\n{choices}</ul>");
    }
    let findings: String = findings.into_iter().map(finding).collect();
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
        [shape(run), escape(&text::seen(run, machine))].join("; ").trim_end_matches("; ")
    );
    for loss in text::losses(run) {
        let _ = writeln!(html, "<p class=\"small lost\">{}</p>", escape(&loss));
    }
    html + "</div>\n"
}

/// How the tasks of a run were spread: over threads or processes, and over time.
fn shape(run: &Run) -> String {
    let lanes = lanes(run);
    let processes = lanes.iter().map(|lane| lane.pid).collect::<HashSet<_>>().len();
    let place = match processes {
        0 | 1 => format!("on {}", count(lanes.len(), "thread")),
        _ => format!("in {processes} processes"),
    };
    let at_once = match run.most_at_once() {
        0 | 1 => "one at a time".into(),
        most => format!("at most {most} at once"),
    };
    format!("{} {place}, {at_once}", count(run.tasks.len(), "task"))
}

/// The numbers of a figure, with a place for its curve or bars.
fn figure(figure: &Figure) -> String {
    let (name, unit) = (escape(&figure.name), escape(&figure.unit));
    let limit = figure.limit.map_or(String::new(), |limit| format!(", limit {}", rounded(limit)));
    let note = match figure.scale {
        Scale::Linear => limit,
        Scale::Logarithmic => format!(", logarithmic{limit}"),
    };
    let row = |point: &crate::report::Point| {
        vec![escape(&point.label), number(point.measured), number(point.predicted)]
    };
    let rows: Vec<_> = figure.points.iter().map(row).collect();
    let head = ["point", &format!("measured, {unit}"), &format!("predicted, {unit}")];
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
         <div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"Table: {title}\"><table>\
         <thead>{head}</thead>\n<tbody>{body}</tbody></table></div></details>\n"
    )
}

/// A number to the third decimal place; a dash if it is not known.
fn number(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| rounded(value).to_string())
}

/// What a finding measured, and the command of the lesson that measured it, where it ends with one in
/// brackets.
fn source(finding: &Finding) -> Option<(&str, &str)> {
    let measured = finding.measured.strip_suffix(')')?;
    let (measured, command) = measured.rsplit_once(" (")?;
    command.starts_with(CARGO_RUN).then_some((measured, command))
}

/// A line of the decision table: the question, the answer, its figures and their lesson.
fn choice(finding: &Finding, report: &Report) -> String {
    let (id, verdict) = verdict(finding.verdict);
    let (measured, command) = source(finding).unwrap_or((&finding.measured, ""));
    let mut words = command.trim_start_matches(CARGO_RUN).split(" -- ");
    let name = [words.next().unwrap_or_default(), words.next().unwrap_or("notebook")].join("/");
    let says = match finding.says.split_once(": ") {
        Some((question, answer)) => format!("{}: <b>{}</b>", escape(question), escape(answer)),
        None => escape(&finding.says),
    };
    let link = match report.lessons.iter().position(|lesson| lesson.name == name) {
        Some(place) => format!("<a href=\"#lesson-{place}\">{}</a>", escape(&name)),
        None => format!("<code>{}</code>", escape(command)),
    };
    let [claim, predicted, measured, because] =
        [&finding.claim, &finding.predicted, measured, &finding.because].map(escape);
    format!(
        "<li class=\"finding\" data-verdict=\"{id}\" data-claim=\"{claim}\">\
         <p>{says}<br><span class=\"small\"><span class=\"verdict\">{verdict}</span> {link}</span></p>\n\
         <p>{measured}<br><span class=\"small soft\">{because} (predicted: {predicted})</span></p></li>\n"
    )
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
