//! 13 rows: each thread takes the next row when it is done with one.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use exercises::rows::{self, Painter, Row};

fn draw(painter: &Painter, rows: usize, k: usize) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let draw_some = || {
        let mut mine = Vec::new();
        loop {
            let id = next.fetch_add(1, Relaxed);
            if id >= rows {
                return mine;
            }
            mine.push(painter.row(id));
        }
    };
    let mut drawn = thread::scope(|scope| {
        let handles: Vec<_> = (0..k).map(|_| scope.spawn(draw_some)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect::<Vec<_>>()
    });
    drawn.sort_by_key(|row| row.id);
    drawn
}

pub fn main() -> ExitCode {
    rows::main(draw)
}
