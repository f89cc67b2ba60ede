//! What the parent makes of whatever comes out of a worker: streams that were once written down, in
//! `corpus`, and thousands of mutations of them, the same each time.

use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

/// How many mutations are tried.
const ROUNDS: usize = 20_000;

/// What mutations put in, besides parts of other streams.
const WORDS: [&[u8]; 12] = [
    b"\n",
    b"\"",
    b"{",
    b"}",
    b"\\u",
    b"\xff",
    b"\0",
    b"1e999",
    b"-1",
    b"18446744073709551616",
    b"null",
    b"{\"task\":",
];

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        // Knuth's MMIX; its upper bits are the better ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> =
        directory.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut stream = corpus[dice.throw(corpus.len())].clone();
    for _ in 0..=dice.throw(4) {
        let at = dice.throw(stream.len() + 1);
        let end = at + dice.throw((stream.len() - at).min(40) + 1);
        let put: Vec<u8> = match dice.throw(4) {
            0 => Vec::new(),
            1 => WORDS[dice.throw(WORDS.len())].to_vec(),
            2 => vec![dice.throw(256) as u8],
            _ => {
                let other = &corpus[dice.throw(corpus.len())];
                let from = dice.throw(other.len());
                other[from..].to_vec()
            }
        };
        stream.splice(at..end, put);
    }
    stream
}

fn any_worker() -> Worker {
    // Any process will do: what it says is not heard.
    let mut this = Command::new(std::env::current_exe().unwrap());
    let child = this.arg("--list").stdout(Stdio::piped()).spawn().unwrap();
    Worker::new("Worker-1".into(), child, Show::Nothing).unwrap()
}

/// Task 3, asked at 10 ms.
fn asked() -> Asked {
    Asked { id: 3, at_ms: 10.0, allowed: Duration::ZERO, deadline: Instant::now() }
}

/// Would be wrong: a worker that is told to end, and does not get to know.
#[test]
#[cfg(unix)]
fn a_worker_ends_with_its_stdin() {
    let mut cat = Command::new("cat");
    let cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut worker = Worker::new("cat".into(), cat.unwrap(), Show::Nothing).unwrap();
    worker.close();
    let end = worker.answers.recv_timeout(Duration::from_secs(60));
    assert!(matches!(end, Err(RecvTimeoutError::Disconnected)));
}

/// Would be wrong: a task that is drawn at another time or for longer than it took, or that ended
/// before it was asked for.
#[test]
fn a_task_ended_when_its_answer_came_and_took_as_long_as_the_worker_says() {
    let mut worker = any_worker();
    let mut span = |took: [f64; 2], came_ms| {
        let task = Task { start_ms: took[0], end_ms: took[1], ..Task::failed(3, "") };
        let answer = Answer { task, peak_rss_kib: None };
        let task = worker.check(answer, came_ms, &asked())?;
        Ok::<_, String>((task.start_ms, task.end_ms))
    };
    assert_eq!(span([5.0, 9.0], 20.0), Ok((16.0, 20.0)));
    assert_eq!(span([5.0, 90.0], 20.0), Ok((10.0, 20.0)));
    assert_eq!(span([9.0, 5.0], 20.0), Ok((20.0, 20.0)));
    assert_eq!(span([5.0, 9.0], 10.0), Ok((10.0, 10.0)));
    let early = span([5.0, 9.0], 9.5).unwrap_err();
    assert_eq!(early, "its worker answered before it was asked");
}

/// Would be wrong: a stream that makes us panic or read for ever, an answer that nobody gave, one that
/// is credited to another task, or times that a picture cannot show.
#[test]
fn whatever_a_worker_says_is_an_answer_to_its_task_or_none() {
    let (mut worker, asked) = (any_worker(), asked());
    let corpus = corpus();
    assert!(corpus.len() >= 9);
    let mut dice = Dice(7);
    let mut answers = 0;
    let rounds = (0..ROUNDS).map(|_| mutated(&corpus, &mut dice)).collect::<Vec<_>>();
    for stream in corpus.iter().chain(&rounds) {
        let newlines = stream.iter().filter(|&&byte| byte == b'\n').count();
        let mut rest = &stream[..];
        for line in 0.. {
            let Some(said) = read(&mut rest) else { break };
            assert!(line < newlines, "an answer without its newline");
            let Ok(answer) = said else { continue };
            let id = answer.task.id;
            match worker.check(answer, 20.0, &asked) {
                Ok(task) => {
                    assert!(id == 3 && task.id == 3);
                    assert!(
                        10.0 <= task.start_ms
                            && task.start_ms <= task.end_ms
                            && task.end_ms == 20.0
                    );
                    answers += 1;
                }
                Err(why) => assert_eq!(why, format!("its worker answered for task {id}")),
            }
        }
    }
    assert!(
        answers > ROUNDS / 100,
        "only {answers} answers: the mutations are too wild to test much"
    );
}

/// Would be wrong: a line that is cut where it may be longest, and whose halves are two lines.
#[test]
fn a_line_may_be_a_mebibyte_long_and_no_longer() {
    let line = |length: usize| {
        let mut line = vec![b' '; length - 1];
        line.push(b'\n');
        line
    };
    let why = |bytes: Vec<u8>| read(&mut &bytes[..]).unwrap().err().unwrap();
    assert!(why(line(1 << 20)).contains("something else"));
    assert_eq!(why(line((1 << 20) + 1)), "its worker's answer is longer than 1 MiB");
}
