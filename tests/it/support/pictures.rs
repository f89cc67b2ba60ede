//! Pages, traces and reports to draw.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::Value;
use shared::report::{LessonReport, Machine, Report, Run, Settings, Task, sample};

use super::demo::{demo, parse, run};
use super::workspace::scratch;

/// The page, the trace and the report of one start of the demo `name`.
pub fn pictures(name: &str, words: &[&str]) -> (String, Value, Report) {
    static STARTS: AtomicUsize = AtomicUsize::new(0);
    let directory = scratch(&format!("pictures {}", STARTS.fetch_add(1, Relaxed)));
    let [page, trace] = ["page.html", "trace.json"].map(|file| directory.join(file));
    let mut command = demo(name, words);
    command.arg("--html").arg(&page).arg("--trace").arg(&trace);
    let report = parse(&run(command.args(["--format", "json"])), 0);
    let page = fs::read_to_string(page).unwrap();
    let trace = serde_json::from_str(&fs::read_to_string(trace).unwrap()).unwrap();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
    (page, trace, report)
}

/// A report of one async run: `tasks` requests of 99.1 ms, `at_once` of them every 100 ms.
pub fn report_of(tasks: usize, at_once: usize) -> Report {
    let start_ms = |id: usize| (id / at_once) as f64 * 100.0;
    let spans: Vec<_> = (0..tasks).map(start_ms).map(|ms| (ms, ms + 99.123456789)).collect();
    let run = sample::run(&spans);
    let answered = |task: Task| Task { pid: 4711, status: Some(200), ..task };
    let answered = run.tasks.into_iter().map(answered).collect();
    let lesson = LessonReport {
        name: "notebook".into(),
        about: "Waits".into(),
        settings: Settings {
            tasks,
            url: Some("http://127.0.0.1:1/delay/100".into()),
            embedded: true,
            delay_ms: Some(100.0),
            workers: None,
        },
        runs: vec![Run {
            model: "async".into(),
            predicted_ms: Some(100.0),
            tasks: answered,
            ..run
        }],
        figures: Vec::new(),
        picture: None,
        findings: Vec::new(),
    };
    let machine =
        Machine { os: "linux".into(), cores: 2, cpu_quota: None, profile: "release".into() };
    Report { version: 1, demo: "a-demo".into(), machine, lessons: vec![lesson] }
}
