//! What a task, a thread and a process cost: the time to make one and see it end, and its
//! memory; and how often the OS switches from one thread to another because of it. Each kind is
//! measured in a child process of its own, all in one run.
//! You will see all three on a logarithmic scale. What counts is
//! private memory: a process has most of its pages in common with other processes. A thread has
//! 2 MiB of address space besides, which costs nothing until it is used, and a stack in the
//! kernel.
//! Try it: write `10_000` in place of the last `1000`: each further thread costs as much as
//! before, or T8 tells how many your system allows.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared::os::child::{ChildMode, write_line};
use shared::os::usage::Switches;
use shared::{Evidence, Lab, Lesson};

use crate::lessons::cost_units::{IDLE, processes, tasks, threads};
use crate::lessons::cost_verdicts::{Cost, Costs};

pub const LESSON: Lesson = Lesson::new(
    "cost",
    "Time and memory for a task, a thread and a process",
    &["A5", "T6", "T8", "P6"],
    run,
    include_str!("cost.rs"),
)
.uses(&[])
.memory_kib(|_| 500 << 10)
.child_modes(&[MEASURE, IDLE]);

/// A child that measures one kind.
const MEASURE: ChildMode = ChildMode::new("cost-of", measure);

fn run(_: &Lab) -> Result<Evidence> {
    let costs = Costs {
        task: cost_of("task", 1_000_000)?,
        threads: [cost_of("thread", 10)?, cost_of("thread", 100)?, cost_of("thread", 1000)?],
        process: cost_of("process", 20)?,
    };
    Ok(Evidence::new(Vec::new(), costs.findings()).with(costs.figures()))
}

/// Has a child make `count` of one kind and measure them.
fn cost_of(kind: &str, count: usize) -> Result<Cost> {
    let child = MEASURE.run(&[kind, &count.to_string()], Duration::from_secs(60))?;
    let printed = child.success().with_context(|| format!("cannot measure {count} of {kind}"))?;
    Ok(serde_json::from_str(printed)?)
}

/// The child's main: prints what the units have cost together.
fn measure(args: &[String]) -> Result<()> {
    let [kind, count] = args else { return Ok(()) };
    let (count, begun) = (count.parse()?, Instant::now());
    let (count, kib, switches) = match kind.as_str() {
        "task" => tasks(count)?,
        "thread" => threads(count)?,
        _ => processes(count)?,
    };
    let us = begun.elapsed().as_micros() as f64;
    // Some sandboxes count no switch at all.
    let switches = Switches::since(Switches::now()).and(switches);
    write_line(serde_json::to_string(&Cost { count, us, kib, switches })?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::cost_units::idle;
    use shared::os::child;
    use shared::os::usage::private_kib;

    const MODE: &str = "COST_TEST_MODE";

    /// A mode has a stdout to itself, so the test below is started again as each of them.
    fn printed(words: &str) -> String {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.arg("lessons::cost::tests::child_modes_print_their_measurements");
        again.args(["--exact", "--nocapture", "--quiet"]);
        child::run(again.env(MODE, words), Duration::from_secs(60)).unwrap().stdout
    }

    fn cost(words: &str) -> Cost {
        let printed = printed(words);
        let cost = printed.lines().find_map(|line| serde_json::from_str(line).ok());
        cost.expect(&printed)
    }

    #[test]
    fn child_modes_print_their_measurements() {
        if let Ok(words) = std::env::var(MODE) {
            let words: Vec<String> = words.split(' ').map(String::from).collect();
            let mode = if words[0] == "idle" { idle } else { measure };
            return mode(&words).unwrap();
        }
        // Memory is known to the mode if it is known to this process.
        let prints_kib = printed("idle").lines().any(|line| line.parse::<u64>().is_ok());
        assert_eq!(prints_kib, private_kib().is_some());
        for (words, count) in [("task 1000", 1000), ("thread 3", 3)] {
            let begun = Instant::now();
            let cost = cost(words);
            let us = begun.elapsed().as_secs_f64() * 1e6;
            assert_eq!(cost.count, count, "{words}");
            assert_eq!(cost.kib.is_some(), private_kib().is_some(), "{words}");
            assert!((1.0..us).contains(&cost.us), "{words}: {} us", cost.us);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn kinds_in_wrong_places_fail() {
        use crate::lessons::cost_units::wait_at;
        use shared::report::Verdict::{self, *};
        use std::sync::{Arc, Mutex};

        // Enough of them: pages that the first one touches count, too.
        let task = cost("task 50000");
        let tasks = ["task 10", "task 100", "task 1000"].map(cost);
        let threads = ["thread 5", "thread 20", "thread 120"].map(cost);
        // As large as tasks, which are always made faster.
        let small = [0, 1, 2].map(|place| Cost { us: threads[place].us * 10.0, ..tasks[place] });
        let thread = threads[2];
        // The gate of these threads is open: none waits.
        let gate = Arc::new(Mutex::new(()));
        let passing = (0..thread.count).map(|_| gate.clone());
        let passing: Vec<_> =
            passing.map(|gate| std::thread::spawn(move || wait_at(&gate))).collect();
        let switches = passing.into_iter().map(|thread| thread.join().unwrap()).sum();
        let passing = [threads[0], threads[1], Cost { switches, ..thread }];
        // No process is at hand here: it stands for a child a hundred times as large and as slow.
        let process =
            Cost { us: thread.us * 100.0, kib: thread.kib.map(|kib| kib * 100), ..thread };
        for (costs, verdicts) in [
            (Costs { task, threads, process }, [Holds; 5]),
            (Costs { task: process, threads, process: task }, [Fails, Fails, Holds, Fails, Fails]),
            (Costs { task, threads: small, process }, [Holds, Holds, Fails, Holds, Fails]),
            (Costs { task, threads, process: thread }, [Holds, Holds, Holds, Fails, Holds]),
            (Costs { task, threads: passing, process }, [Holds, Holds, Holds, Holds, Fails]),
        ] {
            let findings = costs.findings();
            let found: Vec<Verdict> = findings.iter().map(|finding| finding.verdict).collect();
            assert_eq!(found, verdicts, "{findings:#?}");
        }
    }
}
