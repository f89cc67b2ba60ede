//! The workshop's exercises. The learner's code runs in a process of its own; the judge runs the server
//! that it asks, and decides by what the server and the site saw.
//!
//! | module | contents |
//! |---|---|
//! | [`course`] | the exercises: what each asks for, its hints, its judge |
//! | [`judge`] | runs an exercise and prints its verdict |
//! | [`seen`] | what the judges see, and the verdict that they reach |
//! | [`trial`] | the learner's process, watched from outside |
//! | [`site`] | the web site that the learner's code asks |
//! | [`event`] | what the learner's process tells the judge |
//! | [`progress`] | what is passed |
//! | [`class`], [`join`] | a server and a board for a class, and the learner's side of them |

pub mod class;
pub mod course;
pub mod event;
pub mod exercise;
pub mod join;
pub mod judge;
pub mod progress;
pub mod seen;
pub mod site;
pub mod trial;

pub use course::*;
pub use exercise::Exercise;
pub use site::{Answer, AsyncSite, Site};
