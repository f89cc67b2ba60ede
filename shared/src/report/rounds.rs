//! A lesson that ran several times, by `--repeat`, as if it had run once: pure, for any renderer.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::report::{Figure, Finding, LessonReport, Point, Report, Run, Verdict};

/// `report` with each of its lessons [merged](merge).
pub fn merge_all(report: &Report) -> Report {
    let lessons = report.lessons.iter().map(|lesson| merge(lesson).into_owned()).collect();
    let Report { version, demo, machine, .. } = report.clone();
    Report { version, demo, machine, lessons }
}

/// Each run, figure and finding of `lesson` once: the run of the round whose wall time is the median,
/// unless one lost tasks, the medians of a figure's points, and the verdict that follows from all
/// rounds. A lesson that was not repeated stays as it is.
pub fn merge(lesson: &LessonReport) -> Cow<'_, LessonReport> {
    let LessonReport { runs, figures, findings, .. } = lesson;
    let rounds = runs.iter().map(|run| run.round);
    let rounds = rounds.chain(figures.iter().map(|figure| figure.round));
    let rounds: HashSet<usize> =
        rounds.chain(findings.iter().map(|finding| finding.round)).flatten().collect();
    if rounds.is_empty() {
        return Cow::Borrowed(lesson);
    }
    let runs = groups(runs, |run| (run.round, &run.model, ""));
    let figures = groups(figures, |figure| (figure.round, &figure.name, ""));
    let mut findings = groups(findings, |finding| (finding.round, &finding.claim, &finding.says));
    // A round in which the lesson could not run says nothing more than that the others' findings were
    // not shown in it.
    let is_own = |finding: &Finding| finding.says != lesson.about;
    let own: Vec<&Finding> =
        findings.iter().map(|group| group[0]).filter(|one| is_own(one)).collect();
    findings.retain(|group| {
        is_own(group[0]) || !own.iter().any(|finding| finding.claim == group[0].claim)
    });
    Cow::Owned(LessonReport {
        runs: runs.iter().map(|group| run(group)).collect(),
        figures: figures.iter().map(|group| figure(group)).collect(),
        findings: findings.iter().map(|group| finding(group, rounds.len())).collect(),
        ..lesson.clone()
    })
}

/// What belongs together: the same name in different rounds. Of several in one round, the first belongs
/// to the first of the others.
fn groups<'a, T>(
    items: &'a [T],
    key: impl Fn(&'a T) -> (Option<usize>, &'a str, &'a str),
) -> Vec<Vec<&'a T>> {
    let mut groups: Vec<Vec<&T>> = Vec::new();
    let (mut counts, mut places) = (HashMap::new(), HashMap::new());
    for item in items {
        let (round, name, more) = key(item);
        let count = counts.entry((round, name, more)).or_insert(0);
        *count += 1;
        let place = *places.entry((name, more, *count)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(item);
    }
    groups
}

fn run(group: &[&Run]) -> Run {
    let mut by_time = group.to_vec();
    by_time.sort_by(|a, b| a.wall_ms.total_cmp(&b.wall_ms));
    let rounds_ms = by_time.iter().map(|run| run.wall_ms).collect();
    // Some predictions rest on another run of the same round.
    let predicted_ms = median(group.iter().filter_map(|run| run.predicted_ms).collect());
    let lost = |run: &Run| run.lost().saturating_sub(run.expected_losses);
    // What went wrong is shown, even if it did so only once.
    let worst = group.iter().max_by_key(|run| lost(run)).filter(|run| lost(run) > 0);
    let shown = worst.copied().unwrap_or(by_time[middle(group.len())]);
    let lossy_rounds = group.iter().filter(|run| lost(run) > 0).count();
    Run { rounds_ms, lossy_rounds, predicted_ms, ..shown.clone() }
}

fn figure(group: &[&Figure]) -> Figure {
    let first = group[0];
    let point = |(place, point): (usize, &Point)| {
        let same = || {
            let points = group.iter().filter_map(|figure| figure.points.get(place));
            points.filter(|other| other.label == point.label)
        };
        Point {
            label: point.label.clone(),
            measured: median(same().filter_map(|point| point.measured).collect()),
            predicted: median(same().filter_map(|point| point.predicted).collect()),
        }
    };
    Figure { points: first.points.iter().enumerate().map(point).collect(), ..first.clone() }
}

/// A finding fails if it failed in one of the `rounds`, and holds if it held in more than half of them.
/// Its numbers are those of the last round with that verdict. A round without it shows nothing on it.
fn finding(group: &[&Finding], rounds: usize) -> Finding {
    let count = |verdict| group.iter().filter(|finding| finding.verdict == verdict).count();
    let (holds, fails) = (count(Verdict::Holds), count(Verdict::Fails));
    let verdict = match (holds, fails) {
        (_, 1..) => Verdict::Fails,
        _ if holds > rounds / 2 => Verdict::Holds,
        _ => Verdict::NotShown,
    };
    let not_shown = rounds.saturating_sub(holds + fails);
    let counts = [("holds", holds), ("fails", fails), ("not shown", not_shown)];
    let mut counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let mut tally = counts
        .next()
        .map_or(String::new(), |(verdict, count)| format!("{verdict} in {count} of {rounds}"));
    tally.extend(counts.map(|(verdict, count)| format!(", {verdict} in {count}")));
    let last = group[group.len() - 1];
    let of_verdict = group.iter().rev().find(|finding| finding.verdict == verdict);
    let because = match of_verdict {
        Some(finding) => finding.because.clone(),
        None => "the other rounds have no finding on it".into(),
    };
    let shown = of_verdict.copied().unwrap_or(last);
    if holds.max(fails).max(not_shown) < rounds
        && let Some(round) = shown.round
    {
        tally += &format!("; figures of round {round}");
    }
    Finding { says: format!("{} ({tally})", shown.says), verdict, because, ..shown.clone() }
}

/// The median, or of an even number of values the lower one of the two in the middle, which was
/// measured.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(middle(values.len())).copied()
}

fn middle(count: usize) -> usize {
    count.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Scale, Settings, sample};
    use crate::verdict::Check;
    use Verdict::*;

    /// A lesson with a run and a finding in each round, numbered from 1.
    fn lesson(rounds: &[(f64, Verdict)]) -> LessonReport {
        let numbered = || (1..).zip(rounds);
        let run = |(round, &(wall_ms, _))| Run {
            round: Some(round),
            wall_ms,
            predicted_ms: Some(wall_ms + 1.0),
            ..sample::run(&[(0.0, wall_ms)])
        };
        let finding = |(round, &(_, verdict))| {
            let check = Check::new("", format!("measured {round}"), (verdict, "why"));
            Finding { round: Some(round), ..check.on("T1", "Waits overlap") }
        };
        let figure = |(round, &(wall_ms, _))| {
            let figure = Figure::new("Time", "ms", Scale::Linear);
            Figure { round: Some(round), ..figure.point("a", wall_ms, None).point(round, 1.0, 2.0) }
        };
        LessonReport {
            name: "sample".into(),
            about: String::new(),
            settings: Settings::default(),
            runs: numbered().map(run).collect(),
            figures: numbered().map(figure).collect(),
            picture: None,
            findings: numbered().map(finding).collect(),
        }
    }

    #[test]
    fn run_of_the_median_round_stays() {
        for (walls, round) in [(&[9.0, 5.0, 7.0][..], 3), (&[9.0, 5.0, 7.0, 8.0], 3), (&[4.0], 1)] {
            let rounds: Vec<_> = walls.iter().map(|&ms| (ms, Holds)).collect();
            let lesson = lesson(&rounds);
            let merged = merge(&lesson);
            assert_eq!((merged.runs.len(), merged.runs[0].round), (1, Some(round)));
            let mut sorted = walls.to_vec();
            sorted.sort_by(f64::total_cmp);
            assert_eq!(merged.runs[0].rounds_ms, sorted);
            assert_eq!(merged.runs[0].predicted_ms, Some(merged.runs[0].wall_ms + 1.0));
            assert_eq!(merged.figures.len(), 1);
            let points = &merged.figures[0].points;
            assert_eq!(points[0].measured, Some(merged.runs[0].wall_ms));
            // The second point has another label in every round.
            assert_eq!((&*points[1].label, points[1].predicted), ("1", Some(2.0)));
        }
    }

    #[test]
    fn run_that_lost_tasks_is_shown() {
        let mut lesson = lesson(&[(1.0, Holds), (2.0, Holds), (9.0, Holds)]);
        lesson.runs[2] = sample::losing(lesson.runs[2].clone(), 1, "refused");
        assert_eq!(merge(&lesson).runs[0].round, Some(3));
        lesson.runs[2].expected_losses = 1;
        assert_eq!(merge(&lesson).runs[0].round, Some(2));
    }

    #[test]
    fn one_failing_round_fails() {
        for (verdicts, verdict, says) in [
            (&[Holds, Holds, Holds][..], Holds, "holds in 3 of 3"),
            (&[Holds, Fails, Holds], Fails, "holds in 2 of 3, fails in 1; figures of round 2"),
            (
                &[Fails, Fails, NotShown],
                Fails,
                "fails in 2 of 3, not shown in 1; figures of round 2",
            ),
            (
                &[Holds, Holds, NotShown],
                Holds,
                "holds in 2 of 3, not shown in 1; figures of round 2",
            ),
            (&[Holds, NotShown], NotShown, "holds in 1 of 2, not shown in 1; figures of round 2"),
            (&[NotShown, NotShown], NotShown, "not shown in 2 of 2"),
            (&[Holds], Holds, "holds in 1 of 1"),
        ] {
            let rounds: Vec<_> = verdicts.iter().map(|&verdict| (1.0, verdict)).collect();
            let lesson = lesson(&rounds);
            let findings = &merge(&lesson).findings;
            assert_eq!((findings.len(), findings[0].verdict), (1, verdict));
            assert_eq!(findings[0].says, format!("Waits overlap ({says})"));
            let round = findings[0].round.unwrap();
            assert_eq!(findings[0].measured, format!("measured {round}"));
        }
    }

    #[test]
    fn round_without_a_finding_shows_nothing() {
        let mut lesson = lesson(&[(1.0, Holds), (1.0, Holds), (1.0, Holds), (1.0, Holds)]);
        lesson.findings.truncate(2);
        let findings = &merge(&lesson).findings;
        assert_eq!(findings[0].verdict, NotShown);
        assert!(findings[0].says.contains("holds in 2 of 4, not shown in 2"), "{findings:?}");
        assert!(findings[0].because.contains("other rounds"), "{findings:?}");
    }

    #[test]
    fn round_that_could_not_run_counts_as_not_shown() {
        let mut lesson = lesson(&[(1.0, Holds), (1.0, Holds), (1.0, NotShown)]);
        lesson.about = "Waiting threads".into();
        lesson.findings[2].says = lesson.about.clone();
        let findings = &merge(&lesson).findings;
        assert_eq!((findings.len(), findings[0].verdict), (1, Holds));
        assert!(findings[0].says.contains("holds in 2 of 3, not shown in 1"), "{findings:?}");
        lesson.findings.drain(..2);
        let findings = &merge(&lesson).findings;
        assert!(findings[0].says.starts_with("Waiting threads (not shown in"), "{findings:?}");
    }

    #[test]
    fn same_names_in_one_round_stay_apart() {
        let mut lesson = lesson(&[(1.0, Holds), (3.0, Holds)]);
        let again = lesson.runs.clone().into_iter();
        lesson.runs.extend(again.map(|run| Run { wall_ms: run.wall_ms + 10.0, ..run }));
        let walls: Vec<_> = merge(&lesson).runs.iter().map(|run| run.rounds_ms.clone()).collect();
        assert_eq!(walls, [[1.0, 3.0], [11.0, 13.0]]);
    }

    #[test]
    fn unrepeated_lesson_stays_as_it_is() {
        let mut lesson = lesson(&[(1.0, Holds), (3.0, Fails)]);
        lesson.runs.iter_mut().for_each(|run| run.round = None);
        lesson.figures.iter_mut().for_each(|figure| figure.round = None);
        lesson.findings.iter_mut().for_each(|finding| finding.round = None);
        assert_eq!(*merge(&lesson), lesson);
    }
}
