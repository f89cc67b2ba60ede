//! The lock is held while a row is drawn.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use exercises::rows::{self, Painter, Row};

fn draw(painter: &Painter, rows: usize, k: usize) -> Vec<Row> {
    let drawn = Mutex::new(Vec::new());
    let draw_some = || {
        loop {
            let mut drawn = drawn.lock().unwrap();
            if drawn.len() == rows {
                return;
            }
            let id = drawn.len();
            drawn.push(painter.row(id));
        }
    };
    thread::scope(|scope| {
        for _ in 0..k {
            scope.spawn(draw_some);
        }
    });
    drawn.into_inner().unwrap()
}

pub fn main() -> ExitCode {
    rows::main(draw)
}
