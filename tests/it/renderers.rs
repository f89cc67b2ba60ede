//! Reports that no run would give, read and drawn: some that were once printed, in `corpus`, with
//! numbers and words in them changed in thousands of ways, the same each time.

use std::fs;
use std::path::Path;

use serde_json::Value;
use shared::report::Report;
use shared::{html, text, trace};

use super::dice::Dice;

/// How many mutations are drawn.
const ROUNDS: usize = 4_000;

const NUMBERS: [f64; 12] =
    [0.0, -0.0, 1.0, -1.0, 0.1, 1e-300, 1e15, 1e300, -1e308, 1e308, f64::MAX, f64::MIN_POSITIVE];

const WORDS: [&str; 9] = [
    "",
    " ",
    "\u{1b}[31mred",
    "<script>alert(1)</script>",
    "a\r\nb\tc",
    "\u{202e}reversed",
    "яндекс 漢字 🦀",
    "threads",
    "holds",
];

fn corpus() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> =
        directory.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    files.iter().map(read).collect()
}

/// All numbers, words and the like in a document.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(values) => values.iter_mut().flat_map(leaves).collect(),
        Value::Object(values) => values.values_mut().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

/// Lists that may as well be longer or empty.
fn lists(value: &mut Value) -> Vec<&mut Vec<Value>> {
    let mut found = Vec::new();
    match value {
        Value::Array(values) => found.extend(values.iter_mut().flat_map(lists)),
        Value::Object(values) => {
            for (name, value) in values {
                // Those that hold more lists are looked into.
                if value.is_array() && !["lessons", "runs"].contains(&name.as_str()) {
                    found.extend(value.as_array_mut());
                } else {
                    found.extend(lists(value));
                }
            }
        }
        _ => {}
    }
    found
}

fn mutate(document: &mut Value, dice: &mut Dice) {
    for _ in 0..=dice.throw(3) {
        let mut leaves = leaves(document);
        let leaf = dice.throw(leaves.len() as u64) as usize;
        let leaf = &mut leaves[leaf];
        **leaf = match &**leaf {
            Value::String(_) => {
                let word = WORDS[dice.throw(9) as usize];
                word.repeat(1 + dice.throw(60) as usize).into()
            }
            Value::Number(number) if number.is_f64() => NUMBERS[dice.throw(12) as usize].into(),
            Value::Number(_) => [0, 1, 1000, u64::MAX][dice.throw(4) as usize].into(),
            other => other.clone(),
        };
    }
    if dice.throw(4) == 0 {
        let mut lists = lists(document);
        if !lists.is_empty() {
            let list = dice.throw(lists.len() as u64) as usize;
            let list = &mut lists[list];
            match list.last().cloned() {
                Some(last) if dice.throw(2) == 0 => list.resize(list.len() + 30, last),
                _ => list.clear(),
            }
        }
    }
}

/// Would be wrong: a report that makes a renderer panic, overflow its columns, or hand on what a
/// terminal would obey.
#[test]
fn whatever_is_in_a_report_its_text_is_plain_and_keeps_to_the_columns() {
    let corpus = corpus();
    assert!(corpus.len() >= 5);
    let mut dice = Dice(11);
    let mut drawn = 0;
    for round in 0..ROUNDS {
        let mut document = corpus[round % corpus.len()].clone();
        // The first of each as it is.
        if round >= corpus.len() {
            mutate(&mut document, &mut dice);
        }
        // Words where there is a choice of a few make it no report.
        let Ok(report) = serde_json::from_value::<Report>(document) else {
            continue;
        };
        drawn += 1;
        let columns = 20 + dice.throw(181) as usize;
        let mut drawings = vec![text::ledger(&report.lessons, columns)];
        for lesson in &report.lessons {
            drawings.push(text::heading(&report.demo, &lesson.name, &lesson.about, columns));
            drawings.push(text::lesson(lesson, &report.machine, columns));
        }
        for line in drawings.iter().flat_map(|drawing| drawing.split('\n')) {
            assert!(line.chars().count() <= columns, "round {round}, {columns} columns: {line:?}");
            let obeyed = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!line.contains(obeyed), "round {round}: {line:?}");
        }
        // In a page nothing of it is markup of its own.
        let page = html::page(&report);
        for bad in ["<script>alert", "\u{1b}", "\u{202e}"] {
            assert!(!page.contains(bad), "round {round}: {bad:?} in the page");
        }
        // A trace is JSON, so whatever is in it is inert.
        let trace: Value = serde_json::from_str(&trace::document(&report)).unwrap();
        assert!(trace.is_object() || trace.is_array(), "round {round}");
        // And it can be written and read again.
        let written = serde_json::to_string(&report).unwrap();
        let again: Report = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), written, "round {round}");
    }
    assert!(drawn > ROUNDS / 2, "only {drawn} of {ROUNDS} were reports");
}
