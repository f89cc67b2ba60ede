//! The lessons in the order of the path. Each is a file; the other files help them.

use shared::Lesson;

use crate::notebook;

mod amdahl;
mod compute_in_async;
mod gate;
mod gil;
mod interpreter_lock;
mod python;
mod scheduler;
mod speedup;
mod stop;
mod stoppable_work;
mod survival;
mod ways_to_compute;
mod ways_to_die;
mod work_stealing;

pub const ALL: &[Lesson] = &[
    gil::LESSON,
    notebook::LESSON,
    scheduler::LESSON,
    amdahl::LESSON,
    work_stealing::LESSON,
    stop::LESSON,
    survival::LESSON,
    compute_in_async::LESSON,
];
