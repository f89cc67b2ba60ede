//! Processes share no memory, so what one gives to another is written out, copied through a pipe and
//! read in again: the more data, the longer. A thread is handed the address, whatever the size.
//! You will see a list of numbers given to a process as text, to a process as bytes, and to a thread.
//! Try it: send floats, and see how much longer the text gets.

use std::io::{BufRead, BufWriter, Read, Write, stdin};
use std::sync::mpsc::channel;
use std::thread::Builder;

use anyhow::{Context, Result, ensure};
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};
use shared::report::{Figure, Scale};
use shared::stopwatch::now_ms;

use crate::{judge, worker};

/// What starts this program as a child that takes a list.
pub const CHILD: Hidden = Hidden::new("take", take);

pub const ABOUT: &str = "What it costs to hand data to a process, and to a thread";

pub fn run(_: &Lab) -> Result<Evidence> {
    let mut figure = Figure::new("Handing over a list", "ms", Scale::Logarithmic);
    let mut largest = [0.0; 2];
    for kib in [1, 64, 4096, 65536] {
        let list: Vec<u32> = (0..kib * 256).map(|number| number * 7).collect(); // 4 bytes each
        let (text, bytes) = (to_process("text", &list)?, to_process("bytes", &list)?);
        let moved = to_thread(list)?;
        for (way, ms) in [("text", text), ("bytes", bytes), ("moved", moved)] {
            figure = figure.point(format!("{kib} KiB {way}"), ms, None);
        }
        largest = [bytes, moved];
        if text > 200.0 {
            break; // A debug build would take too long over the next.
        }
    }
    let finding = judge::serialize(largest).on("P7", "Data for another process is written out");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure]))
}

/// Milliseconds until a child process has the list.
fn to_process(way: &str, list: &[u32]) -> Result<f64> {
    let mut child = child::piped(CHILD.name, &[way])?;
    let (mut to, mut answers) = (BufWriter::new(child.to), child.from.lines());
    answers.next(); // It has started.
    let start = now_ms();
    match way {
        "text" => serde_json::to_writer(&mut to, list)?,
        _ => {
            for number in list {
                to.write_all(&number.to_le_bytes())?;
            }
        }
    }
    drop(to.into_inner()?);
    let answer = answers.next().transpose()?;
    let took = now_ms() - start;
    child.child.wait()?;
    ensure!(answer == Some(format!("{:?}", list.last())), "it got another list");
    Ok(took)
}

/// The child: takes a list and says what it has got.
fn take(words: &[String]) -> Result<()> {
    worker::refuse_terminal()?;
    child::tell("started");
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let (numbers, _) = bytes.as_chunks();
    let list: Vec<u32> = match words.first().map(String::as_str) {
        Some("text") => serde_json::from_slice(&bytes).unwrap_or_default(), // Or it broke off.
        _ => numbers.iter().map(|n| u32::from_le_bytes(*n)).collect(),
    };
    child::tell(format!("{:?}", list.last()));
    Ok(())
}

/// Milliseconds until another thread has the list.
fn to_thread(list: Vec<u32>) -> Result<f64> {
    let (send, receive) = channel::<Vec<u32>>();
    let taker = Builder::new().spawn(move || receive.recv().map(|_| now_ms()))?;
    let start = now_ms();
    send.send(list)?; // New: nothing but the address moves.
    Ok(taker.join().ok().context("the thread panicked")?? - start)
}
