//! Processes as proc(5) shows them, and signals to them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::demo::DEADLINE;

/// The processes that `pid` has started and not yet reaped.
pub fn children(pid: u32) -> HashSet<u32> {
    // A process that has just ended has no threads.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lines = threads
        .map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let pids = lines.flat_map(|line| line.split(' ').map(str::to_string).collect::<Vec<_>>());
    pids.filter_map(|pid| pid.trim().parse().ok()).collect()
}

/// How many threads a process has.
pub fn thread_count(pid: u32) -> usize {
    status_number(pid, "Threads:")
}

/// The most memory that a process had at once, in KiB.
pub fn peak_memory_kib(pid: u32) -> usize {
    status_number(pid, "VmHWM:")
}

fn status_number(pid: u32, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Whether a process is there and is no zombie.
pub fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| stat.state != 'Z')
}

/// Sends a signal to a process. Returns whether it was there.
#[cfg(unix)]
pub fn signal(signal: nix::sys::signal::Signal, pid: u32) -> bool {
    nix::sys::signal::kill(nix_pid(pid), signal).is_ok()
}

/// Sends a signal to a process group. Returns whether it was there.
#[cfg(unix)]
pub fn signal_group(signal: nix::sys::signal::Signal, group: u32) -> bool {
    nix::sys::signal::killpg(nix_pid(group), signal).is_ok()
}

#[cfg(unix)]
fn nix_pid(pid: u32) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(pid.try_into().unwrap())
}

/// None of these processes is there, not even as a zombie: their parent has reaped them.
pub fn assert_reaped(pids: &HashSet<u32>) {
    assert!(!pids.is_empty());
    let there = |pid: &&u32| Path::new(&format!("/proc/{pid}")).exists();
    assert_eq!(pids.iter().filter(there).count(), 0, "processes left of {pids:?}");
}

/// None of these processes runs one second later. Zombies do not count.
pub fn assert_ended(pids: &HashSet<u32>) {
    assert!(!pids.is_empty());
    assert_gone(|| {
        let states = pids.iter().filter_map(|&pid| Some((pid, stat(pid)?.state)));
        states.filter(|(_, state)| *state != 'Z').collect()
    });
}

/// No process of the session is there one second after its first has ended. When the first was
/// killed, init reaps the others, soon or (in many containers) never: then zombies are allowed.
pub fn assert_session_empty(session: u32, zombies_allowed: bool) {
    assert_gone(|| {
        let mut left = members(session);
        left.retain(|(_, state)| !(zombies_allowed && *state == 'Z'));
        left
    });
}

/// Waits a second for processes to end. `left` lists those that have not, with their states. Time does
/// not count in which a process could not end: in state D, proc(5)'s uninterruptible sleep, and while
/// it is runnable (R) but has had hardly any CPU time, because others keep the cores busy.
fn assert_gone(left: impl Fn() -> Vec<(u32, char)>) {
    let second = Duration::from_secs(1);
    let (start, mut give_up) = (Instant::now(), Instant::now() + second);
    loop {
        // The clock is read first: a test that is suspended after it looked has not looked too late.
        let now = Instant::now();
        let left = left();
        if left.is_empty() {
            return;
        }
        let starved = |pid| stat(pid).is_some_and(|stat| stat.ticks < 20);
        let unable = |&(pid, state): &(u32, char)| state == 'D' || state == 'R' && starved(pid);
        if left.iter().any(unable) && start.elapsed() < DEADLINE {
            give_up = Instant::now() + second;
        }
        assert!(now < give_up, "left after a second in which they could end: {left:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The processes of a session and their states.
fn members(session: u32) -> Vec<(u32, char)> {
    let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    let member = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = stat(pid)?;
        (stat.session == session).then_some((pid, stat.state))
    };
    processes.filter_map(member).collect()
}

/// A process's line in proc(5)'s `stat`.
pub struct Stat {
    pub state: char,
    pub session: u32,
    /// CPU time in hundredths of a second.
    pub ticks: u64,
}

/// `None` if there is no such process.
pub fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may have spaces. State, parent, group and session follow.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Stat {
        state: fields[0].chars().next()?,
        session: number(3)?.try_into().ok()?,
        ticks: number(11)? + number(12)?,
    })
}
