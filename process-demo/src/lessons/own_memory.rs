//! No process sees what another writes to its memory: each has its own copy of every variable, while
//! threads share theirs.
//! You will see a counter that every child increments, and that is still 0 in the parent. Then as many
//! threads increment the parent's counter.
//! Try it: let the parent add up what its children say. How else could it know?

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::Result;
use shared::os::child::{self, ChildMode};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "own-memory",
    "A counter in children, in the parent and in threads",
    &["P5"],
    run,
    include_str!("own_memory.rs"),
)
.child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("count", count);

static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// The child: increments its counter, and says the result.
fn count(_: &[String]) -> Result<()> {
    child::write_line(COUNTER.fetch_add(1, SeqCst) + 1);
    Ok(())
}

fn run(lab: &Lab) -> Result<Evidence> {
    let n = lab.tasks.min(100);
    let before = COUNTER.load(SeqCst);
    let mut counters = Vec::new();
    for _ in 0..n {
        let output = CHILD.run(&[], Duration::from_secs(20))?;
        counters.push(output.stdout.trim().to_string());
    }
    let by_children = COUNTER.load(SeqCst) - before;
    scope(|scope| {
        for _ in 0..n {
            Builder::new().spawn_scoped(scope, || COUNTER.fetch_add(1, SeqCst))?;
        }
        anyhow::Ok(())
    })?;
    let by_threads = COUNTER.load(SeqCst) - before - by_children;
    let finding = check(&counters, by_children, by_threads)
        .on("P5", "Processes have memory of their own, threads share it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// What each child's counter was, and by how much children and threads raised the parent's.
fn check(counters: &[String], by_children: usize, by_threads: usize) -> Check {
    let n = counters.len();
    let ones = counters.iter().filter(|counter| *counter == "1").count();
    let says = |ones: usize, children: usize, threads: usize| {
        format!(
            "1 in each of {ones} children, {children} in their parent, {threads} from {n} threads"
        )
    };
    Check::exactly(
        says(n, 0, n),
        says(ones, by_children, by_threads),
        "each child incremented its own counter, the threads incremented ours",
    )
    .unless(counters.contains(&String::new()).then_some("a child did not say its counter"))
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    #[test]
    fn counter_is_shared_by_threads_only() {
        for (counters, by_children, by_threads, verdict) in [
            (["1", "1"], 0, 2, Holds),
            (["1", "2"], 0, 2, Fails),
            (["1", "1"], 2, 2, Fails),
            (["1", "1"], 0, 0, Fails),
            (["1", ""], 0, 2, NotShown),
        ] {
            let check = check(&counters.map(String::from), by_children, by_threads);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }
}
