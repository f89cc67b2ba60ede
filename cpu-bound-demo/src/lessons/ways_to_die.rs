//! What threads, tasks, jobs and processes of the lesson `survival` do: die, or watch another die.

use std::hint::black_box;
use std::io::{read_to_string, stdin};
use std::process::{abort, exit};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{park, yield_now};

use anyhow::Result;
use shared::os::child::{self, ChildMode};

/// One of four processes: it waits for the end of its stdin, or dies.
pub const PROCESS: ChildMode = ChildMode::new("one-of-four", process).reads_stdin();

/// Set once the victim is gone.
static DEAD: AtomicBool = AtomicBool::new(false);

fn process(args: &[String]) -> Result<()> {
    match args.first().map_or("", String::as_str) {
        "watch" => {
            read_to_string(stdin())?;
            child::write_line("alive");
        }
        "kill" => drop(read_to_string(stdin())?), // Until it is killed, or its parent ends.
        way => die(way),
    }
    Ok(())
}

/// Waits until the victim is gone, then reports that it is alive.
pub fn watch() {
    while !DEAD.load(SeqCst) {
        yield_now();
    }
    child::write_line("alive");
}

/// Dies, or waits until it is killed.
pub fn die(way: &str) {
    let _dead = Dead;
    match way {
        "panic" => panic!("on purpose"),
        "exit" => exit(3),
        "abort" => abort(),
        "overflow" => drop(overflow(0)),
        "kill" => loop {
            park();
        },
        _ => {} // There are no other ways.
    }
}

/// Dropped when the victim's stack unwinds.
struct Dead;

impl Drop for Dead {
    fn drop(&mut self) {
        DEAD.store(true, SeqCst);
    }
}

#[expect(unconditional_recursion)]
fn overflow(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(overflow(depth + 1)) + frame[0]
}
