//! Data for another process is serialized, copied through a pipe and parsed. A thread gets only
//! the address, however large the data is. (Processes can ask the OS for shared memory, too. Then they must
//! synchronize it themselves, and it can hold plain bytes, but no `String`.)
//! You will see a list of numbers sent to a process as text, to a process as bytes, and to a thread.
//! Try it: in `run`, call `to_thread(list.clone())`. It gets another address, and the lesson FAILS.

use std::io::{BufRead, Read, Write, stdin};
use std::sync::mpsc::channel;
use std::thread::Builder;

use anyhow::{Context, Result, ensure};
use shared::os::child::{self, ChildMode, PipedChild};
use shared::os::clock::now_ms;
use shared::report::{Figure, Scale};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use super::proc::bytes_written;

const ABOUT: &str = "What it costs to send data to a process, and to a thread";
pub const LESSON: Lesson =
    Lesson::new("serialize", ABOUT, &["P7"], run, include_str!("serialize.rs"))
        .uses(&[])
        .child_modes(&[CHILD]);

const CHILD: ChildMode = ChildMode::new("take", take).reads_stdin();

fn run(_: &Lab) -> Result<Evidence> {
    let mut figure = Figure::new("Sending a list", "ms", Scale::Logarithmic);
    let mut findings = Vec::new();
    // Numbers of 4 bytes and 9 digits. A debug build would take too long for the longest list.
    for kib in [1, 64, 4096, 65536].into_iter().take(if cfg!(debug_assertions) { 3 } else { 4 }) {
        let list: Vec<u32> = (0..kib * 256).map(|number| 100_000_000 + number).collect();
        let (text_ms, text) = to_process("text", &list)?;
        let (bytes_ms, bytes) = to_process("bytes", &list)?;
        let address = list.as_ptr().addr();
        let (moved_ms, received) = to_thread(list)?;
        for (way, ms) in [("text", text_ms), ("bytes", bytes_ms), ("moved", moved_ms)] {
            figure = figure.point(format!("{kib} KiB {way}"), ms, None);
        }
        let check = check(text, bytes, received == address);
        findings = vec![check.on("P7", "Data for another process is serialized")]; // The longest's.
    }
    Ok(Evidence::new(Vec::new(), findings).with(vec![figure]))
}

/// Milliseconds until a child process has the list, and the bytes that the OS took for each number.
fn to_process(way: &str, list: &[u32]) -> Result<(f64, Option<f64>)> {
    let PipedChild { mut child, stdin, stdout } = CHILD.spawn(&[way])?;
    let mut answers = stdout.lines();
    answers.next(); // It has started.
    let start = now_ms();
    let carried = send(way, list, stdin)?;
    let answer = answers.next().transpose()?;
    let took = now_ms() - start;
    child.wait()?;
    ensure!(answer == Some(format!("{:?}", list.last())), "the child received another list");
    Ok((took, carried))
}

/// Serializes and writes the list. Returns how many bytes the OS took for each number.
fn send(way: &str, list: &[u32], mut pipe: impl Write) -> Result<Option<f64>> {
    let before = bytes_written();
    let bytes = match way {
        "text" => serde_json::to_vec(list)?,
        _ => list.iter().flat_map(|number| number.to_le_bytes()).collect(),
    };
    pipe.write_all(&bytes)?;
    let each = |(now, before)| (now - before) as f64 / list.len() as f64;
    Ok(bytes_written().zip(before).map(each))
}

/// The child: receives a list, and says its last number.
fn take(words: &[String]) -> Result<()> {
    child::write_line("started");
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let list: Vec<u32> = match words.first().map(String::as_str) {
        Some("text") => serde_json::from_slice(&bytes).unwrap_or_default(), // Empty if cut short.
        _ => bytes.as_chunks().0.iter().map(|n| u32::from_le_bytes(*n)).collect(),
    };
    child::write_line(format!("{:?}", list.last()));
    Ok(())
}

/// Milliseconds until another thread has the list, and the address at which it has it.
fn to_thread(list: Vec<u32>) -> Result<(f64, usize)> {
    let (send, receive) = channel::<Vec<u32>>();
    let take = move || receive.recv().map(|list| (now_ms(), list.as_ptr().addr()));
    let taker = Builder::new().spawn(take)?;
    let start = now_ms();
    send.send(list)?; // New: only the address moves.
    let (came, address) = taker.join().ok().context("the thread panicked")??;
    Ok((came - start, address))
}

/// Judges the bytes for each number that went to processes, and the address that a thread got.
fn check(text: Option<f64>, bytes: Option<f64>, same_address: bool) -> Check {
    let says = |text: f64, bytes: f64, same: bool| {
        let same = if same { "the same" } else { "another" };
        format!("{text:.0} bytes a number as text, {bytes:.0} as bytes; in a thread {same} address")
    };
    let unknown = text.is_none() && same_address;
    Check::exactly(
        says(10.0, 4.0, true),
        says(text.unwrap_or_default(), bytes.unwrap_or_default(), same_address),
        "the OS counted the bytes written, and the thread told its list's address",
    )
    .unless(unknown.then_some("this OS does not count the bytes written"))
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    #[test]
    fn bytes_and_addresses_decide() {
        for (text, bytes, same_address, verdict) in [
            (Some(10.0), Some(4.0), true, Holds),
            (Some(10.0), Some(4.0), false, Fails),
            (Some(10.0), Some(0.0), true, Fails),
            (Some(0.0), Some(4.0), true, Fails),
            (None, None, true, NotShown),
            (None, None, false, Fails),
        ] {
            let check = check(text, bytes, same_address);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn list_that_skips_the_pipe_fails() {
        use std::io::{pipe, sink};

        let list = vec![100_000_000; 256];
        let (_output, input) = pipe().unwrap();
        let piped = ["text", "bytes"].map(|way| send(way, &list, &input).unwrap());
        let skipped = ["text", "bytes"].map(|way| send(way, &list, sink()).unwrap());
        let address = list.as_ptr().addr();
        let copied = to_thread(list.clone()).unwrap().1 == address;
        let moved = to_thread(list).unwrap().1 == address;
        for ([text, bytes], same_address, verdict) in
            [(piped, moved, Holds), (skipped, moved, Fails), (piped, copied, Fails)]
        {
            let check = check(text, bytes, same_address);
            assert_eq!(check.verdict, verdict, "{check:#?}");
        }
    }
}
