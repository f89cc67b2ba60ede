//! Workers that another program starts: on other hosts, or as if they were there. See docs/hosts.md.
#![cfg(target_os = "linux")]

mod launched;
mod namespaces;
mod slurm;
mod ssh;
