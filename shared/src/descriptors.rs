//! How many descriptors (open files, in the words of `ulimit -n`) this process may have. A connection
//! needs one, and so does each end of a pipe.

use std::io::{self, Write};
use std::sync::Once;

/// Descriptors that are needed whatever runs: the standard streams, the server's listener, what the
/// event loops wait with, pipes while a process is being started.
const BESIDES: usize = 32;

/// Raises the limit as far as the system lets us. If it does not, the old limit stays.
pub(crate) fn raise_limit() {
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

/// How many descriptors this process may have; `None` where there is no such limit.
fn limit() -> Option<usize> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit};
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        Some(usize::try_from(soft).unwrap_or(usize::MAX))
    }
    #[cfg(not(unix))]
    None
}

/// How many of `tasks` may be under way at once where each needs `each` descriptors, at least one.
pub(crate) fn at_once(tasks: usize, each: usize) -> usize {
    limit().map_or(tasks, |limit| allowed(limit, each).min(tasks))
}

/// As [`at_once`]. That it cannot be all of them is said on stderr, once.
pub(crate) fn at_once_said(tasks: usize, each: usize) -> usize {
    let allowed = at_once(tasks, each);
    if let Some(limit) = limit().filter(|_| allowed < tasks) {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            // Who reads no stderr may still want the report.
            let _ = writeln!(
                io::stderr(),
                "at most {allowed} of {tasks} tasks at once: only {limit} open files are allowed (ulimit -n)"
            );
        });
    }
    allowed
}

fn allowed(limit: usize, each: usize) -> usize {
    (limit.saturating_sub(BESIDES) / each).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would be wrong: more at once than there are descriptors for, or none at all.
    #[test]
    fn what_is_needed_besides_is_left_out_and_one_is_always_allowed() {
        assert_eq!([allowed(64, 2), allowed(64, 3), allowed(20_000, 2)], [16, 10, 9_984]);
        assert_eq!([allowed(32, 2), allowed(0, 2), allowed(33, 3)], [1, 1, 1]);
    }
}
