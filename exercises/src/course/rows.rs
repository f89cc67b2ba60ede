//! 13: rows of unequal length, drawn by two threads.

use std::process::ExitCode;
use std::sync::{Condvar, Mutex, PoisonError};

use serde::Serialize;

use crate::event::{What, record};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict, all_in_order};
use crate::site::PATIENCE;

pub const EXERCISE: Exercise = Exercise {
    name: "13_rows",
    about: "two threads share rows of unequal length",
    minutes: 15,
    starred: false,
    goal: "40 of 63 other rows drawn while the first takes long",
    hints: [
        "One row takes long. Who draws the rest, and who has run out of rows meanwhile?",
        "A shared `AtomicUsize` from `std::sync::atomic`: `next.fetch_add(1, Relaxed)` gives each row to one thread, \
         which takes the next when it is done (`use std::sync::atomic::Ordering::Relaxed`). Or rayon: `use rayon::prelude::*` and `into_par_iter()`, whose idle \
         threads steal rows.",
        "In each of the k threads: `let row = next.___(1, Relaxed); if row >= rows { break; }`. At the \
         end, sort by `row.id`.",
    ],
    stub: include_str!("../../stubs/13_rows.rs"),
    solution: include_str!("../../solutions/13_rows.rs"),
};

const ROWS: usize = 64;
const THREADS: usize = 2;
const MEANWHILE: usize = 40;

/// A row of the picture. Only a painter can make it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct Row {
    pub id: usize,
}

/// Draws rows. The first row that it begins takes as long as 40 others.
#[derive(Default)]
pub struct Painter {
    drawn: Mutex<Drawn>,
    row_ended: Condvar,
}

#[derive(Default)]
struct Drawn {
    begun: usize,
    ended: usize,
}

impl Painter {
    /// Draws a row.
    pub fn row(&self, id: usize) -> Row {
        record(What::Begun(id));
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.begun += 1;
        let mut in_vain = false;
        if drawn.begun == 1 {
            let too_few = |drawn: &mut Drawn| drawn.ended < MEANWHILE;
            let waited = self.row_ended.wait_timeout_while(drawn, PATIENCE, too_few);
            let (still, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            (drawn, in_vain) = (still, waited.timed_out());
        }
        drawn.ended += 1;
        record(if in_vain { What::InVain(id) } else { What::Ended(id) });
        self.row_ended.notify_all();
        Row { id }
    }
}

/// Judges the learner's `draw`.
#[track_caller]
pub fn main(draw: fn(&Painter, usize, usize) -> Vec<Row>) -> ExitCode {
    judge::run(&EXERCISE, || draw(&Painter::default(), ROWS, THREADS), verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let threads = seen.threads();
    let meanwhile = seen.ended_in_time();
    if threads > THREADS {
        return Err(Red::new(
            format!("{threads} threads"),
            "start k threads, not one for each row",
        ));
    }
    if seen.in_vain() {
        let because = match meanwhile {
            0 if seen.source.contains("lock()") => {
                "a thread keeps the lock while it draws: you built a GIL"
            }
            0 => "one thread draws one row after the other",
            _ => "the other thread had run out: the rows were shared out before the work began",
        };
        return Err(Red::new(format!("{meanwhile} meanwhile"), because));
    }
    all_in_order(&seen.returned::<Vec<usize>>()?, ROWS, "thread")?;
    Ok(format!("{threads} threads, none idle while there were rows"))
}
