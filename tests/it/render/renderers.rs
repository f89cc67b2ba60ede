//! Reports that no run would give, read and drawn: real ones from `corpus` with numbers, words and
//! lists in them changed.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use shared::render::columns::width;
use shared::render::{html, summary, text, trace};
use shared::report::{Report, rounds};

/// How many reports are drawn.
const CASES: u32 = 3_000;

const NUMBERS: [f64; 12] =
    [0.0, -0.0, 1.0, -1.0, 0.1, 1e-300, 1e15, 1e300, -1e308, 1e308, f64::MAX, f64::MIN_POSITIVE];

const WORDS: [&str; 9] = [
    "",
    " ",
    "\u{1b}[44mblue",
    "<script>alert(1)</script>",
    "a\r\nb\tc",
    "\u{202e}reversed",
    "яндекс 漢字 🦀",
    "threads",
    "holds",
];

/// A change of one value of a report, or of one list.
#[derive(Debug, Clone)]
enum Change {
    Text(Index, String),
    Number(Index, f64),
    Count(Index, u64),
    Lengthen(Index),
    Clear(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let words = (select(&WORDS[..]), 1..60usize).prop_map(|(word, times)| word.repeat(times));
    let words = prop_oneof![words, any::<String>()];
    // Eighths, since other numbers that are read back from JSON may differ in their last bit.
    let eighths = any::<i32>().prop_map(|number| f64::from(number) / 8.0);
    let numbers = prop_oneof![select(&NUMBERS[..]), eighths];
    let counts = prop_oneof![select(&[0, 1, 1000, u64::MAX][..]), any::<u64>()];
    prop_oneof![
        4 => (any::<Index>(), words).prop_map(|(place, word)| Change::Text(place, word)),
        4 => (any::<Index>(), numbers).prop_map(|(place, number)| Change::Number(place, number)),
        2 => (any::<Index>(), counts).prop_map(|(place, count)| Change::Count(place, count)),
        1 => any::<Index>().prop_map(Change::Lengthen),
        1 => any::<Index>().prop_map(Change::Clear),
    ]
}

impl Change {
    fn apply(&self, document: &mut Value) {
        match self {
            Change::Text(place, word) => set(document, place, Value::is_string, word.as_str()),
            Change::Number(place, number) => set(document, place, Value::is_f64, *number),
            Change::Count(place, count) => set(document, place, Value::is_u64, *count),
            Change::Lengthen(place) => {
                let mut lists = lists(document);
                let list = place.get_mut(&mut lists);
                if let Some(last) = list.last().cloned() {
                    list.resize(list.len() + 30, last);
                }
            }
            Change::Clear(place) => {
                let mut lists = lists(document);
                place.get_mut(&mut lists).clear();
            }
        }
    }
}

/// Replaces one of the values of this kind.
fn set(document: &mut Value, place: &Index, kind: fn(&Value) -> bool, value: impl Into<Value>) {
    let mut leaves = leaves(document);
    leaves.retain(|leaf| kind(leaf));
    if !leaves.is_empty() {
        **place.get_mut(&mut leaves) = value.into();
    }
}

/// All numbers, words and the like in a document.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(values) => values.iter_mut().flat_map(leaves).collect(),
        Value::Object(values) => values.values_mut().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

/// The lists of tasks, figures and findings.
fn lists(value: &mut Value) -> Vec<&mut Vec<Value>> {
    let mut found = Vec::new();
    match value {
        Value::Array(values) => found.extend(values.iter_mut().flat_map(lists)),
        Value::Object(values) => {
            for (name, value) in values {
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

/// Reports that were once printed.
fn corpus() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files = directory.read_dir().unwrap().map(|file| file.unwrap().path());
    let corpus: Vec<Value> = files
        .map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap())
        .collect();
    assert!(corpus.len() >= 5);
    corpus
}

/// Text without the styles of this program, and only those: bold, dimmed, inverted, five colours, reset.
fn uncoloured(text: &str) -> String {
    ["1", "2", "7", "31", "32", "33", "35", "36", "0"]
        .iter()
        .fold(text.into(), |text: String, code| text.replace(&format!("\u{1b}[{code}m"), ""))
}

/// Draws the report in every way. The text has no other codes and keeps to the columns, the page has no markup
/// of the report, the trace is JSON, and the report can be written and read again.
fn draw(report: &Report, columns: usize) {
    let written = serde_json::to_string(report).unwrap();
    let again: Report = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
    let trace: Value = serde_json::from_str(&trace::document(report)).unwrap();
    assert!(trace.is_object() || trace.is_array());
    let report = &rounds::merge_all(report);
    let mut drawings = Vec::new();
    for lesson in &report.lessons {
        drawings.push(text::heading(&report.demo, &lesson.name, &lesson.about, columns));
        for verbose in [false, true] {
            drawings.push(summary::text(&report.lessons, lesson, verbose, columns));
            drawings.push(text::lesson(lesson, &report.machine, verbose, columns));
        }
    }
    let drawings: Vec<String> = drawings.iter().map(|drawing| uncoloured(drawing)).collect();
    for line in drawings.iter().flat_map(|drawing| drawing.split('\n')) {
        assert!(width(line) <= columns, "{columns} columns: {line:?}");
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
    let page = html::page(report);
    for bad in ["<script>alert", "\u{1b}", "\u{202e}"] {
        assert!(!page.contains(bad), "{bad:?} in the page");
    }
}

#[test]
fn changed_reports_are_drawn_safely() {
    for document in corpus() {
        draw(&serde_json::from_value(document).unwrap(), 80);
    }
    let cases = (select(corpus()), vec(change(), 1..5), 20..=200usize);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let drawn = Cell::new(0);
    let draw_case = |(mut document, changes, columns): (Value, Vec<Change>, usize)| {
        changes.iter().for_each(|change| change.apply(&mut document));
        // A changed outcome, verdict or scale makes it no report.
        if let Ok(report) = serde_json::from_value::<Report>(document) {
            draw(&report, columns);
            drawn.set(drawn.get() + 1);
        }
        Ok(())
    };
    TestRunner::new(config).run(&cases, draw_case).unwrap();
    assert!(drawn.get() > CASES / 2, "only {} of {CASES} are reports", drawn.get());
}
