//! What Linux says in proc(5) about waiting processes and written bytes. On other systems all of it
//! is `None`.

use shared::os::proc;

/// The function of the kernel in which both processes wait at the same time, if it writes to a pipe.
pub fn both_write(pids: [u32; 2]) -> Option<String> {
    let look = |pid| {
        let read = |file| proc::read(&format!("{pid}/{file}"));
        let (wait, status) = (read("wchan")?, read("status")?); // It counts how often it waited.
        wait.contains("pipe_write").then_some((wait, status))
    };
    let (first, _) = (look(pids[0])?, look(pids[1])?);
    (look(pids[0])? == first).then_some(first.0) // It has not run since.
}

/// How many of these processes wait for a file lock. The line of one that does:
/// `1: -> FLOCK ADVISORY WRITE pid device:inode 0 EOF`.
pub fn waiting_for_lock(pids: &[u32]) -> Option<usize> {
    let locks = proc::read("locks")?;
    let pid_of = |line: &str| line.split_once("->")?.1.split_whitespace().nth(3)?.parse().ok();
    Some(locks.lines().filter_map(pid_of).filter(|pid| pids.contains(pid)).count())
}

/// How many bytes this thread has written so far, to whatever file or pipe.
pub fn bytes_written() -> Option<u64> {
    proc::number(&proc::read("thread-self/io")?, "wchar:")
}
