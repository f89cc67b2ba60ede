//! How far the wall times of a run's rounds spread: a mark for each round, in text and on the page.

use std::fmt::Write as _;

use crate::report::{Run, count};

/// Width of the marks in text. The shortest time is on the left, the longest on the right.
const COLUMNS: usize = 24;

/// Words, and marks of [`COLUMNS`] and a border with `blocks` from empty to full; `None` for a run that was
/// not repeated.
pub fn line(run: &Run, time: fn(f64) -> String, blocks: [char; 9]) -> Option<[String; 2]> {
    ends(run)?;
    let mut counts = [0; COLUMNS];
    for &ms in &run.rounds_ms {
        counts[(place(run, ms) * (COLUMNS - 1) as f64).round() as usize] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or(1);
    // Even a single round leaves a mark.
    let strip = counts.map(|count| blocks[usize::div_ceil(count * 8, highest)]);
    let strip: String = strip.iter().collect();
    Some([words(run, time)?, format!("|{strip}|")])
}

/// The same in HTML: words, and a picture that needs neither script nor style.
pub fn marks(run: &Run, time: fn(f64) -> String) -> String {
    let Some(words) = words(run, time) else { return String::new() };
    let mut marks = String::new();
    for &ms in &run.rounds_ms {
        // Not at the edges, where half of a mark would be cut off.
        let x = 1.0 + 98.0 * place(run, ms);
        let _ = write!(marks, "<line x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"1\" y2=\"11\"/>");
    }
    format!(
        "<p class=\"small soft\">{words}</p>\n\
         <svg class=\"rounds\" height=\"12\" role=\"img\" aria-label=\"{words}\" \
         stroke=\"currentColor\" stroke-width=\"2\" stroke-opacity=\"0.5\">{marks}</svg>\n"
    )
}

/// The median and the ends; and which round is shown if some lost tasks.
fn words(run: &Run, time: fn(f64) -> String) -> Option<String> {
    let (least, most) = ends(run)?;
    let rounds = run.rounds_ms.len();
    let median = run.rounds_ms[(rounds - 1) / 2];
    let (median, rounds) = (time(median), count(rounds, "round"));
    let lossy = match (run.lossy_rounds, run.round) {
        (1.., Some(shown)) => {
            format!("; tasks were lost in {}, of which round {shown} is shown", run.lossy_rounds)
        }
        _ => String::new(),
    };
    Some(format!("median {median} of {rounds}, {} to {}{lossy}", time(least), time(most)))
}

/// The shortest and the longest time.
fn ends(run: &Run) -> Option<(f64, f64)> {
    let times = || run.rounds_ms.iter().copied();
    Some((times().reduce(f64::min)?, times().reduce(f64::max)?))
}

/// Where `ms` is between the shortest time, 0, and the longest, 1.
fn place(run: &Run, ms: f64) -> f64 {
    match ends(run) {
        Some((least, most)) if most - least > 0.0 && (most - least).is_finite() => {
            ((ms - least) / (most - least)).clamp(0.0, 1.0)
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn rounds(ms: &[f64]) -> Run {
        Run { rounds_ms: ms.to_vec(), ..sample::run(&[]) }
    }

    #[test]
    fn every_round_leaves_a_mark() {
        let ascii = [' ', '.', ':', '-', '=', '+', '*', '%', '#'];
        let line = |ms: &[f64]| line(&rounds(ms), |ms| ms.to_string(), ascii);
        assert_eq!(line(&[]), None);
        let one = ["median 7 of 1 round, 7 to 7", "|#                       |"];
        assert_eq!(line(&[7.0]).unwrap(), one);
        assert_eq!(
            line(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.0, 23.0]).unwrap(),
            ["median 0 of 10 rounds, 0 to 23", "|#           .          .|"]
        );
        for garbage in [&[f64::MAX, f64::MIN, 0.0][..], &[f64::NAN, 1.0], &[f64::INFINITY]] {
            assert!(line(garbage).is_some());
        }
    }

    #[test]
    fn lossy_round_is_named() {
        let words = |run: &Run| words(run, |ms| ms.to_string()).unwrap();
        let lossy = Run { round: Some(7), lossy_rounds: 2, ..rounds(&[1.0, 2.0, 3.0]) };
        let told = "; tasks were lost in 2, of which round 7 is shown";
        assert_eq!(words(&lossy), format!("median 2 of 3 rounds, 1 to 3{told}"));
        assert_eq!(words(&Run { lossy_rounds: 0, ..lossy }), "median 2 of 3 rounds, 1 to 3");
    }

    #[test]
    fn page_has_a_mark_for_each_round() {
        let marks = |ms: &[f64]| marks(&rounds(ms), |ms| ms.to_string());
        assert_eq!(marks(&[]), "");
        let three = marks(&[10.0, 12.0, 20.0]);
        assert!(three.contains("<p class=\"small soft\">median 12 of 3 rounds, 10 to 20</p>"));
        for x in ["1.00%", "20.60%", "99.00%"] {
            assert!(three.contains(&format!("<line x1=\"{x}\"")), "{three}");
        }
        assert_eq!(three.matches("<line").count(), 3);
    }
}
