//! Starts the demos as users do and reads what they print. Concurrency is proved by what a server
//! saw or the OS says; no test is decided by how long something took.

// Some tests need what only Linux has, and so do some helpers.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod cli;
mod faults;
mod hosts;
mod lessons;
mod render;
mod repository;
mod support;
