//! Pages and traces of reports, real ones and impossible ones.

mod hostile;
mod pages;
mod renderers;
mod summaries;
mod traces;
