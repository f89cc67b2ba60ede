//! 00 predict: how long do waits take?
//!
//! Replace the numbers by your predictions. These are right for a world without concurrency.
//!
//!     cargo ex 00         checks this file
//!     cargo ex hint 00    the first of three hints

use std::process::ExitCode;

use exercises::predict;

/// Ten waits of 100 ms, one after the other.
const IN_TURN_MS: u32 = 1000;

/// The same ten waits, each in a thread of its own.
const THREADS_MS: u32 = 1000;

/// The same ten waits in a pool of 4 threads.
const POOL_OF_4_MS: u32 = 1000;

/// Three async tasks that wait 100, 200 and 300 ms, and start together.
const TOGETHER_MS: u32 = 600;

/// A fifth of a program is serial. How many times as fast is it on 2 cores?
const ON_2_CORES: f64 = 1.0;

/// And on any number of cores, at most?
const ON_MANY_CORES: f64 = 1.0;

pub fn main() -> ExitCode {
    predict::main([IN_TURN_MS, THREADS_MS, POOL_OF_4_MS, TOGETHER_MS], [ON_2_CORES, ON_MANY_CORES])
}
