//! 13 rows: two threads share rows of unequal length.
//!
//! `painter.row(id)` draws a row. Most take no time; the first takes as long as 40 others.
//! Draw with k threads so that none is idle while there are rows left. Return the rows in
//! order.

use std::process::ExitCode;

use exercises::rows::{self, Painter, Row};

fn draw(painter: &Painter, rows: usize, k: usize) -> Vec<Row> {
    let _ = k; // Not used yet.
    (0..rows).map(|id| painter.row(id)).collect()
}

pub fn main() -> ExitCode {
    rows::main(draw)
}
