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

/// Judges the learner's predictions: four times in milliseconds, two factors.
#[track_caller]
pub fn main(times_ms: [u32; 4], factors: [f64; 2]) -> ExitCode {
    judge::run(&EXERCISE, || (times_ms, factors), verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    let ([in_turn, threads, pool, together], [on_2, on_many]): ([u32; 4], [f64; 2]) =
        seen.returned()?;
    let near = |value: f64, right: f64| (value - right).abs() < 0.01;
    let times = [
        (in_turn == 1000, "ten waits in turn", in_turn, "waits in turn add up: the sum"),
        (
            threads == 100,
            "ten waits in ten threads",
            threads,
            "waits at the same time take as long as one",
        ),
        (
            pool == 300,
            "ten waits in a pool of 4",
            pool,
            "a pool works in whole rounds: 10 / 4, rounded up",
        ),
        (
            together == 300,
            "waits of 100, 200 and 300 ms together",
            together,
            "together they take as long as the longest",
        ),
    ];
    let factors = [
        (
            near(on_2, 5.0 / 3.0),
            "20 % serial, on 2 cores",
            on_2,
            "the serial fifth does not shrink; only the rest is halved",
        ),
        (
            near(on_many, 5.0),
            "20 % serial, on any number of cores",
            on_many,
            "the serial fifth remains, however fast the rest is",
        ),
    ];
    let times = times.map(|(right, what, ms, because)| (right, what, format!("{ms} ms"), because));
    let factors = factors.map(|(right, what, factor, because)| {
        (right, what, format!("{factor} times as fast"), because)
    });
    for (right, what, predicted, because) in times.into_iter().chain(factors) {
        if !right {
            return Err(Red::new(format!("you predict {predicted}"), because).wanted(what));
        }
    }
    Ok("six of six predictions".into())
}
