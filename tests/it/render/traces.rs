//! `--trace`: a trace in its format, with every task.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use shared::render::trace;

use crate::support::demo::DEMOS;
use crate::support::pictures::{pictures, report_of};

/// Checks a trace against the rules of its format, and returns its events by phase.
fn checked(trace: &Value) -> HashMap<String, Vec<&Value>> {
    let mut by_phase: HashMap<String, Vec<&Value>> = HashMap::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        let phase = event["ph"].as_str().unwrap();
        assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64());
        assert!(phase == "M" || event["ts"].as_f64().unwrap() >= 0.0, "{event}");
        by_phase.entry(phase.into()).or_default().push(event);
    }
    let thread = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
    let names =
        |what: &'static str| by_phase["M"].iter().filter(move |event| event["name"] == what);
    let threads: HashSet<_> = names("thread_name").map(|event| thread(event)).collect();
    let processes: HashSet<_> = names("process_name").map(|event| event["pid"].as_u64()).collect();
    assert_eq!(threads.len(), names("thread_name").count());
    assert_eq!(processes.len(), names("process_name").count());

    // Slices of one thread are apart or nested, and the file has the outer one first.
    let mut lanes: HashMap<_, Vec<(i64, i64)>> = HashMap::new();
    for slice in &by_phase["X"] {
        let nanoseconds = |field: &str| (slice[field].as_f64().unwrap() * 1000.0).round() as i64;
        assert!(nanoseconds("dur") >= 0, "{slice}");
        assert!(threads.contains(&thread(slice)) && processes.contains(&slice["pid"].as_u64()));
        let span = (nanoseconds("ts"), nanoseconds("ts") + nanoseconds("dur"));
        lanes.entry(thread(slice)).or_default().push(span);
    }
    for (lane, mut spans) in lanes {
        spans.sort_by_key(|&(start, _)| start); // Stable.
        let mut around: Vec<i64> = Vec::new();
        for (start, end) in spans {
            while around.last().is_some_and(|&outer| outer <= start) {
                around.pop();
            }
            assert!(around.last().is_none_or(|&outer| end <= outer), "overlap in {lane:?}");
            around.push(end);
        }
    }

    // Each begin has an end, later and of the same name.
    for (first, last) in [("b", "e"), ("s", "f")] {
        let all = |phase: &str| by_phase.get(phase).cloned().unwrap_or_default();
        let mut ends: HashMap<_, _> = all(last).iter().map(|&e| (e["id"].as_u64(), e)).collect();
        assert_eq!(ends.len(), all(last).len());
        for begin in all(first) {
            let end = ends.remove(&begin["id"].as_u64()).unwrap();
            assert_eq!((&begin["name"], &begin["cat"]), (&end["name"], &end["cat"]));
            assert!(begin["ts"].as_f64() <= end["ts"].as_f64());
        }
        assert!(ends.is_empty());
    }
    by_phase
}

#[test]
fn trace_keeps_its_formats_rules() {
    for name in DEMOS {
        let (_, trace, report) = pictures(name, &["-n", "6", "--workers", "2"]);
        let events = checked(&trace);
        let runs = &report.lessons[0].runs;
        let slices = events["X"].iter().chain(events.get("b").into_iter().flatten());
        let tasks: Vec<&&Value> = slices.filter(|event| event["args"]["task"].is_u64()).collect();
        assert_eq!(tasks.len(), runs.len() * 6, "{name}");
        // Microseconds here, milliseconds in the report.
        for run in runs {
            let slice = events["X"].iter().find(|event| event["name"] == run.model.as_str());
            let us = slice.unwrap()["dur"].as_f64().unwrap();
            assert!((us - run.wall_ms * 1000.0).abs() < 1.0, "{us} for {} ms", run.wall_ms);
        }
        let pids: HashSet<u32> =
            runs.iter().flat_map(|run| &run.tasks).map(|task| task.pid).collect();
        for pid in &pids {
            assert!(tasks.iter().any(|task| task["pid"] == *pid));
        }
        let status = &tasks[0]["args"]["status"];
        assert_eq!(status.is_null(), name == "cpu-bound-demo");
    }
}

#[test]
fn trace_shows_overlaps_and_workers() {
    let report = report_of(6, 3);
    let trace = serde_json::from_str(&trace::document(&report)).unwrap();
    let events = checked(&trace);
    assert_eq!((events["b"].len(), events["X"].len()), (6, 2), "the lesson and its run");
    assert!(!events.contains_key("s"));

    let (_, trace, report) = pictures("process-demo", &["-n", "4", "--workers", "2"]);
    let events = checked(&trace);
    let workers = &report.lessons[0].runs[1..];
    assert_eq!(events["s"].len(), workers.len() * 4, "an arrow to each task of a worker");
    let parent = report.lessons[0].runs[0].tasks[0].pid;
    assert!(events["s"].iter().all(|event| event["pid"] == parent));
    let reached: HashSet<u64> = events["f"].iter().map(|e| e["pid"].as_u64().unwrap()).collect();
    let pids = workers.iter().flat_map(|run| &run.tasks).map(|task| u64::from(task.pid));
    assert_eq!(reached, pids.collect());
    assert!(events["f"].iter().all(|event| event["bp"] == "e"));
}
