//! Who goes on when one of four dies? A panic ends its thread, task or job. Exit, abort, a full stack
//! and a kill end the process, with all that are in it: only processes are safe from each other.
//! You will see five ways to die in four kinds, and how many of the other three are alive then.
//! Try it: `rayon::spawn` in place of the scope, where nobody catches the panic.

use std::io::read_to_string;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::scope;
use std::time::Duration;

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};

use crate::judge;
use crate::ways_to_die::{ONE, die, watch};

/// What starts this program as a child with four of a kind.
pub const CHILD: Hidden = Hidden::new("four", four).watching_stdin();
pub const ABOUT: &str = "Five ways to die, and who survives them";

pub fn run(_: &Lab) -> Result<Evidence> {
    let mut alive = Vec::new();
    for kind in ["thread", "task", "job", "process"] {
        for way in ["panic", "exit", "abort", "overflow", "kill"] {
            // Threads and the like can only be killed all together: at this deadline.
            let deadline = if way == "kill" && kind != "process" { 300 } else { 20_000 };
            let mut child = child::this_program(CHILD.name)?;
            let ended =
                child::run_watching(child.args([kind, way]), Duration::from_millis(deadline))?;
            alive.push((kind, way, ended.stdout.lines().count()));
        }
    }
    let finding = judge::survival(&alive).on("G10", "Only processes survive each other's death");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: one of four dies, and the others say that they are alive.
fn four(words: &[String]) -> Result<()> {
    let [kind, way] = words else { return Ok(()) };
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
            // The scope waits for all of them, and then hands on the panic.
            let _ = catch_unwind(AssertUnwindSafe(|| pool.install(jobs)));
        }
        _ => {
            let mut others = Vec::new();
            for _ in 0..3 {
                others.push(child::piped(ONE.name, &["watch"])?);
            }
            let mut victim = child::piped(ONE.name, &[way])?;
            if way == "kill" {
                victim.child.kill()?;
            }
            victim.child.wait()?;
            for mut other in others {
                drop(other.to); // It may say so now.
                read_to_string(other.from)?.lines().for_each(child::tell);
                other.child.wait()?;
            }
        }
    }
    Ok(())
}
