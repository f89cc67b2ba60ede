//! What every test of a fault has in common: a demo is started in a session of its own, something is
//! done to it, and when it has ended, what must hold after every fault is checked.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use shared::child::{End, Ended};
use shared::report::Report;

use super::demo::{DEADLINE, demo_under, finish, parse, spawn};
use super::process_demo::children;

/// A demo under way.
pub struct Trial {
    child: Child,
    /// Whether it leaves children to others on purpose.
    leaves_orphans: bool,
}

impl Trial {
    /// Starts the demo `name` in a session of its own, sure to end at SIGINT.
    pub fn start(name: &str, words: &[&str]) -> Trial {
        Trial::start_under(&[], name, words)
    }

    /// As [`Trial::start`], by way of another program such as `prlimit`.
    pub fn start_under(starter: &[&str], name: &str, words: &[&str]) -> Trial {
        let mut starters = vec!["setsid", "env", "--default-signal=INT"];
        starters.extend(starter);
        Trial::of(&mut demo_under(&starters, name, words))
    }

    /// Starts a command that makes a session of its own.
    pub fn of(command: &mut Command) -> Trial {
        let trial = Trial { child: spawn(command), leaves_orphans: false };
        // Before it has its session, a signal to its group would reach nobody.
        while trial.runs() && session(trial.pid()) != Some(trial.pid()) {
            thread::sleep(Duration::from_micros(200));
        }
        trial
    }

    /// A demo that leaves it to the system's first process to reap children: it kills their parent, or
    /// forgets them.
    pub fn leaving_orphans(self, leaves_orphans: bool) -> Trial {
        Trial { leaves_orphans, ..self }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn workers(&self) -> HashSet<u32> {
        children(self.pid())
    }

    /// Whether it has not ended yet.
    pub fn runs(&self) -> bool {
        is_running(self.pid())
    }

    /// Waits until it has ended, and checks what must hold after every fault: it has not hung or
    /// panicked, no process is left, and the exit code is one of the agreed, with a line that says
    /// why where it is needed.
    pub fn finish(self) -> Ended {
        let session = self.pid();
        let ended = finish(self.child);
        let killed = matches!(ended.end, End::Signal(_));
        assert_nobody_left(session, killed || self.leaves_orphans);
        match ended.end {
            End::Exit(0 | 1) | End::Signal(2 | 9 | 15) => {}
            End::Exit(2..=4) => {
                let last = ended.stderr.lines().last().unwrap_or_default();
                assert!(last.contains("-demo: "), "{}", ended.stderr);
            }
            end => panic!("{end}; stderr: {}", ended.stderr),
        }
        ended
    }

    /// As [`Trial::finish`], for one started with `--format json`. The report is read, in which every
    /// task must be there once.
    pub fn report(self, code: i32) -> Report {
        parse(&self.finish(), code)
    }
}

impl Trial {
    /// As [`Trial::report`], where what the clock says of the tasks may be anything: behind an address
    /// of somebody else, on a busy machine, it may refute a claim.
    pub fn tasks(self) -> Report {
        let ended = self.finish();
        let End::Exit(code @ (0 | 1)) = ended.end else {
            panic!("{}; stderr: {}", ended.end, ended.stderr);
        };
        parse(&ended, code)
    }
}

/// Whether there is such a process, and not only what is left of it.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Sends a signal by number to a process, or to a group if the target is negative. Says whether there
/// was anybody to get it.
pub fn signal(number: i32, target: i64) -> bool {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{number}"), "--", &target.to_string()]);
    kill.stderr(std::process::Stdio::null()).status().unwrap().success()
}

/// No process of the session is there one second after its first has ended. When that was killed, it
/// is the system's first process that reaps the others, soon or (in many containers) never.
pub fn assert_nobody_left(session: u32, zombies_allowed: bool) {
    assert_gone(|| {
        let mut left = members(session);
        left.retain(|(_, state)| !(zombies_allowed && *state == 'Z'));
        left
    });
}

/// None of these processes runs one second later, whether or not somebody has reaped them.
pub fn assert_ended(pids: &HashSet<u32>) {
    assert!(!pids.is_empty());
    assert_gone(|| {
        let states = pids.iter().filter_map(|&pid| Some((pid, stat(pid)?.0)));
        states.filter(|(_, state)| *state != 'Z').collect()
    });
}

/// Waits a second for processes to end. `left` lists those that have not, with their states. Time in
/// state D, proc(5)'s uninterruptible sleep, does not count: no signal and no exit gets through then.
fn assert_gone(left: impl Fn() -> Vec<(u32, char)>) {
    let second = Duration::from_secs(1);
    let (start, mut give_up) = (Instant::now(), Instant::now() + second);
    loop {
        // Asked first: whoever is kept from running after it has looked has not looked too late.
        let now = Instant::now();
        let left = left();
        if left.is_empty() {
            return;
        }
        if left.iter().any(|(_, state)| *state == 'D') && start.elapsed() < DEADLINE {
            give_up = Instant::now() + second;
        }
        assert!(now < give_up, "left after a second, not counting state D: {left:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The processes of a session and their states, by proc(5)'s `stat`.
fn members(session: u32) -> Vec<(u32, char)> {
    let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    let member = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let (state, its) = stat(pid)?;
        (its == session).then_some((pid, state))
    };
    processes.filter_map(member).collect()
}

fn session(pid: u32) -> Option<u32> {
    Some(stat(pid)?.1)
}

/// The state and the session of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may have spaces; then come state, parent, group and session.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some((fields[0].chars().next()?, fields[3].parse().ok()?))
}

/// Says that a test could not be made here. Where root decides whether a change is good, none is left
/// out.
pub fn skipped(why: &str) {
    use std::os::unix::fs::MetadataExt;
    let root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    assert!(!root || std::env::var_os("CI").is_none(), "skipped: {why}");
    eprintln!("skipped: {why}");
}
