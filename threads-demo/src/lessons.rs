//! The lessons in the order of the path. Each is a file; the other files help them.

use shared::Lesson;

use crate::notebook;

#[cfg(test)]
mod arm;
mod backpressure;
mod cancel;
mod compiler;
mod daemon;
mod deadlock;
mod gate;
mod lock_held;
mod meanwhile;
mod panic;
mod race;
mod refused;

pub const ALL: &[Lesson] = &[
    meanwhile::LESSON,
    notebook::LESSON,
    gate::LESSON,
    daemon::LESSON,
    panic::LESSON,
    cancel::LESSON,
    refused::LESSON,
    race::LESSON,
    lock_held::LESSON,
    deadlock::LESSON,
    backpressure::LESSON,
];
