//! The operating system's side: clock, resource usage, child processes, limits and files.

pub mod atomic_file;
pub mod cgroup;
pub mod child;
pub mod clock;
pub mod cores;
pub mod fd_limit;
pub mod host;
pub mod own_addresses;
pub mod proc;
pub mod signals;
pub mod stdout;
pub mod threads;
pub mod usage;
