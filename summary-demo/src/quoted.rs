//! What the other demos reported: verdicts on claims, and figures.

use shared::report::{Finding, LessonReport, Run, Verdict};

/// A claim, and the demo or the lesson whose findings on it count.
pub type Source = (&'static str, &'static str);

/// The reports of the other demos. Their lessons are named `demo/lesson`.
#[derive(Clone, Copy)]
pub struct Quoted<'a>(pub &'a [LessonReport]);

impl<'a> Quoted<'a> {
    fn lesson(&self, name: &str) -> Option<&'a LessonReport> {
        self.0.iter().find(|lesson| lesson.name == name)
    }

    /// What a lesson measured under one label of the figure `name`.
    pub fn figure(&self, lesson: &str, name: &str, label: &str) -> Option<f64> {
        let figure = self.lesson(lesson)?.figures.iter().find(|figure| figure.name == name)?;
        figure.points.iter().find(|point| point.label == label)?.measured
    }

    pub fn run(&self, lesson: &str, model: &str) -> Option<&'a Run> {
        self.lesson(lesson)?.runs.iter().find(|run| run.model == model)
    }

    /// Why nothing can rest on `claims`, if nothing can: the first that fails, or else the first that
    /// is not shown or has no finding.
    pub fn doubt(&self, claims: &[Source]) -> Option<(Verdict, String)> {
        let mut doubts = Vec::new();
        for (claim, place) in claims {
            let in_place = |lesson: &&LessonReport| {
                lesson
                    .name
                    .strip_prefix(place)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let findings = self.0.iter().filter(in_place).flat_map(|lesson| &lesson.findings);
            let on_claim: Vec<&Finding> = findings.filter(|one| one.claim == *claim).collect();
            if on_claim.is_empty() {
                let why = format!("there is no finding on {claim} in {place}");
                doubts.push((Verdict::NotShown, why));
            }
            let doubtful = on_claim.into_iter().filter(|one| one.verdict != Verdict::Holds);
            doubts.extend(doubtful.map(|one| (one.verdict, format!("{claim}: {}", one.because))));
        }
        let fails = doubts.iter().position(|(verdict, _)| *verdict == Verdict::Fails);
        (!doubts.is_empty()).then(|| doubts.swap_remove(fails.unwrap_or(0)))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::Settings;
    use shared::verdict::Check;

    /// A lesson with a finding of this verdict on one claim.
    pub fn lesson(name: &str, claim: &str, verdict: Verdict) -> LessonReport {
        LessonReport {
            name: name.into(),
            about: String::new(),
            settings: Settings {
                tasks: 1,
                url: None,
                embedded: false,
                delay_ms: None,
                workers: None,
            },
            runs: Vec::new(),
            figures: Vec::new(),
            picture: None,
            findings: vec![Check::new("", "", (verdict, "why")).on(claim, "")],
        }
    }

    #[test]
    fn failed_claim_is_named_first() {
        let claims = [("A", "one"), ("B", "two/x"), ("C", "one")];
        let missing = "there is no finding on C in one";
        for (verdicts, expected) in [
            ([Some(Holds); 3], None),
            ([Some(NotShown), Some(Holds), Some(Fails)], Some((Fails, "C: why"))),
            ([Some(NotShown), Some(NotShown), Some(Holds)], Some((NotShown, "A: why"))),
            ([Some(Holds), Some(Holds), None], Some((NotShown, missing))),
        ] {
            let lessons: Vec<_> = [("one/a", "A"), ("two/x", "B"), ("one/c", "C")]
                .into_iter()
                .zip(verdicts)
                .filter_map(|((name, claim), verdict)| Some(lesson(name, claim, verdict?)))
                .collect();
            let expected = expected.map(|(verdict, why)| (verdict, why.to_string()));
            assert_eq!(Quoted(&lessons).doubt(&claims), expected);
        }
    }

    #[test]
    fn finding_elsewhere_does_not_count() {
        for name in ["two/a", "one-more/a", "one"] {
            let lessons = [lesson(name, "A", Holds)];
            assert_eq!(Quoted(&lessons).doubt(&[("A", "one/a")]).unwrap().0, NotShown, "{name}");
            let in_demo = Quoted(&lessons).doubt(&[("A", "one")]);
            assert_eq!(in_demo.is_none(), name == "one", "{name}");
        }
    }
}
