//! The matrix of models: {waiting, computing} x {sequential, threads, processes, async, rayon}. Waits
//! would only queue up in rayon.

use shared::report::{Figure, Scale, Verdict};
use shared::verdict::Check;

use crate::quoted::{Quoted, Source};

/// The models, and for each the lesson that ran it on one kind of work.
const WAITING: [(&str, &str); 4] = [
    ("sequential", "threads-demo/notebook"),
    ("threads", "threads-demo/notebook"),
    ("processes", "process-demo/notebook"),
    ("async", "async-demo/notebook"),
];

const COMPUTING: [(&str, &str); 5] = [
    ("sequential", "cpu-bound-demo/notebook"),
    ("threads", "cpu-bound-demo/notebook"),
    ("processes", "cpu-bound-demo/notebook"),
    ("async", "cpu-bound-demo/notebook"),
    ("rayon", "cpu-bound-demo/notebook"),
];

/// Claims on which the matrix rests.
const CLAIMS: [Source; 6] = [
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
    /// Measured and predicted speed-up over the sequential run of the same lesson.
    faster: f64,
    predicted: Option<f64>,
}

impl Matrix {
    pub fn new(quoted: Quoted) -> Matrix {
        let cells = |models: &[(&'static str, &str)]| {
            models.iter().filter_map(|(model, lesson)| Cell::new(quoted, model, lesson)).collect()
        };
        Matrix { waiting: cells(&WAITING), computing: cells(&COMPUTING) }
    }

    pub fn figures(&self) -> Vec<Figure> {
        let rows = [("Waiting", &self.waiting), ("Computing", &self.computing)];
        let figure = |(work, cells): (&str, &Vec<Cell>)| {
            let figure = Figure::new(&format!("{work}: speed-up"), "times", Scale::Linear);
            let cells = cells.iter();
            cells.fold(figure, |figure, cell| figure.point(cell.model, cell.faster, cell.predicted))
        };
        rows.into_iter().map(figure).collect()
    }

    /// Do the claims hold, and do the times agree with them?
    pub fn check(&self, quoted: Quoted) -> Check {
        let row = |cells: &[Cell]| {
            let cell = |cell: &Cell| format!("{} {:.1}", cell.model, cell.faster);
            cells.iter().map(cell).collect::<Vec<_>>().join(", ")
        };
        let measured =
            format!("waiting: {}; computing: {}", row(&self.waiting), row(&self.computing));
        let reason = match quoted.doubt(&CLAIMS) {
            Some(reason) => reason,
            None if !self.is_as_predicted() => {
                (Verdict::NotShown, "the claims hold, but something disturbed the times".into())
            }
            None => (Verdict::Holds, "waits need no core, and computing needs several".into()),
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
        let complete =
            self.waiting.len() == WAITING.len() && self.computing.len() == COMPUTING.len();
        complete && self.waiting.iter().all(waits) && self.computing.iter().all(computes)
    }
}

impl Cell {
    fn new(quoted: Quoted, model: &'static str, lesson: &str) -> Option<Cell> {
        let (run, sequential) = (quoted.run(lesson, model)?, quoted.run(lesson, "sequential")?);
        let predicted = run.predicted_ms.filter(|_| model != "sequential");
        // Nothing predicts how long computing takes.
        let sequential_ms = sequential.predicted_ms.unwrap_or(sequential.wall_ms);
        Some(Cell {
            model,
            faster: sequential.wall_ms / run.wall_ms,
            predicted: predicted.map(|ms| sequential_ms / ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quoted::tests::lesson;
    use Verdict::*;
    use shared::report::{LessonReport, Run, sample};

    /// One lesson for each of [`CLAIMS`], with a finding of this verdict on it.
    fn lessons(verdicts: [Verdict; 6]) -> Vec<LessonReport> {
        let lesson = |(&(claim, demo), verdict): (&Source, Verdict)| {
            lesson(&format!("{demo}/notebook"), claim, verdict)
        };
        CLAIMS.iter().zip(verdicts).map(lesson).collect()
    }

    /// A matrix with these speed-ups, in the order of the models.
    fn matrix(waiting: [f64; 4], computing: [f64; 5]) -> Matrix {
        let cells = |models: &[(&'static str, &str)], faster: &[f64]| {
            let cell = |((model, _), &faster): (&(&'static str, _), _)| Cell {
                model,
                faster,
                predicted: None,
            };
            models.iter().zip(faster).map(cell).collect()
        };
        Matrix { waiting: cells(&WAITING, &waiting), computing: cells(&COMPUTING, &computing) }
    }

    fn verdict(matrix: &Matrix) -> Verdict {
        matrix.check(Quoted(&lessons([Holds; 6]))).verdict
    }

    #[test]
    fn matrix_follows_only_from_held_claims() {
        let (waiting, computing) = ([1.0, 9.8, 8.9, 9.9], [1.0, 1.9, 1.8, 1.0, 1.9]);
        let sound = matrix(waiting, computing);
        let check = sound.check(Quoted(&lessons([Holds; 6])));
        assert!(check.verdict == Holds && check.because.contains("need no core"), "{check:#?}");
        for verdict in [Fails, NotShown] {
            let verdicts = [Holds, Holds, Holds, Holds, verdict, Holds];
            assert_eq!(sound.check(Quoted(&lessons(verdicts))).verdict, verdict);
        }
        assert_eq!(verdict(&matrix([1.0; 4], computing)), NotShown);
        assert_eq!(verdict(&Matrix::new(Quoted(&lessons([Holds; 6])))), NotShown);
    }

    #[test]
    fn every_wrong_or_missing_speedup_counts() {
        let (slow, fast) = (1.5, 1.5625);
        let waiting = [slow, fast, fast, fast];
        let computing = [slow, fast, fast, slow, fast];
        assert_eq!(verdict(&matrix(waiting, computing)), Holds);
        let other = |faster: f64| if faster == slow { fast } else { slow };
        for model in 0..5 {
            let (mut waits, mut computes) = (waiting, computing);
            computes[model] = other(computes[model]);
            assert_eq!(verdict(&matrix(waiting, computes)), NotShown, "{model}");
            let mut lacks = [matrix(waiting, computing), matrix(waiting, computing)];
            lacks[1].computing.remove(model);
            if model < 4 {
                waits[model] = other(waits[model]);
                assert_eq!(verdict(&matrix(waits, computing)), NotShown, "{model}");
                lacks[0].waiting.remove(model);
                assert_eq!(verdict(&lacks[0]), NotShown, "{model}");
            }
            assert_eq!(verdict(&lacks[1]), NotShown, "{model}");
        }
        let check = matrix([1.0, 2.0, 3.0, 4.0], [6.0, 7.0, 8.0, 9.0, 9.5]);
        let check = check.check(Quoted(&lessons([Holds; 6])));
        assert_eq!(
            check.measured,
            "waiting: sequential 1.0, threads 2.0, processes 3.0, async 4.0; \
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
        let runs = |sequential_ms, predicted_ms, others: &[Run]| {
            [others, &[run("sequential", sequential_ms, predicted_ms)]].concat()
        };
        lessons[0].runs = runs(100.0, Some(90.0), &[run("threads", 50.0, Some(30.0))]);
        lessons[1].runs = runs(60.0, Some(50.0), &[run("processes", 24.0, None)]);
        lessons[2].runs = vec![run("async", 10.0, Some(10.0))]; // Nothing to compare it with.
        let four = ["async", "threads", "processes", "rayon"];
        lessons[3].runs = runs(80.0, None, &four.map(|model| run(model, 80.0, Some(40.0))));
        let matrix = Matrix::new(Quoted(&lessons));
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
                "Waiting: speed-up: \
                sequential 1 0, threads 2 3, processes 2.5 0",
                "Computing: speed-up: \
                sequential 1 0, threads 1 2, processes 1 2, async 1 2, rayon 1 2",
            ]
        );
    }
}
