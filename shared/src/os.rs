//! The operating system's side: clock, resource usage, child processes, limits and files.

pub mod atomic_file;
pub mod child;
pub mod clock;
pub mod fd_limit;
pub mod stdout;
pub mod usage;
