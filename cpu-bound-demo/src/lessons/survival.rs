//! One of four dies: do the others go on? A panic ends only its thread, task or job. An exit, an
//! abort, a stack overflow and a kill end the whole process. Only processes are safe from each other.
//! You will see five ways to die in four kinds, and how many of the other three survive.
//! Try it: `let way = way.clone(); rayon::spawn(move || die(&way));` in place of
//! `scope.spawn(|_| die(way));`. No scope passes the panic on, so rayon aborts the process.

use std::io::read_to_string;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::scope;
use std::time::Duration;

use anyhow::Result;
use shared::os::child::{self, ChildMode};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use crate::lessons::ways_to_die::{PROCESS, die, watch};

pub const LESSON: Lesson = Lesson::new(
    "survival",
    "Five ways to die, and what survives them",
    &["G10"],
    run,
    include_str!("survival.rs"),
)
.child_modes(&[CHILD, PROCESS]);

/// A child process with four of a kind in it.
const CHILD: ChildMode = ChildMode::new("four", four);

fn run(_: &Lab) -> Result<Evidence> {
    let mut alive = Vec::new();
    for kind in ["thread", "task", "job", "process"] {
        for way in ["panic", "exit", "abort", "overflow", "kill"] {
            // A thread, task or job can only be killed with its process: at this deadline.
            let deadline_ms = if way == "kill" && kind != "process" { 300 } else { 20_000 };
            let output = CHILD.run(&[kind, way], Duration::from_millis(deadline_ms))?;
            alive.push((kind, way, output.stdout.lines().count()));
        }
    }
    let finding = check(&alive).on("G10", "Only processes survive each other's death");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: one of four dies, and the others report that they are alive.
fn four(args: &[String]) -> Result<()> {
    let [kind, way] = args else { return Ok(()) };
    match kind.as_str() {
        "thread" => scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(watch)));
            let _ = scope.spawn(|| die(way)).join();
        }),
        "task" => tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
            let way = way.clone();
            let victim = tokio::spawn(async move { die(&way) });
            for other in [(); 3].map(|()| tokio::spawn(async { watch() })) {
                let _ = other.await;
            }
            let _ = victim.await;
        }),
        "job" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build()?;
            let jobs = || {
                rayon::scope(|scope| {
                    (0..3).for_each(|_| scope.spawn(|_| watch()));
                    scope.spawn(|_| die(way));
                })
            };
            // The scope waits for all jobs, then passes the panic on.
            let _ = catch_unwind(AssertUnwindSafe(|| pool.install(jobs)));
        }
        _ => {
            let mut others = Vec::new();
            for _ in 0..3 {
                others.push(PROCESS.spawn(&["watch"])?);
            }
            let mut victim = PROCESS.spawn(&[way])?;
            if way == "kill" {
                victim.child.kill()?;
            }
            victim.child.wait()?;
            for mut other in others {
                drop(other.stdin); // Now it reports.
                read_to_string(other.stdout)?.lines().for_each(child::write_line);
                other.child.wait()?;
            }
        }
    }
    Ok(())
}

/// For each kind and way to die: did the three others survive, or none, as claimed?
fn check(alive: &[(&str, &str, usize)]) -> Check {
    let table = |count: &dyn Fn(&(&str, &str, usize)) -> usize| {
        let kinds = alive.chunk_by(|a, b| a.0 == b.0).map(|cells| {
            let ways = cells.iter().map(|cell| format!("{} {}", cell.1, count(cell)));
            format!("{}: {}", cells[0].0, ways.collect::<Vec<_>>().join(", "))
        });
        kinds.collect::<Vec<_>>().join("; ")
    };
    let expected = |cell: &(&str, &str, usize)| match (cell.0, cell.1) {
        ("process", _) | (_, "panic") => 3,
        _ => 0,
    };
    let because = "a panic unwinds one stack, everything else ends the process";
    Check::exactly(table(&expected), table(&|cell| cell.2), because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::report::Verdict::{Fails, Holds};

    #[test]
    fn one_wrong_cell_fails() {
        let cells = |alive: [usize; 5]| {
            let kinds = ["thread", "thread", "job", "process", "process"];
            let ways = ["panic", "abort", "panic", "panic", "kill"];
            check(&[0, 1, 2, 3, 4].map(|place| (kinds[place], ways[place], alive[place])))
        };
        let as_claimed = cells([3, 0, 3, 3, 3]);
        let table = "thread: panic 3, abort 0; job: panic 3; process: panic 3, kill 3";
        assert_eq!([&as_claimed.predicted, &as_claimed.measured], [table; 2]);
        assert_eq!(as_claimed.verdict, Holds);
        for place in 0..5 {
            let mut alive = [3, 0, 3, 3, 3];
            alive[place] = 1;
            assert_eq!(cells(alive).verdict, Fails, "{place}");
        }
    }
}
