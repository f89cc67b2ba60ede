//! Renders what follows from the lessons of other demos, which summary-demo runs.

use std::fmt::Write as _;

use anstyle::Style;

use crate::render::columns::{cut, pad, width};
use crate::render::escape::{SECTION_NAMES, escape_controls, verdict};
use crate::render::style::{self, COMPUTING, DETAIL, HEADING, PLAIN, WAITING, paint};
use crate::render::text::{bars, blocks, findings, wrap, wrap_spans};
use crate::report::{Figure, Finding, LessonReport, Verdict, count};

/// What follows from `lessons`: the matrix of models and the choice, which are in `report`; the claims by
/// section; what does not hold or was not shown, and why. If it is `verbose`, all findings.
pub fn text<'a>(
    lessons: &'a [LessonReport],
    report: &LessonReport,
    verbose: bool,
    columns: usize,
) -> String {
    let mut text = "\n".to_string();
    matrix(&mut text, &report.figures, columns);
    if let Some((matrix, choices)) = report.findings.split_first() {
        choice(&mut text, matrix, matrix.verdict != Verdict::Holds, columns);
        text.push('\n');
        wrap_spans(&mut text, &[(HEADING, "Which model for which work")], 0, columns);
        choices.iter().for_each(|line| choice(&mut text, line, true, columns));
    }
    text.push('\n');
    claims(&mut text, lessons.iter().chain([report]).flat_map(|lesson| &lesson.findings), columns);
    let in_lesson =
        |lesson: &'a LessonReport| lesson.findings.iter().map(|one| (one, &*lesson.name));
    let all: Vec<_> = lessons.iter().flat_map(in_lesson).collect();
    let doubtful = all.iter().copied().filter(|(one, _)| one.verdict != Verdict::Holds).collect();
    let all = if verbose { all } else { Vec::new() };
    for (title, part) in [("What does not hold or was not shown", doubtful), ("All findings", all)]
    {
        if !part.is_empty() {
            text.push('\n');
            wrap_spans(&mut text, &[(HEADING, title)], 0, columns);
            findings(&mut text, &part, verbose, columns);
        }
    }
    text
}

/// A line of the table of choices: the verdict, the question with its answer, the figures with the
/// lesson that measured them; and the reason if it does not hold.
fn choice(text: &mut String, finding: &Finding, with_figures: bool, columns: usize) {
    let word = pad(verdict(finding.verdict), 10);
    let (question, answer) = finding.says.split_once(": ").unwrap_or((&finding.says, ""));
    let question = if answer.is_empty() { question.into() } else { format!("{question}: ") };
    let style = style::verdict(finding.verdict);
    let line = [(style, &*word), (PLAIN, &question), (HEADING, answer)];
    wrap_spans(text, &line, 0, columns);
    if with_figures {
        wrap_spans(text, &[(DETAIL, &finding.measured)], 10, columns);
    }
    if finding.verdict != Verdict::Holds {
        wrap(text, &format!("because {}", finding.because), 10, columns);
    }
}

/// The number of claims and findings by verdict, and of the claims of each section. A claim holds if a
/// finding on it holds and none fails.
fn claims<'a>(text: &mut String, findings: impl Iterator<Item = &'a Finding>, columns: usize) {
    let findings: Vec<Claim> =
        findings.map(|Finding { claim, verdict, .. }| (&**claim, *verdict)).collect();
    let mut claims: Vec<Claim> = Vec::new();
    let weight = |verdict| match verdict {
        Verdict::NotShown => 0,
        Verdict::Holds => 1,
        Verdict::Fails => 2,
    };
    for &(claim, verdict) in &findings {
        match claims.iter_mut().find(|(known, _)| *known == claim) {
            Some((_, known)) if weight(*known) < weight(verdict) => *known = verdict,
            Some(_) => {}
            None => claims.push((claim, verdict)),
        }
    }
    let line = [(HEADING, format!("{}: ", count(claims.len(), "claim")))]
        .into_iter()
        .chain(tally(&claims, false))
        .chain([(PLAIN, format!("; {}: ", count(findings.len(), "finding")))])
        .chain(tally(&findings, false));
    wrap_spans(text, &spans(&line.collect::<Vec<_>>()), 0, columns);
    for (letter, name) in SECTION_NAMES {
        let own: Vec<Claim> =
            claims.iter().filter(|(claim, _)| claim.starts_with(letter)).copied().collect();
        let name = format!("{} {}: ", pad(name, 15), count(own.len(), "claim"));
        let counts = tally(&own, true);
        if !own.is_empty() {
            wrap_spans(text, &[&[(PLAIN, &*name)][..], &spans(&counts)].concat(), 2, columns);
        }
    }
}

/// A claim, and a verdict on it.
type Claim<'a> = (&'a str, Verdict);

const VERDICTS: [(Verdict, &str); 3] =
    [(Verdict::Holds, "hold"), (Verdict::NotShown, "not shown"), (Verdict::Fails, "FAIL")];

/// How many claims have each verdict: "10 hold, 1 not shown (P3)".
fn tally(claims: &[Claim], with_names: bool) -> Vec<(Style, String)> {
    let mut counts = Vec::new();
    for (verdict, words) in VERDICTS {
        let of_verdict = claims.iter().filter(|(_, known)| *known == verdict);
        let names: Vec<&str> = of_verdict.map(|(claim, _)| *claim).collect();
        if names.is_empty() && verdict != Verdict::Holds {
            continue;
        }
        if !counts.is_empty() {
            counts.push((PLAIN, ", ".into()));
        }
        let mut part = format!("{} {words}", names.len());
        if with_names && verdict != Verdict::Holds {
            part += &format!(" ({})", names.join(" "));
        }
        counts.push((style::verdict(verdict), part));
    }
    counts
}

fn spans(parts: &[(Style, String)]) -> Vec<(Style, &str)> {
    parts.iter().map(|(style, part)| (*style, &**part)).collect()
}

/// Figures side by side, with a row for each label: the bars of work that waits, then of work that
/// computes. Where that is too wide, one above the other.
fn matrix(text: &mut String, figures: &[Figure], columns: usize) {
    let Some(longest) = figures.iter().max_by_key(|figure| figure.points.len()) else { return };
    let labels: Vec<String> =
        longest.points.iter().map(|point| escape_controls(&point.label)).collect();
    let label_columns = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let names: Vec<String> = figures.iter().map(|figure| escape_controls(&figure.name)).collect();
    let each = columns.saturating_sub(label_columns) / figures.len();
    // A number, a bar, and the space between them.
    if each < 12 || names.iter().any(|name| width(name) + 2 > each) {
        return figures.iter().for_each(|figure| bars(text, figure, columns));
    }
    let heading: String = names.iter().map(|name| format!("  {}", pad(name, each - 2))).collect();
    let heading = format!("{}{}", " ".repeat(label_columns), heading.trim_end());
    let _ = writeln!(text, "{}", paint(HEADING, &heading));
    for (label, known) in labels.iter().zip(&longest.points) {
        let mut line = pad(label, label_columns);
        for (figure, style) in figures.iter().zip([WAITING, COMPUTING].into_iter().cycle()) {
            let point = figure.points.iter().find(|point| point.label == known.label);
            let measured = point.and_then(|point| point.measured);
            let number = measured.map_or("-".into(), |value| format!("{value:.1}"));
            let number = cut(&number, 6);
            let room = each - 2 - 6 - 1;
            let length = (figure.share(measured.unwrap_or(0.0)) * room as f64).round() as usize;
            let bar = blocks()[8].to_string().repeat(length);
            let rest = " ".repeat(room - length);
            line += &format!("  {number:>6} {}{rest}", paint(style, &bar));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Check;
    use Verdict::*;

    #[test]
    fn claim_holds_unless_a_finding_fails() {
        let finding =
            |(claim, verdict)| Check::new("", "", (verdict, "why")).on(claim, "Waits overlap");
        let findings = [
            ("T1", Holds),
            ("T1", NotShown),
            ("P1", NotShown),
            ("P1", Fails),
            ("P1", Holds),
            ("P2", NotShown),
        ]
        .map(finding);
        let mut text = String::new();
        claims(&mut text, findings.iter(), 120);
        let text = anstream::adapter::strip_str(&text).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "3 claims: 1 hold, 1 not shown, 1 FAIL; 6 findings: 2 hold, 3 not shown, 1 FAIL",
                "  threads         1 claim: 1 hold",
                "  processes       2 claims: 0 hold, 1 not shown (P2), 1 FAIL (P1)",
            ]
        );
    }
}
