//! The lessons in the order of the path. Each is a file; the other files help them.

use shared::Lesson;

use crate::notebook;

#[cfg(test)]
mod arm;
mod blocking_call;
mod blocking_socket;
mod cancel;
mod cancel_safety;
mod cost;
mod cost_units;
mod cost_verdicts;
mod generator;
mod lazy;
mod lock_across_await;
mod private_memory;
mod ranking;
mod scale;
mod server_process;
mod sessions;
mod shutdown;
mod structured;
mod sum_vs_max;
mod unpooled_client;
mod unstoppable;

pub const ALL: &[Lesson] = &[
    lazy::LESSON,
    generator::LESSON,
    notebook::LESSON,
    sum_vs_max::LESSON,
    sessions::LESSON,
    blocking_call::LESSON,
    lock_across_await::LESSON,
    cancel::LESSON,
    cancel_safety::LESSON,
    unstoppable::LESSON,
    structured::LESSON,
    shutdown::LESSON,
    ranking::LESSON,
    scale::LESSON,
    cost::LESSON,
];
