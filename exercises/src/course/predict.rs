//! 00: predictions, before any code.

use std::process::ExitCode;

use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};

pub const EXERCISE: Exercise = Exercise {
    name: "00_predict",
    about: "how long waits take, before any code",
    minutes: 5,
    starred: true,
    goal: "six right predictions",
    hints: [
        "Draw the waits as bars on a time line. Is it a stair or a block?",
        "One after the other: the sum. All at once: the longest. A pool of k: whole rounds of k. \
         Amdahl: the serial part takes as long as ever, the rest is divided among the cores.",
        "A pool: ___ rounds of 100 ms. Amdahl with 2 cores: 1 / (0.2 + 0.8 / ___).",
    ],
    stub: include_str!("../../stubs/00_predict.rs"),
    solution: include_str!("../../solutions/00_predict.rs"),
};

/// What is asked, the right answer, its unit, and why it is right.
const ASKED: [(&str, f64, &str, &str); 6] = [
    ("ten waits in turn", 1000.0, "ms", "waits in turn add up: the sum"),
    ("ten waits in ten threads", 100.0, "ms", "waits at the same time take as long as one"),
    ("ten waits in a pool of 4", 300.0, "ms", "a pool works in whole rounds: 10 / 4, rounded up"),
    (
        "waits of 100, 200 and 300 ms together",
        300.0,
        "ms",
        "together they take as long as the longest",
    ),
    (
        "20 % serial, on 2 cores",
        5.0 / 3.0,
        "times as fast",
        "the serial fifth does not shrink; only the rest is halved",
    ),
    (
        "20 % serial, on any number of cores",
        5.0,
        "times as fast",
        "the serial fifth remains, however fast the rest is",
    ),
];

/// Judges the learner's predictions: four times in milliseconds, two factors.
#[track_caller]
pub fn main(times_ms: [u32; 4], factors: [f64; 2]) -> ExitCode {
    let predicted = times_ms.into_iter().map(f64::from).chain(factors);
    // As text, because JSON has no infinity.
    let predicted = predicted.map(|number| number.to_string()).collect::<Vec<_>>();
    judge::run(&EXERCISE, || predicted, verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    let predicted: Vec<String> = seen.returned()?;
    for ((what, right, unit, because), predicted) in ASKED.into_iter().zip(predicted) {
        // 1.67 may be rounded to 1.7.
        let is_right = predicted.parse().is_ok_and(|number: f64| (number - right).abs() < 0.04);
        if !is_right {
            return Err(Red::new(format!("you predict {predicted} {unit}"), because).wanted(what));
        }
    }
    Ok("six of six predictions".into())
}
