//! The verdicts that only processes need.

use std::collections::HashSet;

use shared::judge::{Judgement, lost};
use shared::report::{Run, Verdict};

/// Was every task carried out by a process of its own, none of them this one?
pub fn own_process_each(run: &Run) -> Judgement {
    let tasks = run.tasks.len();
    let pids: HashSet<u32> = run.tasks.iter().map(|task| task.pid).collect();
    let ours = pids.contains(&std::process::id());
    let (verdict, because) = if let Some(lost) = lost(&[run]) {
        (Verdict::NotShown, lost)
    } else if ours {
        (Verdict::Fails, "some task ran in this very process".into())
    } else if pids.len() < tasks {
        (
            Verdict::Fails,
            "some process carried out several tasks".into(),
        )
    } else {
        (
            Verdict::Holds,
            format!(
                "no two pids are the same, and none is ours, {}",
                std::process::id()
            ),
        )
    };
    Judgement {
        predicted: format!("{tasks} pids for {tasks} tasks"),
        measured: format!("{} pids for {tasks} tasks", pids.len()),
        verdict,
        because,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::{Outcome, Task};
    use shared::stopwatch::Stopwatch;

    fn run(pids: &[u32]) -> Run {
        let task = |(id, &pid)| Task {
            pid,
            outcome: Outcome::Done,
            ..Task::failed(id, "")
        };
        let tasks = pids.iter().enumerate().map(task).collect();
        Stopwatch::start().stop("test", pids.len(), tasks).unwrap()
    }

    /// Would be wrong: threads of one process pass for processes.
    #[test]
    fn shared_pids_and_our_own_pid_are_told_from_processes() {
        assert_eq!(own_process_each(&run(&[1, 2, 3])).verdict, Verdict::Holds);
        assert_eq!(own_process_each(&run(&[1, 2, 2])).verdict, Verdict::Fails);
        assert_eq!(
            own_process_each(&run(&[1, std::process::id()])).verdict,
            Verdict::Fails
        );
    }
}
