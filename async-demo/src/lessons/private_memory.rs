//! Memory that was added during a run: this process's own, and the kernel's for threads.

use shared::os::proc;
use shared::os::usage::private_kib;

/// Private memory that was added since there were `before` KiB.
pub fn added_kib(before: Option<u64>) -> Option<u64> {
    Some(private_kib()?.saturating_sub(before?))
}

/// What the kernel keeps for the stacks of all threads of the system, in KiB. `None` outside Linux.
pub fn kernel_stacks_kib() -> Option<u64> {
    proc::number(&proc::read("meminfo")?, "KernelStack:")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_touched_pages_count() {
        let before = private_kib();
        assert!(before.unwrap() > 100);
        // Other tests allocate meanwhile, but not as much.
        let large = vec![1_u8; 64 << 20];
        assert!(added_kib(before).unwrap() > 48 << 10);
        drop(large);
        let before = private_kib();
        let untouched = Vec::<u8>::with_capacity(1 << 30);
        assert!(added_kib(before).unwrap() < 512 << 10, "{}", untouched.capacity());
        assert_eq!(added_kib(None), None);
    }
}
