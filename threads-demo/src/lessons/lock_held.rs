//! While a thread holds a lock and waits for something else, all threads that need the lock wait: ten threads
//! then take as long as one. Such a lock convoy compiles, and it computes the right result.
//!
//! You will see a staircase although every task has a thread, and a block once the lock is released
//! before the wait.
//!
//! Try it: put the line `drop(count);` before the line `if hold {`, in place of after it. Both runs are
//! blocks then, and the finding fails.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

use anyhow::Result;
use shared::http::Client;
use shared::{Evidence, Lab, Lesson, Task, verdict};

pub const LESSON: Lesson = Lesson::new(
    "lock-held",
    "A lock that is held during a wait makes threads queue up",
    &["T10"],
    run,
    include_str!("lock_held.rs"),
)
.uses(&["tasks", "delay", "url", "timeout", "trace"]);

fn run(lab: &Lab) -> Result<Evidence> {
    let client = lab.client()?;
    let held = lab.run("lock-held", lab.sum_ms(), |ids| Ok(counted(&client, ids, true)))?;
    let released =
        lab.run("lock-released", lab.each_ms(), |ids| Ok(counted(&client, ids, false)))?;
    let finding = verdict::overlap(&held, &released)
        .on("T10", "A lock held during a wait makes all others wait");
    Ok(Evidence::new(vec![held, released], vec![finding]))
}

/// Each thread counts itself under a lock, and waits for its answer.
fn counted(client: &Client, ids: &[usize], hold: bool) -> Vec<Task> {
    let count = Mutex::new(0);
    let work = |id| {
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        if hold {
            return client.get(id); // The trap: the lock is held until it returns.
        }
        drop(count); // The cure.
        client.get(id)
    };
    scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            threads.push(thread.spawn_scoped(scope, move || work(id)));
        }
        let threads = ids.iter().zip(threads);
        threads.map(|(&id, thread)| Task::join(id, thread)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use shared::report::Verdict::*;

    #[test]
    fn lock_released_in_both_runs_fails() {
        let server = arm::server();
        let client = arm::client(&server, "/delay/30");
        let run = |hold| arm::measure(&server, 3, |ids| counted(&client, ids, hold));
        for (first, second, verdict) in
            [(true, false, Holds), (false, false, Fails), (true, true, Fails)]
        {
            let check = verdict::overlap(&run(first), &run(second));
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }
}
