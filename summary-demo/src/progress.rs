//! What happens at the moment and how long it still takes, on stderr if that is a terminal.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use shared::report::count;

/// What lessons took in seconds on two cores, if it was much more than one.
const LONG: [(&str, f64); 7] = [
    ("threads-demo/gate", 3.0),
    ("async-demo/sessions", 2.0),
    ("async-demo/blocking-call", 2.0),
    ("async-demo/scale", 8.0),
    ("async-demo/cost", 6.0),
    ("cpu-bound-demo/gil", 7.0),
    ("cpu-bound-demo/notebook", 4.0),
];

pub struct Progress {
    bar: ProgressBar,
    /// When the first lesson began.
    begin: Instant,
    /// The names of all lessons, `demo/lesson`.
    lessons: Vec<String>,
    /// How often each runs.
    rounds: u32,
    begun: usize,
}

impl Progress {
    pub fn new() -> Progress {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        bar.set_message("building");
        Progress { bar, begin: Instant::now(), lessons: Vec::new(), rounds: 1, begun: 0 }
    }

    /// These demos are not built yet.
    pub fn builds(&self, left: &[&str]) {
        if let Some(next) = left.first() {
            self.bar.set_message(format!("building {next}, {} left", count(left.len(), "demo")));
        }
    }

    /// These lessons will run, each so many `rounds`.
    pub fn plan(&mut self, lessons: Vec<String>, rounds: u32) {
        (self.lessons, self.rounds, self.begin) = (lessons, rounds, Instant::now());
    }

    /// The next lesson begins.
    pub fn next(&mut self) {
        let (done, left) = self.lessons.split_at(self.begun.min(self.lessons.len()));
        let Some(lesson) = left.first() else { return };
        let left_s = left_s(done, left, self.begin.elapsed().as_secs_f64(), self.rounds);
        let (number, all) = (self.begun + 1, self.lessons.len());
        self.bar.set_message(format!("{lesson}, {number} of {all}, about {left_s} s left"));
        self.begun += 1;
    }

    /// Prints something above the progress.
    pub fn above(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The time that these lessons will take, in steps of five seconds: what they usually take, on a machine
/// that needed so many seconds for those that are done.
fn left_s(done: &[String], left: &[String], elapsed_s: f64, rounds: u32) -> u64 {
    let usual_s = |lessons: &[String]| -> f64 {
        let long = |name: &String| LONG.iter().find(|(long, _)| long == name);
        lessons.iter().map(|name| long(name).map_or(0.8, |(_, seconds)| *seconds)).sum()
    };
    // As if a few seconds had gone as usual before: the first lessons alone say little.
    const BEFORE_S: f64 = 5.0;
    let pace = (elapsed_s + BEFORE_S * f64::from(rounds)) / (usual_s(done) + BEFORE_S);
    (usual_s(left) * pace / 5.0).ceil() as u64 * 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_this_machines_pace() {
        let lessons = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let (done, left): (Vec<_>, Vec<_>) =
            (lessons(&["async-demo/scale"]), lessons(&["async-demo/cost", "async-demo/lazy"]));
        let left_after = |elapsed_s: f64| left_s(&done, &left, elapsed_s, 1);
        assert_eq!([1.0, 8.0, 34.0].map(left_after), [5, 10, 25]);
        assert_eq!([1, 10].map(|rounds| left_s(&[], &left, 0.0, rounds)), [10, 70]);
    }
}
