//! The matrix of models: {waiting, computing} x {sequential, threads, processes, async, rayon}, and the
//! choice that follows.

use shared::report::{Figure, Finding, LessonReport, Run, Scale, Verdict};
use shared::verdict::Check;

/// The models, and for each the lesson that ran it on one kind of work.
type Source = [(&'static str, &'static str); 5];

const WAITING: Source = [
    ("sequential", "threads-demo/notebook"),
    ("threads", "threads-demo/notebook"),
    ("processes", "process-demo/notebook"),
    ("async", "async-demo/notebook"),
    ("rayon", "cpu-bound-demo/waits"),
];

const COMPUTING: Source = [
    ("sequential", "cpu-bound-demo/notebook"),
    ("threads", "cpu-bound-demo/notebook"),
    ("processes", "cpu-bound-demo/notebook"),
    ("async", "cpu-bound-demo/notebook"),
    ("rayon", "cpu-bound-demo/notebook"),
];

/// A model with this share of the fastest one's speed-up is as good, if it needs less memory.
const AS_GOOD: f64 = 0.8;

/// Claims that the choice depends on, and for each the demo that tests it.
const CLAIMS: [(&str, &str); 6] = [
    ("T1", "threads-demo"),
    ("P1", "process-demo"),
    ("A1", "async-demo"),
    ("G4", "cpu-bound-demo"),
    ("G5", "cpu-bound-demo"),
    ("P3", "cpu-bound-demo"),
];

pub struct Matrix {
    waiting: Vec<Cell>,
    computing: Vec<Cell>,
}

struct Cell {
    model: &'static str,
    wall_ms: f64,
    /// Measured and predicted speed-up over the sequential run of the same lesson.
    faster: f64,
    predicted: Option<f64>,
    peak_rss_kib: Option<u64>,
}

impl Matrix {
    pub fn new(lessons: &[LessonReport]) -> Matrix {
        let cells = |source: Source| {
            let cell = |(model, lesson)| Cell::new(lessons, model, lesson);
            source.into_iter().filter_map(cell).collect()
        };
        Matrix { waiting: cells(WAITING), computing: cells(COMPUTING) }
    }

    pub fn figures(&self) -> Vec<Figure> {
        let rows = [("Waiting", &self.waiting), ("Computing", &self.computing)];
        let figure = |(work, cells): (&str, &Vec<Cell>)| {
            let name = format!("{work}: times as fast as sequential");
            let figure = Figure::new(&name, "times", Scale::Linear);
            let cells = cells.iter();
            cells.fold(figure, |figure, cell| figure.point(cell.model, cell.faster, cell.predicted))
        };
        rows.into_iter().map(figure).collect()
    }

    /// Do the claims hold that the choice depends on, and do the times agree? Then it names the choice.
    pub fn check(&self, lessons: &[LessonReport]) -> Check {
        let row = |cells: &[Cell]| {
            let cell = |cell: &Cell| format!("{} {:.1}", cell.model, cell.faster);
            cells.iter().map(cell).collect::<Vec<_>>().join(", ")
        };
        let measured =
            format!("waiting: {}; computing: {}", row(&self.waiting), row(&self.computing));
        let reason = match doubt(lessons) {
            Some(reason) => reason,
            None if !self.is_as_predicted() => {
                (Verdict::NotShown, "the claims hold, but something disturbed the times".into())
            }
            None => (Verdict::Holds, self.choice()),
        };
        let predicted = "faster where tasks wait: all but sequential; where they compute: all but \
            sequential and async";
        Check::new(predicted, measured, reason)
    }

    /// Whether the predicted models are faster than sequential, and no others.
    fn is_as_predicted(&self) -> bool {
        let faster = |cell: &Cell| cell.faster > 1.5;
        let alone = |cell: &Cell| cell.model == "sequential";
        let waits = |cell: &Cell| faster(cell) != alone(cell);
        let computes = |cell: &Cell| faster(cell) != (alone(cell) || cell.model == "async");
        // How many tasks can wait in rayon depends on the cores.
        let mut waiting = self.waiting.iter().filter(|cell| cell.model != "rayon");
        let complete =
            self.waiting.len() == WAITING.len() && self.computing.len() == COMPUTING.len();
        complete && waiting.all(waits) && self.computing.iter().all(computes)
    }

    /// For each kind of work the model that needs the least memory, of the fastest ones.
    fn choice(&self) -> String {
        // Not rayon: a waiting task would take a thread from those that compute.
        let waiting = best(self.waiting.iter().filter(|cell| cell.model != "rayon"));
        let computing = best(self.computing.iter());
        format!(
            "fastest with the least memory: {waiting} for work that waits, {computing} for work \
            that computes"
        )
    }
}

fn best<'a>(cells: impl Iterator<Item = &'a Cell> + Clone) -> String {
    let fastest = cells.clone().map(|cell| cell.faster).fold(0.0, f64::max);
    // A difference of a few MiB is chance.
    let memory = |cell: &Cell| cell.peak_rss_kib.unwrap_or(u64::MAX) / 4096;
    let good = cells.filter(|cell| cell.faster >= fastest * AS_GOOD);
    let best = good.min_by(|a, b| memory(a).cmp(&memory(b)).then(b.faster.total_cmp(&a.faster)));
    best.map_or("unknown".into(), |cell| format!("{} ({:.0} ms)", cell.model, cell.wall_ms))
}

impl Cell {
    fn new(lessons: &[LessonReport], model: &'static str, lesson: &str) -> Option<Cell> {
        let lesson = lessons.iter().find(|one| one.name == lesson)?;
        let run = |model| lesson.runs.iter().find(|run: &&Run| run.model == model);
        let (run, sequential) = (run(model)?, run("sequential")?);
        let predicted = run.predicted_ms.filter(|_| model != "sequential");
        Some(Cell {
            model,
            wall_ms: run.wall_ms,
            faster: sequential.wall_ms / run.wall_ms,
            predicted: predicted.map(|ms| sequential.wall_ms / ms),
            peak_rss_kib: run.peak_rss_kib,
        })
    }
}

/// Why the choice does not follow, if it does not: the first claim that fails, or else the first that
/// is not shown or has no finding.
fn doubt(lessons: &[LessonReport]) -> Option<(Verdict, String)> {
    let mut doubts = Vec::new();
    for (claim, demo) in CLAIMS {
        let of_demo = |lesson: &&LessonReport| lesson.name.starts_with(demo);
        let findings = lessons.iter().filter(of_demo).flat_map(|lesson| &lesson.findings);
        let on_claim: Vec<&Finding> = findings.filter(|finding| finding.claim == claim).collect();
        if on_claim.is_empty() {
            doubts.push((Verdict::NotShown, format!("there is no finding on {claim}")));
        }
        let doubtful = on_claim.into_iter().filter(|finding| finding.verdict != Verdict::Holds);
        let why = |finding: &Finding| format!("{claim}: {}", finding.because);
        doubts.extend(doubtful.map(|finding| (finding.verdict, why(finding))));
    }
    let fails = doubts.iter().position(|(verdict, _)| *verdict == Verdict::Fails);
    (!doubts.is_empty()).then(|| doubts.swap_remove(fails.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::{Settings, sample};

    /// One lesson for each of [`CLAIMS`], with a finding of this verdict on it.
    fn lessons(verdicts: [Verdict; 6]) -> Vec<LessonReport> {
        let lesson = |(&(claim, demo), verdict): (&(&str, &str), Verdict)| LessonReport {
            name: format!("{demo}/notebook"),
            about: String::new(),
            settings: Settings { tasks: 1, url: None, embedded: false, delay_ms: None },
            runs: Vec::new(),
            figures: Vec::new(),
            picture: None,
            findings: vec![Check::new("", "", (verdict, "why")).on(claim, "")],
        };
        CLAIMS.iter().zip(verdicts).map(lesson).collect()
    }

    /// A matrix with these speed-ups, in the order of the models.
    fn matrix(waiting: [f64; 5], computing: [f64; 5]) -> Matrix {
        let cell = |((model, _), faster): ((&'static str, _), f64)| Cell {
            model,
            wall_ms: 100.0,
            faster,
            predicted: None,
            peak_rss_kib: None,
        };
        let cells = |source: Source, faster| source.into_iter().zip(faster).map(cell).collect();
        Matrix { waiting: cells(WAITING, waiting), computing: cells(COMPUTING, computing) }
    }

    fn verdict(matrix: &Matrix) -> Verdict {
        matrix.check(&lessons([Holds; 6])).verdict
    }

    #[test]
    fn choice_follows_only_from_held_claims() {
        let (waiting, computing) = ([1.0, 9.8, 8.9, 9.9, 2.0], [1.0, 1.9, 1.8, 1.0, 1.9]);
        let sound = matrix(waiting, computing);
        let check = sound.check(&lessons([Holds; 6]));
        assert!(check.verdict == Holds && check.because.contains("async"), "{check:#?}");
        for verdict in [Fails, NotShown] {
            let verdicts = [Holds, Holds, Holds, Holds, verdict, Holds];
            assert_eq!(sound.check(&lessons(verdicts)).verdict, verdict);
        }
        assert_eq!(verdict(&matrix(computing, computing)), NotShown);
        assert_eq!(verdict(&matrix(waiting, waiting)), NotShown);
        assert_eq!(verdict(&Matrix::new(&lessons([Holds; 6]))), NotShown);
    }

    #[test]
    fn failed_claim_is_named_first() {
        let missing = "there is no finding on P3";
        for (verdicts, expected) in [
            ([Holds; 6], None),
            ([Holds, NotShown, NotShown, Fails, Fails, Holds], Some((Fails, "G4: why"))),
            ([Holds, NotShown, NotShown, Holds, Holds, Holds], Some((NotShown, "P1: why"))),
        ] {
            let expected = expected.map(|(verdict, why)| (verdict, why.to_string()));
            assert_eq!(doubt(&lessons(verdicts)), expected);
        }
        let mut lessons = lessons([Holds; 6]);
        assert_eq!(doubt(&lessons[..5]), Some((NotShown, missing.into())));
        lessons[5].name = "process-demo/notebook".into(); // Tested, but by another demo.
        assert_eq!(doubt(&lessons), Some((NotShown, missing.into())));
    }

    #[test]
    fn every_wrong_or_missing_speedup_counts() {
        let (slow, fast) = (1.5, 1.5625);
        let waiting = [slow, fast, fast, fast, slow];
        let computing = [slow, fast, fast, slow, fast];
        assert_eq!(verdict(&matrix(waiting, computing)), Holds);
        let other = |faster: f64| if faster == slow { fast } else { slow };
        for model in 0..5 {
            let (mut waits, mut computes) = (waiting, computing);
            waits[model] = other(waits[model]);
            computes[model] = other(computes[model]);
            // How many tasks can wait in rayon depends on the cores.
            let allowed = if model == 4 { Holds } else { NotShown };
            assert_eq!(verdict(&matrix(waits, computing)), allowed, "{model}");
            assert_eq!(verdict(&matrix(waiting, computes)), NotShown, "{model}");
            let mut lacks = [matrix(waiting, computing), matrix(waiting, computing)];
            lacks[0].waiting.remove(model);
            lacks[1].computing.remove(model);
            assert_eq!(lacks.each_ref().map(verdict), [NotShown; 2], "{model}");
        }
        let check = matrix([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 9.5]);
        let check = check.check(&lessons([Holds; 6]));
        assert_eq!(
            check.measured,
            "waiting: sequential 1.0, threads 2.0, processes 3.0, async 4.0, rayon 5.0; \
            computing: sequential 6.0, threads 7.0, processes 8.0, async 9.0, rayon 9.5"
        );
        assert!(check.because.contains("disturbed"), "{check:?}");
    }

    #[test]
    fn each_model_has_its_own_lessons_figures() {
        let run = |model: &str, wall_ms, predicted_ms| Run {
            model: model.into(),
            wall_ms,
            predicted_ms,
            ..sample::run(&[])
        };
        let mut lessons = lessons([Holds; 6]);
        lessons.dedup_by(|a, b| a.name == b.name);
        lessons.push(LessonReport { name: "cpu-bound-demo/waits".into(), ..lessons[3].clone() });
        let runs = |sequential_ms, others: &[Run]| {
            let own = run("sequential", sequential_ms, Some(50.0)); // Not a prediction of itself.
            [others, &[own]].concat()
        };
        lessons[0].runs = runs(100.0, &[run("threads", 50.0, Some(25.0))]);
        lessons[1].runs = runs(60.0, &[run("processes", 24.0, None)]);
        lessons[2].runs = vec![run("async", 10.0, Some(10.0))]; // Nothing to compare it with.
        lessons[4].runs = runs(90.0, &[run("rayon", 60.0, Some(45.0))]);
        let four = ["async", "threads", "processes", "rayon"];
        lessons[3].runs = runs(80.0, &four.map(|model| run(model, 80.0, Some(40.0))));
        let matrix = Matrix::new(&lessons);
        assert_eq!(matrix.waiting[1].wall_ms, 50.0);
        let figures = matrix.figures().into_iter().map(|figure| {
            let points = figure.points.iter().map(|point| {
                let (measured, predicted) = (point.measured.unwrap(), point.predicted);
                format!("{} {measured} {}", point.label, predicted.unwrap_or(0.0))
            });
            format!("{}: {}", figure.name, points.collect::<Vec<_>>().join(", "))
        });
        assert_eq!(
            figures.collect::<Vec<_>>(),
            [
                "Waiting: times as fast as sequential: \
                sequential 1 0, threads 2 4, processes 2.5 0, rayon 1.5 2",
                "Computing: times as fast as sequential: \
                sequential 1 0, threads 1 2, processes 1 2, async 1 2, rayon 1 2",
            ]
        );
    }

    #[test]
    fn choice_is_fast_with_least_memory() {
        let some = |kib: [u64; 4]| kib.map(Some);
        // Speed-up and memory in KiB of threads, processes, async and rayon; the choice where tasks
        // wait, and where they compute.
        for (faster, memory, [waiting, computing]) in [
            // With all memory unknown, the fastest.
            ([8.0, 9.0, 10.0, 1.0], [None; 4], ["async", "async"]),
            // Four fifths of the fastest are as good, and a bit less is not.
            ([10.0, 8.0, 9.0, 1.0], some([9000, 4000, u64::MAX, 1]), ["processes"; 2]),
            ([10.0, 7.9375, 9.0, 1.0], some([9000, 4000, u64::MAX, 1]), ["threads"; 2]),
            // Within the same 4 MiB the faster one, beyond them the smaller one.
            ([9.0, 10.0, 1.0, 1.0], some([4096, 8191, 1, 1]), ["processes"; 2]),
            ([9.0, 10.0, 1.0, 1.0], some([8191, 8192, 1, 1]), ["threads"; 2]),
            // Rayon is for computing only.
            ([9.0, 9.0, 9.5, 10.0], some([9000, 9000, 9000, 1]), ["async", "rayon"]),
        ] {
            let [a, b, c, d] = faster;
            let mut matrix = matrix([1.0, a, b, c, d], [1.0, a, b, c, d]);
            for cells in [&mut matrix.waiting, &mut matrix.computing] {
                let cells = cells.iter_mut().skip(1).zip(memory);
                cells.for_each(|(cell, kib)| cell.peak_rss_kib = kib);
            }
            let choice = format!(
                "fastest with the least memory: {waiting} (100 ms) for work that waits, \
                {computing} (100 ms) for work that computes"
            );
            assert_eq!(matrix.choice(), choice);
        }
        let empty = Matrix { waiting: Vec::new(), ..matrix([1.0; 5], [1.0; 5]) };
        assert!(empty.choice().contains("unknown for work that waits"));
    }
}
