//! The parent's view of whatever a worker writes: recorded streams (`pool/corpus`), and thousands of
//! mutations of them.

use std::cell::Cell;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

use super::*;

const CASES: u32 = 4_000;

/// What mutations insert, besides single bytes and parts of other streams.
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

fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pool/corpus");
    let files = directory.read_dir().unwrap();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// A stream of the corpus, in which up to four pieces are replaced.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let tail = (select(corpus()), any::<Index>());
    let insert = prop_oneof![
        Just(Vec::new()),
        select(&WORDS[..]).prop_map(<[u8]>::to_vec),
        any::<u8>().prop_map(|byte| vec![byte]),
        tail.prop_map(|(stream, from)| stream[from.index(stream.len())..].to_vec()),
    ];
    let mutations = prop::collection::vec((any::<Index>(), 0..40usize, insert), 0..=4);
    (select(corpus()), mutations).prop_map(|(mut stream, mutations)| {
        for (at, length, insert) in mutations {
            let at = at.index(stream.len() + 1);
            let end = (at + length).min(stream.len());
            stream.splice(at..end, insert);
        }
        stream
    })
}

/// Task 3, asked at 10 ms.
fn asked() -> Asked {
    Asked { id: 3, at_ms: 10.0, allowed: Duration::ZERO, deadline: Instant::now() }
}

#[test]
fn only_whole_answers_for_the_task_count() {
    let (asked, accepted) = (asked(), Cell::new(0));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let result = TestRunner::new(config).run(&mutated(), |stream| {
        let newlines = stream.iter().filter(|&&byte| byte == b'\n').count();
        let answers: Vec<Line> = lines(&mut &stream[..], "an answer").collect();
        prop_assert!(answers.len() <= newlines, "an answer without its newline");
        for task in answers.into_iter().filter_map(|line| line.message.ok()).map(|a| a.task) {
            let id = task.id;
            match asked.check(task, 20.0) {
                Ok(task) => {
                    prop_assert!(id == 3 && task.id == 3);
                    prop_assert!(10.0 <= task.start_ms && task.start_ms <= 20.0);
                    prop_assert_eq!(task.end_ms, 20.0);
                    accepted.set(accepted.get() + 1);
                }
                Err(why) => prop_assert_eq!(why, format!("worker answered for task {id}")),
            }
        }
        Ok(())
    });
    result.unwrap();
    assert!(accepted.get() > CASES / 100, "the mutations are too wild: {accepted:?} answers");
}

#[test]
fn span_is_laid_on_our_clock() {
    let span = |took: [f64; 2], came_ms| {
        let task = Task { start_ms: took[0], end_ms: took[1], ..Task::failed(3, "") };
        asked().check(task, came_ms).map(|task| [task.start_ms, task.end_ms])
    };
    for (took, came_ms, expected) in [
        ([5.0, 9.0], 20.0, [16.0, 20.0]),
        ([5.0, 90.0], 20.0, [10.0, 20.0]),
        ([9.0, 5.0], 20.0, [20.0, 20.0]),
        ([5.0, 9.0], 10.0, [10.0, 10.0]),
    ] {
        assert_eq!(span(took, came_ms), Ok(expected));
    }
    assert_eq!(span([5.0, 9.0], 9.5).unwrap_err(), "worker answered before it was asked");
}

#[test]
fn line_over_one_mebibyte_is_refused() {
    let why = |length: usize| {
        let line = [vec![b' '; length - 1], vec![b'\n']].concat();
        lines::<Answer>(&mut &line[..], "an answer").next().unwrap().message.err().unwrap()
    };
    assert!(why(1 << 20).contains("something else"));
    assert_eq!(why((1 << 20) + 1), "worker's answer is longer than 1 MiB");
}
