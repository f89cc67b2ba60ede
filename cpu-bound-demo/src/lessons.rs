//! Lessons that run when they are named. Each is one file.

use shared::Lesson;

mod amdahl;
mod gil;
mod python;
mod scheduler;
mod stop;
mod stoppable_work;
mod survival;
mod waits;
mod ways_to_die;
mod work_stealing;

pub const ALL: &[Lesson] = &[
    gil::LESSON,
    amdahl::LESSON,
    scheduler::LESSON,
    waits::LESSON,
    work_stealing::LESSON,
    survival::LESSON,
    stop::LESSON,
];
