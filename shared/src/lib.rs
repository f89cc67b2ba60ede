//! What the demos share. Data flows one way: command line, demo, lesson, [`Lab::run`], tasks, run,
//! evidence, report, renderer. A lesson returns data and never formats it; a renderer never measures.
//!
//! The modules are floors: each imports only from modules below it.
//!
//! | module | contents |
//! |---|---|
//! | [`cli`] | the command line, dispatch, exit code |
//! | [`demo`] | declarations of demos, lessons and their options |
//! | [`lab`] | what a lesson works with: settings, clients, measuring a run |
//! | [`http`] | the activity, and the embedded server |
//! | [`progress`] | what is printed while a demo runs |
//! | [`render`], [`verdict`] | text, page and trace; the verdicts of the notebook's cells |
//! | [`report`] | plain data, serialised as JSON |
//! | [`os`] | clock, usage, child processes, limits, files |
//! | [`exit`] | errors with an exit code |

pub mod cli;
pub mod demo;
pub mod exit;
#[cfg(feature = "http")]
pub mod http;
pub mod lab;
pub mod os;
pub mod progress;
pub mod render;
pub mod report;
pub mod verdict;

pub use demo::{Demo, Lesson};
pub use exit::ExitError;
pub use lab::{Evidence, Lab};
pub use report::Task;
