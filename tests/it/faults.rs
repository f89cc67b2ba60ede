//! What goes wrong, and what must hold then: see docs/promises.md.

mod chaos;
mod deaths;
mod interrupts;
mod limits;
mod network;
mod one_core;
mod panics;
