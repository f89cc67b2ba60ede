//! 06: a worker that answers JSON lines.

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use shared::report::count;

use crate::event::{What, record};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{End, Red, Seen, Verdict};
use crate::site::PATIENCE;

pub const EXERCISE: Exercise = Exercise {
    name: "06_worker",
    about: "a worker process that answers each line before it gets the next",
    minutes: 15,
    starred: false,
    goal: "an answer to each line before the next, in one write",
    hints: [
        "The parent sends the second task when it has the first answer. Who waits for whom?",
        "`for line in input.lines()` gives each line as it arrives (each is a `Result`: use `?`). \
         The loop ends with the input. `output.flush()?` sends what the buffer holds.",
        "Instead of the first two lines and the `for`: `for line in ___.lines() {`; in the loop, the line is \
         `&line?`. The rest stays.",
    ],
    stub: include_str!("../../stubs/06_worker.rs"),
    solution: include_str!("../../solutions/06_worker.rs"),
};

const N: usize = 5;

/// The worker's pipes, seen from the parent. `What::Begun` is a task sent, `What::Made` an answer
/// in the worker's buffer, `What::Ended` one that has arrived.
#[derive(Default)]
struct Pipes {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    sent: usize,
    /// Pieces that the worker has written since it last flushed.
    pieces: Vec<Vec<u8>>,
    /// What the parent has read, line by line.
    answers: Vec<String>,
    /// The most pieces of one flush.
    most_pieces: usize,
}

impl Pipes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker's stdin: the next line comes when the last is answered.
pub struct Input {
    pipes: Arc<Pipes>,
    line: Vec<u8>,
    read: usize,
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.line.len() {
            let waiting = |state: &mut State| state.answers.len() < state.sent;
            let waited =
                self.pipes.arrived.wait_timeout_while(self.pipes.lock(), PATIENCE, waiting);
            let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            (self.line, self.read) = (Vec::new(), 0);
            if waited.timed_out() {
                record(What::InVain(state.sent));
            } else if state.sent < N {
                let id = state.sent;
                record(What::Begun(id));
                state.sent += 1;
                self.line = format!("{}\n", json!({"id": id, "number": id + 2})).into_bytes();
            }
        }
        Ok(&self.line[self.read..])
    }

    fn consume(&mut self, amount: usize) {
        self.read += amount;
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The worker's stdout. Like every buffered writer, it keeps what is written until it is flushed.
pub struct Output(Arc<Pipes>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        record(What::Made(bytes.len()));
        self.0.lock().pieces.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.lock();
        let pieces = std::mem::take(&mut state.pieces);
        state.most_pieces = state.most_pieces.max(pieces.len());
        for line in pieces.concat().split_inclusive(|byte| *byte == b'\n') {
            record(What::Ended(state.answers.len()));
            state.answers.push(String::from_utf8_lossy(line).into_owned());
        }
        self.0.arrived.notify_all();
        Ok(())
    }
}

/// Judges the learner's `serve`.
#[track_caller]
pub fn main(serve: fn(Input, Output) -> io::Result<()>) -> ExitCode {
    let learner = || {
        let pipes = Arc::<Pipes>::default();
        let input = Input { pipes: pipes.clone(), line: Vec::new(), read: 0 };
        let error = serve(input, Output(pipes.clone())).err().map(|error| error.to_string());
        let state = pipes.lock();
        (error, state.most_pieces, state.answers.clone())
    };
    judge::run(&EXERCISE, learner, verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let ended = seen.ended_in_time();
    if seen.stdout.length > 0 {
        let because = "`output` is the pipe to the parent: write there, and `println!` nothing";
        return Err(Red::new(format!("{} bytes printed", seen.stdout.length), because));
    }
    if seen.in_vain() {
        let because = match seen.in_time().count(|what| matches!(what, What::Made(_))) {
            0 => "no answer to the first line: the worker reads on, and the parent waits for it",
            _ => "the answer lay in the buffer: nothing flushed it",
        };
        return Err(Red::new(format!("{ended} answers"), because));
    }
    if ended == N && !matches!(seen.end, End::Returned(_)) {
        let because = "the worker does not end with its input: at the end, `read_line` returns 0";
        return Err(Red::new("5 answers, and no return", because).wanted("an end"));
    }
    let (error, most_pieces, answers): (Option<String>, usize, Vec<String>) = seen.returned()?;
    if let Some(error) = error {
        let measured = format!("an error after {}", count(answers.len(), "answer"));
        return Err(Red::new(measured, format!("your function returned: {error}")));
    }
    if answers.iter().any(|line| !line.ends_with('\n')) {
        let because = "the parent waits for the end of the line: push `b'\\n'` after the JSON";
        return Err(Red::new("an answer without its newline", because));
    }
    if answers.len() != N {
        let because = match answers.len() {
            ..N => "the worker ended before its input did: it is a loop over all lines",
            _ => "each task has one answer, which is one line of JSON",
        };
        return Err(Red::new(count(answers.len(), "line"), because).wanted("5 lines"));
    }
    for (id, line) in answers.iter().enumerate() {
        let right = json!({"id": id, "square": (id + 2).pow(2)});
        if serde_json::from_str::<Value>(line).ok().as_ref() != Some(&right) {
            let because =
                "an answer is wrong: it needs the id of its task and the square of its number";
            return Err(Red::new(line.trim_end(), because).wanted(right.to_string()));
        }
    }
    if most_pieces > 1 {
        let measured = format!("an answer in {most_pieces} pieces");
        let because =
            "each piece is a write of its own, and lines of other threads may come between";
        return Err(Red::new(measured, because));
    }
    Ok(format!("{N} answers, each before the next line, each in one write"))
}
