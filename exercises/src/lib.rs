//! The workshop's exercises. The learner's code runs in a process of its own; the judge runs the server
//! that it asks, and decides by what the server and the site saw.
//!
//! | module | contents |
//! |---|---|
//! | [`threads`] and its like | one exercise each: what it asks for, its hints, its judge |
//! | [`judge`] | runs an exercise and prints its verdict |
//! | [`trial`] | the learner's process, watched from outside |
//! | [`site`] | the web site that the learner's code asks |
//! | [`event`] | what the learner's process tells the judge |
//! | [`progress`] | what is passed |
//! | [`class`], [`join`] | a server and a board for a class, and the learner's side of them |

pub mod class;
pub mod event;
pub mod exercise;
pub mod join;
pub mod judge;
pub mod progress;
pub mod site;
pub mod trial;

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

pub use exercise::Exercise;
pub use site::{Answer, AsyncSite, Site};

/// The exercises in order.
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
