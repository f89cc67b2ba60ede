//! Each answer with a part of the message that it must get.

use std::process::ExitCode;

/// A file's name, its `main`, and a part of its message.
pub struct Answer(pub &'static str, pub fn() -> ExitCode, pub &'static str);

/// A solution's message.
pub const GREEN: &str = "green";

#[path = "../../exercises/solutions/01_threads.rs"]
mod solution_01;
#[path = "../../exercises/stubs/01_threads.rs"]
mod stub_01;
#[path = "../../exercises/wrong/01_by_arrival.rs"]
mod wrong_01_by_arrival;
#[path = "../../exercises/wrong/01_join_in_loop.rs"]
mod wrong_01_join_in_loop;
#[path = "../../exercises/wrong/01_lazy_map.rs"]
mod wrong_01_lazy_map;
#[path = "../../exercises/wrong/01_no_join.rs"]
mod wrong_01_no_join;

pub const ANSWERS: &[Answer] = &[
    Answer("stubs/01_threads", stub_01::main, "each request began when the last had its answer"),
    Answer("solutions/01_threads", solution_01::main, GREEN),
    Answer("wrong/01_join_in_loop", wrong_01_join_in_loop::main, "right after `spawn`"),
    Answer("wrong/01_lazy_map", wrong_01_lazy_map::main, "an iterator is lazy"),
    Answer("wrong/01_by_arrival", wrong_01_by_arrival::main, "in the order of arrival"),
    Answer("wrong/01_no_join", wrong_01_no_join::main, "no `join` waits for them"),
];
