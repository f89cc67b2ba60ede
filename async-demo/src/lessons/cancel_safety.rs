//! `select!` drops the futures that were not ready first, with everything they hold. A dropped
//! `read_exact` has taken bytes from the stream and loses them: it is not cancel safe. Python's
//! `wait_for(reader.readexactly(8), ...)` keeps them in the reader's own buffer.
//! You will see the bytes that a sender wrote and those that a receiver got, which looks at a timer
//! meanwhile. The cure keeps the future outside of the loop, so `select!` drops only a reference.
//! tokio's clock stands still here and jumps to the next timer, so each run is the same.
//! Try it: write `from_secs(23)` in place of `from_millis(23)`: the timer never fires in the middle
//! of a message, nothing is lost, and the finding fails. The bug is still there.

use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use shared::report::Verdict;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio::select;
use tokio::time::{interval, sleep};

pub const LESSON: Lesson = Lesson::new(
    "cancel-safety",
    "Bytes that are lost when `select!` drops a read",
    &["A4"],
    run,
    include_str!("cancel_safety.rs"),
)
.uses(&[]);

/// How often the receiver's timer fires. A message takes 10 ms.
const TICK: Duration = Duration::from_millis(23);

const MESSAGES: usize = 10;

fn run(_: &Lab) -> Result<Evidence> {
    let (sent, dropped) = exchange(TICK, dropping)?;
    let (_, kept) = exchange(TICK, keeping)?;
    let finding =
        check(sent, dropped, kept).on("A4", "A task stopped in the middle of a read can lose data");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// Bytes sent, and bytes received in whole messages.
fn exchange<F: Future<Output = usize>>(
    tick: Duration,
    receive: fn(DuplexStream, Duration) -> F,
) -> Result<(usize, usize)> {
    let rt = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    rt.block_on(async {
        let (ours, theirs) = duplex(64); // A connection within this program.
        let sender = tokio::spawn(send(theirs));
        let received = receive(ours, tick).await;
        Ok((sender.await?, received))
    })
}

async fn dropping(mut stream: DuplexStream, tick: Duration) -> usize {
    let (mut ticks, mut message, mut received) = (interval(tick), [0; 8], 0);
    loop {
        select! {
            // The trap: each turn makes a new future, and the tick drops it half done.
            read = stream.read_exact(&mut message) => match read {
                Ok(bytes) => received += bytes,
                Err(_) => return received, // The end of the stream.
            },
            _ = ticks.tick() => {}
        }
    }
}

async fn keeping(mut stream: DuplexStream, tick: Duration) -> usize {
    let (mut ticks, mut message, mut received) = (interval(tick), [0; 8], 0);
    loop {
        let mut read = pin!(stream.read_exact(&mut message)); // The cure: once for each message.
        let read = loop {
            select! {
                read = &mut read => break read, // Goes on where it was.
                _ = ticks.tick() => {}
            }
        };
        match read {
            Ok(bytes) => received += bytes,
            Err(_) => return received,
        }
    }
}

/// Bytes that were sent, received by reads that a timer drops, and by reads that are kept.
fn check(sent: usize, dropped: usize, kept: usize) -> Check {
    let reason = if kept != sent {
        (Verdict::Fails, "reads that were kept lost bytes as well")
    } else if dropped == sent {
        (Verdict::Fails, "reads that were dropped lost nothing")
    } else {
        (Verdict::Holds, "a read that is dropped half done has lost its half")
    };
    Check::new(
        format!("of {sent} bytes sent, fewer with the read dropped, {sent} with it kept"),
        format!("of {sent} bytes sent, {dropped} with the read dropped, {kept} with it kept"),
        reason,
    )
}

/// Sends each message in two halves, as a slow network might deliver it.
async fn send(mut stream: DuplexStream) -> usize {
    let mut sent = 0;
    for half in [b"half", b"half"].repeat(MESSAGES) {
        sleep(Duration::from_millis(5)).await;
        if stream.write_all(half).await.is_err() {
            break;
        }
        sent += half.len();
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    /// It fires only before the first message.
    const SLOW: Duration = Duration::from_secs(60);

    #[test]
    fn only_dropped_reads_lose_bytes() {
        let received = |tick, keeps| match keeps {
            true => exchange(tick, keeping).unwrap(),
            false => exchange(tick, dropping).unwrap(),
        };
        for (trap, cure, verdict, because) in [
            ((TICK, false), (TICK, true), Holds, "half done"),
            ((SLOW, false), (TICK, true), Fails, "lost nothing"), // No tick in a message.
            ((TICK, true), (TICK, true), Fails, "lost nothing"),
            ((TICK, false), (TICK, false), Fails, "lost bytes as well"),
        ] {
            let (sent, dropped) = received(trap.0, trap.1);
            assert_eq!(sent, MESSAGES * 8);
            let check = check(sent, dropped, received(cure.0, cure.1).1);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }
}
