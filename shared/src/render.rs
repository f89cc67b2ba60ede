//! Renderers: pure functions from a report to text, a page or a trace.

pub mod columns;
pub mod escape;
pub mod html;
mod pictures;
mod repeat;
pub mod style;
pub mod summary;
pub mod text;
pub mod timeline;
pub mod trace;
