//! The matrix of models: {waiting, computing} x {sequential, threads, processes, async, rayon}, and the
//! choice it leads to.

use shared::judge::Judgement;
use shared::report::{Figure, Finding, Lesson, Run, Scale, Verdict};

/// Where the figures of one kind of work come from: model, and the lesson that ran it.
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

/// A model this much slower than the fastest is as good, if it is cheaper.
const AS_GOOD: f64 = 0.8;

/// What the choice rests on: a claim, and the demo that put it to the test.
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
    /// How many times as fast as the sequential run of the same lesson; and as it was predicted.
    faster: f64,
    predicted: Option<f64>,
    peak_rss_kib: Option<u64>,
}

impl Matrix {
    pub fn of(lessons: &[Lesson]) -> Matrix {
        let cells = |source: Source| {
            let cell = |(model, lesson)| Cell::of(lessons, model, lesson);
            source.into_iter().filter_map(cell).collect()
        };
        Matrix { waiting: cells(WAITING), computing: cells(COMPUTING) }
    }

    pub fn figures(&self) -> Vec<Figure> {
        let rows = [("Waiting", &self.waiting), ("Computing", &self.computing)];
        let figure = |(work, cells): (&str, &Vec<Cell>)| {
            let name = format!("{work}: times as fast as one after another");
            let figure = Figure::new(&name, "times", Scale::Linear);
            let cells = cells.iter();
            cells.fold(figure, |figure, cell| figure.point(cell.model, cell.faster, cell.predicted))
        };
        rows.into_iter().map(figure).collect()
    }

    /// What follows from the matrix, where the claims that it rests on hold.
    pub fn finding(&self, lessons: &[Lesson]) -> Judgement {
        let row = |cells: &[Cell]| {
            let cell = |cell: &Cell| format!("{} {:.1}", cell.model, cell.faster);
            cells.iter().map(cell).collect::<Vec<_>>().join(", ")
        };
        let measured =
            format!("waiting: {}; computing: {}", row(&self.waiting), row(&self.computing));
        let reasons = match doubts(lessons) {
            Some(reasons) => reasons,
            None if !self.is_as_predicted() => {
                (Verdict::NotShown, "its claims hold, but something disturbed the times".into())
            }
            None => (Verdict::Holds, self.choice()),
        };
        Judgement::new(
            "waiting: all but one after another; computing: all but that and async",
            measured,
            reasons,
        )
    }

    /// Whether all that should be faster than one after another is, and the others are not.
    fn is_as_predicted(&self) -> bool {
        let faster = |cell: &Cell| cell.faster > 1.5;
        let alone = |cell: &Cell| cell.model == "sequential";
        let waits = |cell: &Cell| faster(cell) != alone(cell);
        let computes = |cell: &Cell| faster(cell) != (alone(cell) || cell.model == "async");
        // How many waits rayon can hold depends on the cores.
        let mut waiting = self.waiting.iter().filter(|cell| cell.model != "rayon");
        let complete =
            self.waiting.len() == WAITING.len() && self.computing.len() == COMPUTING.len();
        complete && waiting.all(waits) && self.computing.iter().all(computes)
    }

    /// Of the fastest, the one with the least memory.
    fn choice(&self) -> String {
        let best = |cells: &[&Cell]| {
            let fastest = cells.iter().map(|cell| cell.faster).fold(0.0, f64::max);
            let good = cells.iter().filter(|cell| cell.faster >= fastest * AS_GOOD);
            // A few MiB more or less are chance.
            let memory = |cell: &Cell| cell.peak_rss_kib.unwrap_or(u64::MAX) / 4096;
            let cheapest = good.min_by(|a, b| {
                let by_memory = memory(a).cmp(&memory(b));
                by_memory.then(b.faster.total_cmp(&a.faster))
            });
            cheapest
                .map_or("unknown".into(), |cell| format!("{} ({:.0} ms)", cell.model, cell.wall_ms))
        };
        // Rayon is out of it: a wait takes a thread away from those that compute.
        let waiting: Vec<&Cell> =
            self.waiting.iter().filter(|cell| cell.model != "rayon").collect();
        let computing: Vec<&Cell> = self.computing.iter().collect();
        let (waiting, computing) = (best(&waiting), best(&computing));
        format!(
            "of the fastest, with the least memory: {waiting} for work that waits, {computing} for work that computes"
        )
    }
}

impl Cell {
    fn of(lessons: &[Lesson], model: &'static str, lesson: &str) -> Option<Cell> {
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

/// The first of the claims that does not hold, or has no finding, and why.
fn doubts(lessons: &[Lesson]) -> Option<(Verdict, String)> {
    let mut doubts = Vec::new();
    for (claim, demo) in CLAIMS {
        let of_demo = |lesson: &&Lesson| lesson.name.starts_with(demo);
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
mod tests;
