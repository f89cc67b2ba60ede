//! A half for each thread: the second has run out while the first row takes long.

use std::process::ExitCode;
use std::thread;

use exercises::rows::{self, Painter, Row};

fn draw(painter: &Painter, rows: usize, k: usize) -> Vec<Row> {
    let part = rows / k;
    let draw_part = |nth| (nth * part..(nth + 1) * part).map(|id| painter.row(id)).collect();
    thread::scope(|scope| {
        let handles: Vec<_> = (0..k).map(|nth| scope.spawn(move || draw_part(nth))).collect();
        handles.into_iter().flat_map(|handle| -> Vec<Row> { handle.join().unwrap() }).collect()
    })
}

pub fn main() -> ExitCode {
    rows::main(draw)
}
