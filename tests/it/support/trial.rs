//! One fault: starts a demo in a session of its own, lets the test do something to it, and checks at
//! its end what must hold after every fault.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::os::child::{ChildExit, ChildOutput};
use shared::report::Report;

use super::demo::{demo_under, finish, parse, parse_any, spawn};
use super::processes::{assert_session_empty, children, is_running, signal, signal_group, stat};

/// A demo under way.
pub struct Trial {
    child: Child,
    leaves_orphans: bool,
}

impl Trial {
    /// Starts the demo `name` in a session of its own, sure to end at SIGINT.
    pub fn start(name: &str, words: &[&str]) -> Trial {
        Trial::start_under(&[], name, words)
    }

    /// The same, started by another program such as `prlimit`.
    pub fn start_under(starter: &[&str], name: &str, words: &[&str]) -> Trial {
        let mut starters = vec!["setsid", "env", "--default-signal=INT"];
        starters.extend(starter);
        Trial::of(&mut demo_under(&starters, name, words))
    }

    /// Starts a command that makes a session of its own.
    pub fn of(command: &mut Command) -> Trial {
        let trial = Trial { child: spawn(command), leaves_orphans: false };
        let has_session = || stat(trial.pid()).is_some_and(|stat| stat.session == trial.pid());
        // Without its session, it has no group to signal.
        while trial.is_running() && !has_session() {
            thread::sleep(Duration::from_micros(200));
        }
        trial
    }

    /// For a demo that kills its children's parent or forgets them, so that init has to reap them.
    pub fn leaving_orphans(self, leaves_orphans: bool) -> Trial {
        Trial { leaves_orphans, ..self }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn workers(&self) -> HashSet<u32> {
        children(self.pid())
    }

    pub fn is_running(&self) -> bool {
        is_running(self.pid())
    }

    /// Sends a signal to the demo alone. Returns whether it was there.
    pub fn signal(&self, number: Signal) -> bool {
        signal(number, self.pid())
    }

    /// Sends a signal to the demo and its workers, as a terminal does.
    pub fn signal_group(&self, number: Signal) -> bool {
        signal_group(number, self.pid())
    }

    /// Waits until it has ended, and checks what must hold after every fault: it did not hang or
    /// panic, no process is left, and the exit code is one of those that README lists. Codes 2 to 4
    /// come with a line that says why.
    pub fn finish(self) -> ChildOutput {
        let session = self.pid();
        let output = finish(self.child);
        let killed = matches!(output.exit, ChildExit::Signal(_));
        assert_session_empty(session, killed || self.leaves_orphans);
        match output.exit {
            // As the first process of a PID namespace, it cannot die of a signal.
            ChildExit::Code(0 | 1 | 130 | 143) | ChildExit::Signal(2 | 9 | 15) => {}
            ChildExit::Code(2..=4) => {
                let last = output.stderr.lines().last().unwrap_or_default();
                assert!(last.contains("-demo: "), "{}", output.stderr);
            }
            exit => panic!("{exit}; stderr: {}", output.stderr),
        }
        output
    }

    /// The same for a demo started with `--format json`. Reads its report.
    pub fn report(self, code: i32) -> Report {
        parse(&self.finish(), code)
    }

    /// The same, where a busy machine may refute a claim.
    pub fn any_report(self) -> Report {
        parse_any(&self.finish())
    }
}

/// Says that a test is impossible here. Where root decides about a change, none may be skipped.
pub fn skipped(why: &str) {
    assert!(!is_root() || std::env::var_os("CI").is_none(), "skipped: {why}");
    eprintln!("skipped: {why}");
}

pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}
