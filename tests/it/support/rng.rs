//! Random instants that are the same each time.

use std::time::Duration;

pub struct Rng(pub u64);

impl Rng {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        // Knuth's MMIX; its upper bits are the better ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Sleeps for less than so many milliseconds.
    pub fn sleep_below(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(ms)));
    }
}
