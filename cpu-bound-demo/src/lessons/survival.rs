//! One of four dies: do the others go on? A panic ends only its thread, task or job. An exit, an abort
//! and a stack overflow end the whole process, as the OS reports it. Only processes are safe from each
//! other, and only a process can be killed: a thread, a job or a task has no kill.
//! You will see how many of the three others live on, or else how their process ended.
//! Try it: `die("panic")` in place of the first `die(way)`. A thread then ends alone, the three live on,
//! and the finding fails. That is Python's `sys.exit` in a thread; `exit` is like `os._exit`.

use std::io::read_to_string;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{Builder, scope};

use anyhow::{Context, Result, ensure};
use shared::os::child::{self, ChildExit, ChildMode, DEADLINE};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime;

use crate::lessons::ways_to_die::{GONE, PROCESS, die, watch, watch_async};

pub const LESSON: Lesson = Lesson::new(
    "survival",
    "Five ways to die, and what survives them",
    &["G10"],
    run,
    include_str!("survival.rs"),
)
.uses(&[])
.child_modes(&[CHILD, PROCESS]);

/// A child process with four of a kind in it.
const CHILD: ChildMode = ChildMode::new("four", four);

fn run(_: &Lab) -> Result<Evidence> {
    let mut cells = Vec::new();
    for kind in ["thread", "task", "job", "process"] {
        for way in ["panic", "exit", "abort", "overflow", "kill"] {
            if way != "kill" || kind == "process" {
                let output = CHILD.run(&[kind, way], DEADLINE)?;
                cells.push((kind, way, became(output.exit, output.stdout.lines().count())));
            }
        }
    }
    let finding = check(&cells).on("G10", "Only processes survive each other's death");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: one of four dies, then the others report that they are alive.
fn four(args: &[String]) -> Result<()> {
    let [kind, way] = args else { return Ok(()) };
    match kind.as_str() {
        "thread" => scope(|scope| {
            let others =
                (0..3).try_for_each(|_| Builder::new().spawn_scoped(scope, watch).map(drop));
            let victim = others.and_then(|()| Builder::new().spawn_scoped(scope, || die(way)));
            let end = victim.map(|victim| victim.join());
            GONE.store(true, SeqCst);
            end.map(drop).context("cannot start a thread")
        })?,
        "task" => runtime::Builder::new_current_thread().build()?.block_on(async {
            let others = [(); 3].map(|()| tokio::spawn(watch_async()));
            let way = way.clone();
            let _ = tokio::spawn(async move { die(&way) }).await;
            GONE.store(true, SeqCst);
            for other in others {
                let _ = other.await;
            }
        }),
        "job" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build()?;
            pool.in_place_scope(|scope| {
                (0..3).for_each(|_| scope.spawn(|_| watch()));
                // A scope waits for its jobs, then passes the panic on.
                let victim = || pool.in_place_scope(|scope| scope.spawn(|_| die(way)));
                let _ = catch_unwind(AssertUnwindSafe(victim));
                GONE.store(true, SeqCst);
            });
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
            let end = victim.child.wait()?;
            ensure!(end == end_by(way), "the victim {end}");
            for mut other in others {
                drop(other.stdin); // Now it reports.
                read_to_string(other.stdout)?.lines().for_each(child::write_line);
                other.child.wait()?;
            }
        }
    }
    Ok(())
}

/// For each kind and way to die: did the three others survive, or their process end, as claimed?
fn check(cells: &[(&str, &str, String)]) -> Check {
    let table = |became: &dyn Fn(&(&str, &str, String)) -> String| {
        let kinds = cells.chunk_by(|a, b| a.0 == b.0).map(|cells| {
            let ways = cells.iter().map(|cell| format!("{} = {}", cell.1, became(cell)));
            format!("{}: {}", cells[0].0, ways.collect::<Vec<_>>().join(", "))
        });
        kinds.collect::<Vec<_>>().join("; ")
    };
    let expected = |cell: &(&str, &str, String)| match (cell.0, cell.1) {
        ("process", _) | (_, "panic") => "3 live".into(),
        (_, way) => became(end_by(way), 0),
    };
    let because = "a panic unwinds one stack, everything else ends the process";
    Check::exactly(table(&expected), table(&|cell| cell.2.clone()), because).unless(
        (!cfg!(unix)).then_some("this operating system has no signals to tell deaths apart"),
    )
}

/// How a process ends that dies in this way.
fn end_by(way: &str) -> ChildExit {
    match way {
        "panic" => ChildExit::Code(101),
        "exit" => ChildExit::Code(3),
        "kill" => ChildExit::Signal(9),
        _ => ChildExit::Signal(6), // Rust's handler of a stack overflow aborts.
    }
}

/// What became of the three others: how many live, or how their process ended.
fn became(end: ChildExit, alive: usize) -> String {
    match end {
        ChildExit::Code(0) => format!("{alive} live"),
        ChildExit::Code(code) => format!("code {code}"),
        ChildExit::Signal(signal) => format!("signal {signal}"),
        ChildExit::TimedOut => "hung".into(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use shared::report::Verdict::{Fails, Holds};

    /// What becomes of three of this kind, in this test's program started again.
    fn after(kind: &str, way: &str) -> String {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.arg("lessons::survival::tests::victim_that_lives_on_fails");
        again.args(["--exact", "--nocapture", "--quiet"]).env("FOUR", format!("{kind} {way}"));
        let output = child::run(&mut again, 3 * DEADLINE).unwrap();
        became(output.exit, output.stdout.lines().filter(|line| line.contains("alive")).count())
    }

    #[test]
    fn victim_that_lives_on_fails() {
        if let Ok(words) = std::env::var("FOUR") {
            let words: Vec<String> = words.split(' ').map(String::from).collect();
            return four(&words).unwrap();
        }
        for kind in ["thread", "task", "job"] {
            for (way, acts, verdict) in [
                ("panic", "panic", Holds),
                ("exit", "exit", Holds),
                ("abort", "abort", Holds),
                ("overflow", "overflow", Holds),
                // The victim does not die, or in another way.
                ("exit", "return", Fails),
                ("panic", "abort", Fails),
                ("abort", "exit", Fails),
            ] {
                let check = check(&[(kind, way, after(kind, acts))]);
                assert_eq!(check.verdict, verdict, "{check:#?}");
            }
        }
    }

    #[test]
    fn one_wrong_cell_fails() {
        let cells = |became: [&str; 5]| {
            let kinds = ["thread", "thread", "job", "process", "process"];
            let ways = ["panic", "abort", "exit", "panic", "kill"];
            check(&[0, 1, 2, 3, 4].map(|cell| (kinds[cell], ways[cell], became[cell].into())))
        };
        let as_claimed = ["3 live", "signal 6", "code 3", "3 live", "3 live"];
        let table = "thread: panic = 3 live, abort = signal 6; job: exit = code 3; \
            process: panic = 3 live, kill = 3 live";
        assert_eq!(cells(as_claimed).predicted, table);
        assert_eq!(cells(as_claimed).verdict, Holds);
        for cell in 0..5 {
            let mut became = as_claimed;
            became[cell] = "2 live";
            assert_eq!(cells(became).verdict, Fails, "{cell}");
        }
    }
}
