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

/// The directories of the threads of process `pid`, as paths for [`read`]. `None` outside Linux.
pub fn threads(pid: u32) -> Option<Vec<String>> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    Some(threads.map(|thread| format!("{pid}/task/{}", thread.file_name().display())).collect())
}
