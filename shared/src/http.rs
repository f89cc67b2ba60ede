//! The I/O-bound activity, one HTTP GET, and the embedded server that it asks.

pub mod client;
mod gates;
pub mod permit;
pub mod server;
pub mod target;

pub use client::{AsyncClient, Client};
pub use server::Server;
pub use target::Target;
