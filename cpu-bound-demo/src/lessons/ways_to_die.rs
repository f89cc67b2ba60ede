//! What threads, tasks, jobs and processes of the lesson `survival` do: die, or live beside the victim.

use std::hint::black_box;
use std::io::{read_to_string, stdin};
use std::process::{abort, exit};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::yield_now;

use anyhow::Result;
use shared::os::child::{self, ChildMode};
use tokio::task;

/// One of four processes: it waits for the end of its stdin, or dies.
pub const PROCESS: ChildMode = ChildMode::new("one-of-four", process).reads_stdin();

/// Set once the victim is gone.
pub static GONE: AtomicBool = AtomicBool::new(false);

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

/// Lives beside the victim, and reports afterwards.
pub fn watch() {
    while !GONE.load(SeqCst) {
        yield_now();
    }
    child::write_line("alive");
}

pub async fn watch_async() {
    while !GONE.load(SeqCst) {
        task::yield_now().await;
    }
    child::write_line("alive");
}

pub fn die(way: &str) {
    match way {
        "panic" => panic!("on purpose"),
        "exit" => exit(3),
        "abort" => abort(),
        "overflow" => drop(overflow(0)),
        _ => {} // It lives on, and returns.
    }
}

#[expect(unconditional_recursion)]
fn overflow(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(overflow(depth + 1)) + frame[0]
}
