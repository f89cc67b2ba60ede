//! Starts the demos as users do and reads what they print. Concurrency is proved by what a server
//! saw or the operating system says; no test is decided by how long something took.

// Some tests need what only Linux has, and with them some helpers.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod browser;
mod chaos;
mod cpu_bound_demo;
mod deaths;
mod demo;
mod dice;
mod fault_server;
mod faults;
mod interrupts;
mod ledger;
mod limits;
mod network;
mod output;
mod panics;
mod pictures;
mod process_demo;
mod promises;
mod queue;
mod renderers;
mod repository;
mod sections;
mod serve;
mod servers;
mod targets;
mod threads_demo;
mod traces;
mod usage;
