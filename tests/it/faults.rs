//! What goes wrong, and what must hold then: see docs/promises.md.

mod chaos;
mod containers;
mod deaths;
mod interrupts;
mod limits;
mod network;
mod one_core;
mod panics;
mod signals;
mod stopped;
