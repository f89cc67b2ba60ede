//! What the lessons show: their runs and findings.

mod cpu_bound_demo;
mod ledger;
mod process_demo;
mod sections;
mod summary;
mod threads_demo;
