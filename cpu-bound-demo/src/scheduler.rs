//! It is the operating system that decides which thread runs on which core, and for how long. With more
//! busy threads than cores they take turns, and no more gets done than before.
//!
//! You will see the same picture drawn by a thread for each core, and by four.
//!
//! Try it: on Linux, `taskset -c 0` before it all, or `nice -n 19`.

use std::thread::Builder;

use anyhow::{Context, Result};
use shared::lab::{Evidence, Lab};
use shared::report::Run;

use crate::judge;
use crate::picture::Gallery;

pub const ABOUT: &str = "More threads than cores, all of them busy";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let mut gallery = Gallery::new(lab, 3);
    let some = draw(&mut gallery, "a thread for each core", None, lab.cores)?;
    let many = draw(&mut gallery, "four threads for each core", Some(&some), lab.cores * 4)?;
    let again = draw(&mut gallery, "a thread for each core again", Some(&some), lab.cores)?;
    gallery.painter.bar.finish_and_clear();
    let finding = judge::no_faster([&some, &again], &many, lab.cores)
        .on("G7", "More busy threads than cores do not help");
    Ok(Evidence::new(vec![some, many, again], vec![finding]))
}

fn draw(gallery: &mut Gallery, model: &str, before: Option<&Run>, threads: usize) -> Result<Run> {
    gallery.run(model, before.map(|run| run.wall_ms), |painter| {
        let mut started = Vec::new();
        for first in 0..threads {
            let (painter, rows) = (painter.clone(), (first..painter.view.height).step_by(threads));
            let thread = Builder::new().name(format!("Thread-{}", first + 1));
            let thread = thread.spawn(move || rows.map(|y| painter.draw(y)).collect::<Vec<_>>());
            started.push(thread.context("cannot start a thread")?);
        }
        let drawn = started.into_iter().flat_map(|thread| thread.join());
        Ok(drawn.flatten().collect())
    })
}
