//! File descriptors (`ulimit -n`): how many this process may open. A connection needs one, and so
//! does each end of a pipe. `http::permit` keeps tasks below the limit.

use anyhow::{Result, ensure};

/// Descriptors that are needed whatever runs: the standard streams, the server's listener, event
/// loops, the main thread's connection, and pipes while a process is being started.
const RESERVED: usize = 38;

/// Raises the soft limit to the hard limit. If the OS refuses, the old limit stays.
pub fn raise_limit() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            // macOS calls the hard limit infinite, but grants no more than OPEN_MAX.
            let wanted = if cfg!(target_vendor = "apple") { hard.min(10_240) } else { hard };
            let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted.max(soft), hard);
        }
    }
}

/// Descriptors that this process may open; `usize::MAX` without such a limit.
pub fn limit() -> usize {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit};
        if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
            return usize::try_from(soft).unwrap_or(usize::MAX);
        }
    }
    usize::MAX
}

/// What a lesson needs: `RESERVED`, and one for a task.
pub const LEAST: usize = RESERVED + 1;

/// Checks that this process may open `least` descriptors: tokio panics where it gets none.
///
/// # Errors
/// It may not.
pub fn check(least: usize) -> Result<()> {
    ensure!(limit() >= least, "{}: allow {least}", limited());
    Ok(())
}

/// The limit in words.
pub fn limited() -> String {
    format!("only {} open files are allowed (ulimit -n)", limit())
}

/// Descriptors that tasks may use, at least one.
pub fn for_tasks() -> usize {
    budget(limit())
}

fn budget(limit: usize) -> usize {
    limit.saturating_sub(RESERVED).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_descriptors_are_not_for_tasks() {
        assert_eq!([64, 20_000, 39, 38, 0].map(budget), [26, 19_962, 1, 1, 1]);
        assert_eq!(budget(usize::MAX), usize::MAX - RESERVED);
    }
}
