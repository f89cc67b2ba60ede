//! The lessons that run when they are named. Each is one file.

use shared::Lesson;

mod crash;
mod dropped;
mod file_race;
mod full_pipes;
mod orphans;
mod own_memory;
mod serialize;
mod torn_lines;

pub const ALL: &[Lesson] = &[
    crash::LESSON,
    own_memory::LESSON,
    serialize::LESSON,
    torn_lines::LESSON,
    file_race::LESSON,
    full_pipes::LESSON,
    orphans::LESSON,
    dropped::LESSON,
];
