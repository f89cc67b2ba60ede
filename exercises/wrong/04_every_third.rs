//! Each thread has a share of its own.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, executor};

fn pool(site: &Site, n: usize, k: usize) -> Vec<Answer> {
    let share = |nth| (nth..n).step_by(k).map(|id| site.ask(id)).collect();
    thread::scope(|scope| {
        let handles: Vec<_> = (0..k).map(|nth| scope.spawn(move || share(nth))).collect();
        handles.into_iter().flat_map(|handle| -> Vec<Answer> { handle.join().unwrap() }).collect()
    })
}

pub fn main() -> ExitCode {
    executor::main(pool)
}
