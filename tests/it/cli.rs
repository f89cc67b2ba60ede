//! The command line: its options, the report that it prints, the files that it writes.

mod class;
mod exercises;
mod files;
mod output;
mod repeat;
mod serve;
mod targets;
mod usage;
