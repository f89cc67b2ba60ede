//! Files of proc(5). Only Linux has them: Wine shows a program the host's `/proc`, which knows the
//! program under another pid.

use std::fs;

/// The contents of `/proc/PATH`. `None` outside Linux.
pub fn read(path: &str) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    fs::read_to_string(format!("/proc/{path}")).ok()
}

/// The number behind `key` in the text of a file with lines such as `VmRSS:  1024 kB`.
pub fn number(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The directories of the threads of process `pid`, as paths for [`read`]. `None` outside Linux.
pub fn threads(pid: u32) -> Option<Vec<String>> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    Some(threads.map(|thread| format!("{pid}/task/{}", thread.file_name().display())).collect())
}
