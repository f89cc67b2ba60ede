//! The exercises. A new one is a file here, a line below, its files in `stubs`, `solutions` and `wrong`, and
//! its rows in `tests/prove/answers.rs`.

use crate::exercise::Exercise;

pub mod blocking;
pub mod cancel;
pub mod count;
pub mod crash;
pub mod executor;
pub mod gather;
pub mod limit;
pub mod lock_held;
pub mod predict;
pub mod processes;
pub mod rows;
pub mod session;
pub mod threads;
pub mod worker;

/// All exercises in order.
pub const ALL: &[&Exercise] = &[
    &predict::EXERCISE,
    &threads::EXERCISE,
    &count::EXERCISE,
    &lock_held::EXERCISE,
    &executor::EXERCISE,
    &processes::EXERCISE,
    &worker::EXERCISE,
    &crash::EXERCISE,
    &gather::EXERCISE,
    &session::EXERCISE,
    &limit::EXERCISE,
    &cancel::EXERCISE,
    &blocking::EXERCISE,
    &rows::EXERCISE,
];
