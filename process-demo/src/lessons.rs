//! The lessons in the order of the path. Each is a file; the other files help them.

use shared::Lesson;

use crate::notebook;

mod crash;
mod file_race;
mod full_pipes;
mod hosts;
mod own_memory;
mod proc;
mod serialize;
mod torn_lines;
mod who_ends_a_child;

pub const ALL: &[Lesson] = &[
    own_memory::LESSON,
    notebook::LESSON,
    serialize::LESSON,
    full_pipes::LESSON,
    torn_lines::LESSON,
    file_race::LESSON,
    crash::LESSON,
    who_ends_a_child::LESSON,
    hosts::LESSON,
];
