//! Processes share no memory. Data for another process is serialized, copied through a pipe and
//! parsed: the more data, the longer it takes. A thread gets the address, whatever the size.
//! You will see a list of numbers sent to a process as text, to a process as bytes, and to a thread.
//! Try it: send floats, and see how much longer the text gets.

use std::io::{BufRead, BufWriter, Read, Write, stdin};
use std::sync::mpsc::channel;
use std::thread::Builder;

use anyhow::{Context, Result, ensure};
use shared::os::child::{self, ChildMode};
use shared::os::clock::now_ms;
use shared::report::{Figure, Scale, Verdict};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

pub const LESSON: Lesson = Lesson::new(
    "serialize",
    "What it costs to send data to a process, and to a thread",
    &["P7"],
    run,
    include_str!("serialize.rs"),
)
.child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("take", take).reads_stdin();

fn run(_: &Lab) -> Result<Evidence> {
    let mut figure = Figure::new("Sending a list", "ms", Scale::Logarithmic);
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
            break; // A debug build would take too long for the next one.
        }
    }
    let finding = check(largest).on("P7", "Data for another process is serialized");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure]))
}

/// Milliseconds until a child process has the list.
fn to_process(way: &str, list: &[u32]) -> Result<f64> {
    let mut child = CHILD.spawn(&[way])?;
    let (mut stdin, mut answers) = (BufWriter::new(child.stdin), child.stdout.lines());
    answers.next(); // It has started.
    let start = now_ms();
    match way {
        "text" => serde_json::to_writer(&mut stdin, list)?,
        _ => {
            for number in list {
                stdin.write_all(&number.to_le_bytes())?;
            }
        }
    }
    drop(stdin.into_inner()?);
    let answer = answers.next().transpose()?;
    let took = now_ms() - start;
    child.child.wait()?;
    ensure!(answer == Some(format!("{:?}", list.last())), "the child received another list");
    Ok(took)
}

/// The child: receives a list, and says its last number.
fn take(words: &[String]) -> Result<()> {
    child::write_line("started");
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let (numbers, _) = bytes.as_chunks();
    let list: Vec<u32> = match words.first().map(String::as_str) {
        Some("text") => serde_json::from_slice(&bytes).unwrap_or_default(), // Empty if cut short.
        _ => numbers.iter().map(|n| u32::from_le_bytes(*n)).collect(),
    };
    child::write_line(format!("{:?}", list.last()));
    Ok(())
}

/// Milliseconds until another thread has the list.
fn to_thread(list: Vec<u32>) -> Result<f64> {
    let (send, receive) = channel::<Vec<u32>>();
    let taker = Builder::new().spawn(move || receive.recv().map(|_| now_ms()))?;
    let start = now_ms();
    send.send(list)?; // New: only the address moves.
    Ok(taker.join().ok().context("the thread panicked")?? - start)
}

/// Judges the milliseconds for the largest list: to a process as bytes, and to a thread.
fn check([bytes, moved]: [f64; 2]) -> Check {
    let ratio = bytes / moved.max(1e-3);
    let reason = match ratio {
        5.0.. => (Verdict::Holds, "the pipe carries every byte, the thread gets an address"),
        0.2..5.0 => (Verdict::NotShown, "something disturbed the measurement"),
        _ => (Verdict::Fails, "a move took as long as the pipe"),
    };
    Check::new(
        "through a pipe at least 5 times as long as to a thread",
        format!("{bytes:.1} ms through a pipe, {moved:.3} ms to a thread: {ratio:.0} times"),
        reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipe_must_cost_more_than_move() {
        assert_eq!(check([50.0, 0.01]).verdict, Verdict::Holds);
        assert_eq!(check([0.02, 0.01]).verdict, Verdict::NotShown);
        assert_eq!(check([0.01, 50.0]).verdict, Verdict::Fails);
    }
}
