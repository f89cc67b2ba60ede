//! Runs every lesson of the other demos and reads their reports: their findings are the ledger, their
//! times the matrix of models, and both together the choice.
//! You will see each claim with its prediction, its measurement and its verdict; then how many times
//! as fast as the sequential run each model is, where tasks wait and where they compute; then the
//! choice: which model for what, each line with the claims that it rests on.
//! Try it: on Linux, `taskset -c 0 cargo run --release -p summary-demo`. On a single core, the lines
//! about tasks that compute are not shown.

use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;
use shared::cli::REPEAT;
use shared::report::{count, rounds};
use shared::{Evidence, Lab, Lesson};

use crate::choice;
use crate::demos::Demos;
use crate::matrix::Matrix;
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
    let bar = ProgressBar::new_spinner(); // Shows on a terminal only.
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("building");
    let demos = Demos::build(&DEMOS)?;
    let repeat = lab.options.get(REPEAT.name).map(str::parse).transpose()?;
    let mut quoted = Vec::new();
    for (place, name) in DEMOS.iter().enumerate() {
        bar.set_message(format!("{name}, {} of {}", place + 1, DEMOS.len()));
        let lessons = demos.run(name, repeat);
        let lessons = lessons.or_else(|error| demos.not_shown(name, &format!("{error:#}")))?;
        bar.suspend(|| lab.print(&format!("{name}: {}", count(lessons.len(), "lesson"))));
        quoted.extend(lessons);
    }
    bar.finish_and_clear();

    let merged: Vec<_> = quoted.iter().map(|one| rounds::merge(one).into_owned()).collect();
    let (matrix, reports) = (Matrix::new(Quoted(&merged)), Quoted(&merged));
    let mut findings = vec![matrix.check(reports).on("G9", "Which models speed up which work")];
    findings.extend(choice::findings(reports));
    Ok(Evidence { figures: matrix.figures(), findings, quoted, ..Evidence::default() })
}
