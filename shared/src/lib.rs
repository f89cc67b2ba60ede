//! What is the same in every demo. Data flows one way: command line, lesson, activities, outcomes,
//! runs, report, renderer. A lesson returns data and never formats; a renderer never measures;
//! nothing here knows which demo called it.

#[cfg(feature = "http")]
pub mod activity;
#[cfg(feature = "http")]
pub mod apart;
pub mod child;
pub mod cli;
pub mod data_uri;
#[cfg(feature = "http")]
mod descriptors;
pub mod html;
pub mod judge;
pub mod lab;
pub mod lanes;
pub mod mandelbrot;
#[cfg(feature = "http")]
pub mod one_shot;
mod options;
pub mod output_file;
pub mod report;
#[cfg(feature = "http")]
pub mod server;
pub mod stopwatch;
pub mod text;
pub mod timeline;
pub mod trace;
