//! Runs every lesson of the other demos and reads their reports: their findings are the ledger, their
//! times the matrix of models, and both together the choice.
//! You will see how many times as fast as the sequential run each model is, where tasks wait and where
//! they compute; the choice: which model for what, with the figures just measured and the lesson that
//! measured them; the claims by section; and what does not hold or was not shown. `--verbose` adds each
//! claim with its prediction and its measurement.
//! Try it: on Linux, `taskset -c 0 cargo run --release -p summary-demo`. On a single core, the lines
//! about tasks that compute are not shown.

use anyhow::Result;
use shared::cli::REPEAT;
use shared::report::{count, rounds};
use shared::{Evidence, Lab, Lesson};

use crate::choice;
use crate::demos::{Demos, Listed};
use crate::matrix::Matrix;
use crate::progress::Progress;
use crate::quoted::Quoted;

pub const LESSON: Lesson = Lesson::new(
    "ledger",
    "Every claim, and which model suits which work",
    &["G9"],
    run,
    include_str!("ledger.rs"),
)
.options(&[REPEAT]);

/// In the order of the notebook's sections.
const DEMOS: [&str; 4] = ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"];

fn run(lab: &Lab) -> Result<Evidence> {
    let mut progress = Progress::new();
    let demos = Demos::build(&DEMOS, &mut progress)?;
    let lists: Vec<_> = DEMOS.iter().map(|name| demos.list(name)).collect::<Result<_>>()?;
    let repeat: Option<u32> = lab.options.get(REPEAT.name).map(str::parse).transpose()?;
    progress.plan(lists.iter().flatten().map(Listed::full_name).collect(), repeat.unwrap_or(1));
    let mut quoted = Vec::new();
    for (name, lessons) in DEMOS.iter().zip(&lists) {
        for lesson in lessons {
            progress.next();
            quoted.extend(demos.run(lesson, repeat));
        }
        progress.above(|| lab.print(&format!("{name}: {}", count(lessons.len(), "lesson"))));
    }
    drop(progress);

    let merged: Vec<_> = quoted.iter().map(|one| rounds::merge(one).into_owned()).collect();
    let (matrix, reports) = (Matrix::new(Quoted(&merged)), Quoted(&merged));
    let mut findings = vec![matrix.check(reports).on("G9", "Which models speed up which work")];
    findings.extend(choice::findings(reports));
    Ok(Evidence { figures: matrix.figures(), findings, quoted, ..Evidence::default() })
}
