//! The lessons that run when they are named, in their order.

use shared::Lesson;

mod blocking_call;
mod cancel;
mod cost;
mod cost_verdicts;
mod generator;
mod lazy;
mod ranking;
mod scale;
mod server_process;
mod sessions;
mod shutdown;
mod sum_vs_max;
mod unpooled_client;
mod unstoppable;

pub const ALL: &[Lesson] = &[
    sum_vs_max::LESSON,
    lazy::LESSON,
    generator::LESSON,
    blocking_call::LESSON,
    cancel::LESSON,
    unstoppable::LESSON,
    shutdown::LESSON,
    sessions::LESSON,
    ranking::LESSON,
    cost::LESSON,
    scale::LESSON,
];
