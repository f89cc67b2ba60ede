//! 13 rows, with rayon: idle threads steal rows from busy ones.

use std::process::ExitCode;

use exercises::rows::{self, Painter, Row};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

fn draw(painter: &Painter, rows: usize, k: usize) -> Vec<Row> {
    let pool = ThreadPoolBuilder::new().num_threads(k).build().unwrap();
    pool.install(|| (0..rows).into_par_iter().map(|id| painter.row(id)).collect())
}

pub fn main() -> ExitCode {
    rows::main(draw)
}
