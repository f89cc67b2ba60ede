//! A thread that panics takes nobody with it: `join` hands over its last words, and the others go
//! on. But whatever ends the process ends all of its threads.
//! You will see one of the tasks panic, and then, each in a child, who survives four ways to die.
//! Try it: do not join the thread that panics, and see who gets to know.

use std::hint::black_box;
use std::process::{abort, exit};
use std::sync::Barrier;
use std::thread::{Builder, scope};
use std::time::Duration;

use anyhow::{Context, Result};
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};
use shared::report::Task;

use crate::judge;

/// What starts this program as a child that is to die.
pub const CHILD: Hidden = Hidden::new("die", die);

pub const ABOUT: &str = "One thread dies: who goes on?";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let activity = lab.blocking()?;
    let victim = lab.tasks / 2;
    let mut threads = lab.run("threads", lab.delay_ms, |_| {
        let mut started = Vec::new();
        for id in 0..lab.tasks {
            let activity = activity.clone();
            let thread = Builder::new().name(format!("Thread-{}", id + 1));
            let handle = thread.spawn(move || {
                if id == victim {
                    panic!("gives up, on purpose"); // The trap.
                }
                activity.get(id)
            });
            started.push(handle.context("cannot start a thread")?);
        }
        let mut tasks = Vec::new();
        for (id, thread) in started.into_iter().enumerate() {
            let outcome = thread.join(); // The cure: it tells how the thread ended.
            tasks.push(outcome.unwrap_or_else(|panic| Task::panicked(id, panic)));
        }
        Ok(tasks)
    })?;
    threads.lost_on_purpose = 1;

    let mut survivors = Vec::new();
    for way in ["panic", "exit", "abort", "overflow"] {
        let mut child = child::this_program(CHILD.name)?;
        let ended = child::run(child.arg(way), Duration::from_secs(20))?;
        survivors.push((way, ended.stdout.lines().count()));
    }
    let finding = judge::survivors(&threads, &survivors)
        .on("T7", "A thread that dies leaves the others alone");
    Ok(Evidence::new(vec![threads], vec![finding]))
}

/// The child: nine threads wait until a tenth has died, then say that they are alive.
pub fn die(words: &[String]) -> Result<()> {
    let way = words.first().map_or("", String::as_str);
    let died = Barrier::new(10);
    scope(|scope| {
        for _ in 0..9 {
            scope.spawn(|| {
                died.wait();
                child::tell("alive");
            });
        }
        let victim = scope.spawn(|| match way {
            "exit" => exit(3),
            "abort" => abort(),
            "overflow" => overflow(0),
            _ => panic!("on purpose"),
        });
        let _ = victim.join(); // Comes back after a panic only.
        died.wait();
    });
    Ok(())
}

/// Calls itself until the stack is full.
#[expect(unconditional_recursion)]
fn overflow(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(overflow(depth + 1)) + frame[0]
}
