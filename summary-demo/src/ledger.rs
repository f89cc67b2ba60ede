//! Runs every lesson of the other demos and reads their reports: their findings are the ledger, and
//! their times the matrix of models.
//! You will see each claim with its prediction, its measurement and its verdict; then how many times
//! as fast as the sequential run each model is, where tasks wait and where they compute.
//! Try it: on Linux, `taskset -c 0` in front, for a single core. Which choice is left?

use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;
use shared::{Evidence, Lab, Lesson};

use crate::demos::Demos;
use crate::matrix::Matrix;

pub const LESSON: Lesson = Lesson::new(
    "ledger",
    "Every claim, and which model suits which work",
    &["G9"],
    run,
    include_str!("ledger.rs"),
);

/// In the order of the notebook's sections.
const DEMOS: [&str; 4] = ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"];

fn run(_: &Lab) -> Result<Evidence> {
    let bar = ProgressBar::new_spinner(); // Shows on a terminal only.
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("building");
    let demos = Demos::build(&DEMOS)?;
    let mut quoted = Vec::new();
    for (place, name) in DEMOS.iter().enumerate() {
        bar.set_message(format!("{name}, {} of {}", place + 1, DEMOS.len()));
        quoted.extend(demos.run(name)?);
    }
    bar.finish_and_clear();

    let matrix = Matrix::new(&quoted);
    let findings = vec![matrix.check(&quoted).on("G9", "Which model suits which work")];
    Ok(Evidence { figures: matrix.figures(), findings, quoted, ..Evidence::default() })
}
