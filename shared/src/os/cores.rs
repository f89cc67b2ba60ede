//! The cores that this process may use.

use std::collections::HashSet;
use std::thread::available_parallelism;

use crate::os::{cgroup, proc};

/// Whole cores, at least one.
pub fn whole() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The CPU time that a container's quota allows, if that is less than the cores' (`docker run --cpus
/// 1.5`). In cores.
pub fn quota() -> Option<f64> {
    let cores = allowed()?.len() as f64;
    cgroup::cpus().filter(|quota| *quota < cores)
}

/// The numbers of the cores that the scheduler may choose for this process. `None` without proc(5).
pub fn allowed() -> Option<HashSet<usize>> {
    let status = proc::read("self/status")?;
    parse(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?)
}

fn parse(list: &str) -> Option<HashSet<usize>> {
    let mut cores = HashSet::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_cores_are_read() {
        assert_eq!(parse("\t0-1,3\n"), Some(HashSet::from([0, 1, 3])));
        assert_eq!(parse("2"), Some(HashSet::from([2])));
        assert_eq!(parse(""), None);
    }
}
