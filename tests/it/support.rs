//! Helpers that the tests share, and no tests.

pub mod browser;
pub mod claims;
pub mod copies;
pub mod demo;
pub mod fault_server;
pub mod https;
pub mod imports;
pub mod pictures;
pub mod processes;
pub mod rng;
pub mod servers;
pub mod slurm;
pub mod sshd;
pub mod trial;
pub mod workspace;
