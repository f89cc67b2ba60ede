//! Runs every lesson of the other demos and reads what they report: their findings are the ledger, and
//! their times the matrix of models.
//!
//! You will see each claim with its prediction, its measurement and its verdict, and then how much
//! faster than one after another each model is, where tasks wait and where they compute.
//!
//! Try it: on one core (on Linux, `taskset -c 0` before it all). Which choice is left?

use anyhow::Result;
use indicatif::ProgressBar;
use shared::lab::{Evidence, Lab};

use crate::demos::Demos;
use crate::matrix::Matrix;

pub const ABOUT: &str = "Every claim, and which model for what";

/// In the order of the notebook's sections.
const DEMOS: [&str; 4] = ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo"];

pub fn run(_: &Lab) -> Result<Evidence> {
    // It shows on a terminal only.
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar.set_message("building");
    let demos = Demos::build(&DEMOS)?;
    let mut quoted = Vec::new();
    for (place, name) in DEMOS.iter().enumerate() {
        bar.set_message(format!("{name}, {} of {}", place + 1, DEMOS.len()));
        quoted.extend(demos.run(name)?);
    }
    bar.finish_and_clear();

    let matrix = Matrix::of(&quoted);
    let finding = matrix.finding(&quoted).on("G9", "Which model for what");
    Ok(Evidence {
        figures: matrix.figures(),
        findings: vec![finding],
        quoted,
        ..Evidence::default()
    })
}
