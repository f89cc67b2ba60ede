//! The lessons, in the order in which `all` runs them.

use shared::Lesson;

mod cancel;
mod daemon;
mod deadlock;
mod lock_held;
mod meanwhile;
mod panic;
mod race;
mod refused;
mod side_by_side;

pub const ALL: &[Lesson] = &[
    side_by_side::LESSON,
    meanwhile::LESSON,
    panic::LESSON,
    cancel::LESSON,
    race::LESSON,
    refused::LESSON,
    deadlock::LESSON,
    lock_held::LESSON,
    daemon::LESSON,
];
