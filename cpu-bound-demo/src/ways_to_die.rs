//! What the lesson `survival` has its threads, tasks, jobs and processes do: die, or watch another die.

use std::hint::black_box;
use std::io::{read_to_string, stdin};
use std::process::{abort, exit};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{park, yield_now};

use anyhow::Result;
use shared::child;
use shared::cli::Hidden;

/// What starts this program as one of four processes.
pub const ONE: Hidden = Hidden::new("one-of-four", one);

/// Set once the victim is gone.
static DEAD: AtomicBool = AtomicBool::new(false);

/// One of four processes: waits for its parent's word, or dies.
fn one(words: &[String]) -> Result<()> {
    match words.first().map_or("", String::as_str) {
        "watch" => {
            read_to_string(stdin())?;
            child::tell("alive");
        }
        "kill" => drop(read_to_string(stdin())?), // Until it is killed, or its parent is.
        way => die(way),
    }
    Ok(())
}

/// Waits until the victim is gone, and says that it is alive then.
pub fn watch() {
    while !DEAD.load(SeqCst) {
        yield_now();
    }
    child::tell("alive");
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
            park(); // Until it is killed.
        },
        _ => {} // Nobody asks for anything else.
    }
}

/// Dropped as the victim's stack unwinds.
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
