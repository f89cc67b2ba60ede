//! What control groups allow this process, such as a container's `--cpus 1.5 --memory 300m`. Outside
//! Linux there are none. See cgroups(7).

use std::fs::read_to_string;
use std::path::Path;

use crate::os::proc;

/// Cores' worth of CPU time. `None` without a limit.
pub fn cpus() -> Option<f64> {
    strictest("cpu", |group| {
        let [quota, period] = match read_to_string(group.join("cpu.max")) {
            Ok(limit) => {
                limit.split_once(' ').map(|(quota, period)| [quota, period].map(number))?
            }
            Err(_) => ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
                .map(|file| number(&read_to_string(group.join(file)).ok()?)),
        };
        Some(quota? / period?)
    })
}

/// Memory in KiB. `None` without a limit.
pub fn memory_kib() -> Option<u64> {
    let bytes = strictest("memory", |group| {
        let files = ["memory.max", "memory.limit_in_bytes"].map(|file| group.join(file));
        files.into_iter().find_map(|file| number(&read_to_string(file).ok()?))
    });
    Some(bytes? as u64 / 1024)
}

/// The lowest limit of this process's groups for `controller`: each group's parents limit it, too.
fn strictest(controller: &str, limit: impl Fn(&Path) -> Option<f64>) -> Option<f64> {
    let groups = proc::read("self/cgroup")?;
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        // Version 2 has all controllers in one tree, version 1 has a tree for each.
        let tree = match controllers.split(',').any(|name| name == controller) {
            true => Path::new("/sys/fs/cgroup").join(controller),
            false if controllers.is_empty() => "/sys/fs/cgroup".into(),
            false => continue,
        };
        // In a container, the tree may begin at our group, so that the path to it leads nowhere.
        let group = Path::new(group.trim_start_matches('/'));
        limits.extend(group.ancestors().filter_map(|group| limit(&tree.join(group))));
    }
    limits.into_iter().reduce(f64::min)
}

/// `None` for "max", and for -1, which version 1 uses in its place.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| *number > 0.0)
}
