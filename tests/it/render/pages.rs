//! `--html`: what a browser makes of the page.

use serde_json::{Value, json};
use shared::render::html;
use shared::report::{Figure, Finding, Outcome, Point, Scale, Task};

use crate::support::browser::{self, Seen};
use crate::support::demo::DEMOS;
use crate::support::pictures::{pictures, report_of};

/// Opens a page that must cause no error and make no request.
pub fn ask(name: &str, page: &str, question: &str) -> Option<Value> {
    let Seen { answer, console, requests } = browser::ask(name, page, question)?;
    assert_eq!(console, [""; 0], "{name}");
    assert_eq!(requests, [""; 0], "{name}");
    Some(answer)
}

#[test]
fn page_shows_tasks_verdicts_and_pictures() {
    let question = r#"({
        ids: [...document.querySelectorAll(".run")].map((run) => [run.dataset.run,
            [...run.querySelectorAll("[data-task]")].map((bar) => +bar.dataset.task)]),
        findings: [...document.querySelectorAll(".finding")].map((finding) =>
            [finding.dataset.claim, finding.dataset.verdict, finding.textContent]),
        pictures: [...document.images].map((image) => [image.naturalWidth, image.naturalHeight]),
    })"#;
    for name in DEMOS {
        let (page, _, report) = pictures(name, &["-n", "6", "--workers", "2"]);
        let Some(seen) = ask(&format!("shows-{name}"), &page, question) else {
            return;
        };
        let lesson = &report.lessons[0];
        assert_eq!(seen["ids"].as_array().unwrap().len(), lesson.runs.len());
        for (run, seen) in lesson.runs.iter().zip(seen["ids"].as_array().unwrap()) {
            let mut ids: Vec<usize> = serde_json::from_value(seen[1].clone()).unwrap();
            ids.sort();
            assert_eq!((seen[0].as_str(), ids), (Some(&*run.model), (0..6).collect()));
        }
        let findings = seen["findings"].as_array().unwrap();
        assert_eq!(findings.len(), lesson.findings.len());
        for (finding, seen) in lesson.findings.iter().zip(findings) {
            let verdict = serde_json::to_value(finding.verdict).unwrap();
            assert_eq!((&seen[0], &seen[1]), (&json!(finding.claim), &verdict));
            for text in [&finding.says, &finding.because] {
                assert!(seen[2].as_str().unwrap().contains(text), "{seen}");
            }
        }
        let drawn = lesson.picture.iter().map(|_| [9, 6]).collect::<Vec<_>>();
        assert_eq!(seen["pictures"], json!(drawn), "{name}");
        assert_eq!(lesson.picture.is_some(), name == "cpu-bound-demo");
    }
}

#[test]
fn bars_overlap_where_tasks_did() {
    let words = ["-n", "4", "--workers", "2", "--delay", "300ms"];
    let (page, _, report) = pictures("threads-demo", &words);
    let question = r#"[...document.querySelectorAll(".run")].map((run) =>
        Object.fromEntries([...run.querySelectorAll("[data-task]")].map((bar) => {
            const { left, right, top } = bar.getBoundingClientRect();
            return [bar.dataset.task, [left, right, top]];
        })))"#;
    let Some(seen) = ask("overlap", &page, question) else {
        return;
    };
    let (mut scales, mut zeros) = (Vec::new(), Vec::new());
    for (run, bars) in report.lessons[0].runs.iter().zip(seen.as_array().unwrap()) {
        let bar = |task: &Task| {
            let edge = |at: usize| bars[task.id.to_string()][at].as_f64().unwrap();
            (edge(0), edge(1), edge(2))
        };
        let mut overlaps = 0;
        for (place, a) in run.tasks.iter().enumerate() {
            let (left, right, _) = bar(a);
            scales.push((right - left) / (a.end_ms - a.start_ms));
            zeros.push(left - a.start_ms * scales[0]);
            for b in &run.tasks[..place] {
                // Bars that touch may share a pixel.
                let shared = right.min(bar(b).1) - left.max(bar(b).0) > 1.0;
                let at_once = a.end_ms.min(b.end_ms) - a.start_ms.max(b.start_ms);
                if at_once.abs() * scales[0] > 2.0 {
                    assert_eq!(shared, at_once > 0.0, "{}: {} and {}", run.model, a.id, b.id);
                }
                assert!(!shared || bar(a).2 != bar(b).2, "a bar on top of another");
                overlaps += usize::from(shared);
            }
        }
        assert_eq!(overlaps == 0, run.model == "sequential", "{}", run.model);
    }
    let spread = |values: &[f64]| {
        let most = values.iter().copied().fold(f64::MIN, f64::max);
        most - values.iter().copied().fold(f64::MAX, f64::min)
    };
    assert!(spread(&scales) < 0.01, "pixels in a millisecond: {scales:?}");
    assert!(spread(&zeros) < 1.5, "where time begins: {zeros:?}");
}

#[test]
fn keyboard_and_tables_reach_every_figure() {
    let question = r#"(() => {
        const stops = [...document.querySelectorAll("svg [tabindex='0']")];
        const told = () => {
            const here = document.activeElement;
            // A window without the focus does not send this event.
            if (!document.hasFocus()) here.dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
            return here.getAttribute("aria-label");
        };
        const press = (key) => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        const heard = [];
        stops[0].focus();
        heard.push(told());
        for (const key of ["ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"]) {
            press(key);
            heard.push(told());
        }
        const shown = document.querySelector(".told").textContent;
        document.querySelectorAll("details").forEach((one) => one.dispatchEvent(new Event("toggle")));
        return {
            stops: stops.length, heard, shown,
            rows: [...document.querySelectorAll("table")].map((table) => table.rows.length),
            label: document.querySelector(".run svg").getAttribute("aria-label"),
            language: document.documentElement.lang,
        };
    })()"#;
    let page = html::page(&report_of(5, 5));
    let Some(seen) = ask("keyboard", &page, question) else {
        return;
    };
    assert_eq!(seen["stops"], 1, "Tab stops once in a picture");
    let heard = seen["heard"].as_array().unwrap();
    let expected = [0, 1, 4, 4, 3, 0];
    assert_eq!(heard.len(), expected.len());
    for (heard, id) in heard.iter().zip(expected) {
        let heard = heard.as_str().unwrap();
        assert!(heard.starts_with(&format!("task {id} · process 4711, main")), "{heard}");
        assert!(heard.contains("99.1 ms waiting · status 200"), "{heard}");
    }
    assert_eq!(seen["shown"], heard[5]);
    // The table of runs and the table of tasks, each with its heading.
    assert_eq!(seen["rows"], json!([2, 6]));
    assert!(seen["label"].as_str().unwrap().contains("5 tasks, at most 5 at once"));
    assert_eq!(seen["language"], "en");
}

#[test]
fn waiting_is_told_from_computing() {
    let kinds = |cpu_ms: Option<f64>, status: Option<u16>| {
        let mut report = report_of(2, 1);
        let lesson = &mut report.lessons[0];
        lesson.settings.url = status.map(|_| "http://127.0.0.1:1/".into());
        let run = &mut lesson.runs[0];
        run.cpu_ms = cpu_ms;
        run.tasks.iter_mut().for_each(|task| task.status = status);
        run.tasks[1].outcome = Outcome::TimedOut;
        html::page(&report)
    };
    // On a busy machine, tasks with nothing to wait for use little CPU time.
    let mut computing = report_of(2, 1);
    let lesson = &mut computing.lessons[0];
    (lesson.settings.url, lesson.settings.delay_ms) = (None, None);
    lesson.runs[0].cpu_ms = Some(0.5);
    lesson.runs[0].tasks.iter_mut().for_each(|task| task.status = None);
    let kind = |page: String, kind: &str| page.contains(&format!(",\"{kind}\","));
    assert!(kind(kinds(Some(0.5), Some(200)), "waiting"));
    assert!(kind(kinds(Some(0.5), None), "waiting"));
    assert!(kind(kinds(Some(198.0), None), "computing"));
    assert!(kind(html::page(&computing), "computing"));
    assert!(kind(kinds(None, None), "computing"));
    assert!(kind(kinds(None, Some(200)), "timed out"));
}

#[test]
fn figures_become_curves_or_bars() {
    let mut report = report_of(1, 1);
    let mut curve = Figure::new("Speed", "times", Scale::Linear);
    for threads in 1..=4 {
        curve = curve.point(threads, f64::from(threads), f64::from(threads));
    }
    // The prediction goes on, to its limit.
    curve = curve.point(64, None, 60.0).limit(64.0);
    let bars = Figure::new("Cost", "us", Scale::Logarithmic)
        .point("task", 1.0, None)
        .point("thread", 100.0, None)
        .point("process", 10_000.0, None);
    let mut busy = Figure::new("Busy", "ms", Scale::Linear).point("unknown", None, None);
    busy.points.push(Point { label: "0".into(), measured: Some(0.0), predicted: None });
    report.lessons[0].figures = vec![curve, bars, busy];
    let question = r#"[...document.querySelectorAll("[data-figure]")].map((figure) => ({
        dots: [...figure.querySelectorAll("circle")].map((dot) => dot.dataset.point),
        predicted: figure.querySelectorAll(".plot .predicted").length,
        limits: figure.querySelectorAll(".plot .limit").length,
        labels: [...figure.querySelectorAll(".plot [text-anchor=middle]")].map((label) =>
            [label.textContent, label.getBoundingClientRect().left]),
        widths: [...figure.querySelectorAll("rect")].map((bar) => bar.getBoundingClientRect().width),
    }))"#;
    let Some(seen) = ask("figures", &html::page(&report), question) else {
        return;
    };
    assert_eq!(seen[0]["dots"], json!(["1", "2", "3", "4"]));
    assert_eq!(seen[0]["predicted"], 4, "lines from point to point");
    assert_eq!((&seen[0]["limits"], &seen[1]["limits"]), (&json!(1), &json!(0)));
    let label = |at: usize| (&seen[0]["labels"][at][0], seen[0]["labels"][at][1].as_f64().unwrap());
    assert!(
        label(4).0 == "64" && label(2).1 - label(0).1 > 50.0,
        "{seen}: the small ones need room"
    );
    let widths: Vec<f64> = serde_json::from_value(seen[1]["widths"].clone()).unwrap();
    // From 0.1: one power of ten, three, five.
    for (width, powers) in widths.iter().zip([1.0, 3.0, 5.0]) {
        assert!((width / widths[0] - powers).abs() < 0.05, "{widths:?}");
    }
    assert_eq!(seen[2]["widths"], json!([0, 0]));
}

#[test]
fn law_goes_on_to_64_threads() {
    let (page, _, report) = pictures("cpu-bound-demo", &["amdahl", "-n", "8"]);
    let figure = &report.lessons[0].figures[0];
    assert_eq!(figure.limit, Some(4.0));
    assert!(figure.points[0].measured.is_some());
    let last = figure.points.last().unwrap();
    // Two serial tasks, and a round for the other six.
    assert_eq!((&*last.label, last.measured, last.predicted), ("64", None, Some(8.0 / 3.0)));
    assert!(page.contains("times, limit 4</span>"));
}

#[test]
fn computing_async_run_is_one_row() {
    let (page, _, report) = pictures("cpu-bound-demo", &["-n", "12", "--workers", "2"]);
    let question = r#"[...document.querySelectorAll(".run")].map((run) => [run.dataset.run,
        new Set([...run.querySelectorAll("[data-task]")].map((bar) => bar.getAttribute("y"))).size,
        run.querySelector(".head + p").textContent])"#;
    let Some(seen) = ask("async-row", &page, question) else {
        return;
    };
    let runs = seen.as_array().unwrap();
    assert_eq!(runs.len(), report.lessons[0].runs.len());
    for model in ["sequential", "async"] {
        let run = runs.iter().find(|run| run[0] == model).unwrap();
        assert_eq!(run[1], 1, "{run}");
        assert!(run[2].as_str().unwrap().starts_with("12 tasks on 1 thread, one at a time; "));
    }
}

/// A foreign policy forbids the page's style and script, but not this question.
#[test]
fn words_are_read_without_script() {
    let (page, _, report) = pictures("cpu-bound-demo", &["amdahl", "-n", "8"]);
    let page = page.replace("<style nonce", "<style data-nonce");
    let page = page.replace("<script nonce", "<script data-nonce");
    let question = r#"(() => {
        document.querySelectorAll("details").forEach((one) => one.open = true);
        return [document.body.innerText, document.querySelectorAll("svg").length];
    })()"#;
    let Some(Seen { answer, .. }) = browser::ask("words", &page, question) else {
        return;
    };
    let (words, lesson) = (answer[0].as_str().unwrap(), &report.lessons[0]);
    assert_eq!(answer[1], 0);
    let mut expected = vec!["The pictures are missing", &report.demo, &lesson.name, &lesson.about];
    expected.extend(lesson.runs.iter().map(|run| &*run.model));
    expected.extend(lesson.figures.iter().map(|figure| &*figure.name));
    for finding in &lesson.findings {
        let Finding { claim, says, predicted, measured, because, .. } = finding;
        expected.extend([claim, says, predicted, measured, because].map(String::as_str));
    }
    let points = lesson.figures.iter().flat_map(|figure| &figure.points);
    let numbers = points.flat_map(|point| [point.measured, point.predicted]).flatten();
    let numbers = numbers.chain(lesson.runs.iter().map(|run| run.wall_ms));
    let numbers: Vec<String> =
        numbers.map(|number| ((number * 1000.0).round() / 1000.0).to_string()).collect();
    expected.extend(numbers.iter().map(String::as_str));
    assert!(expected.len() > 25, "{expected:?}");
    for text in expected {
        assert!(words.contains(text), "{text:?} is missing:\n{words}");
    }
}

/// A browser of 2021.
#[test]
fn old_browser_draws_the_pictures() {
    let newer = r#"
        delete Map.groupBy;
        delete Object.groupBy;
        delete Array.fromAsync;
        delete Promise.withResolvers;
        delete window.structuredClone;
        delete Object.hasOwn;
        for (const name of ["at", "findLast", "findLastIndex", "toSorted", "toReversed", "toSpliced", "with"])
            delete Array.prototype[name];
        for (const name of ["map", "filter", "take", "drop", "flatMap", "reduce", "toArray", "forEach",
            "some", "every", "find"]) delete Object.getPrototypeOf(Object.getPrototypeOf([].values()))[name];
        for (const name of ["union", "intersection", "difference", "isSubsetOf"]) delete Set.prototype[name];
        for (const name of ["at", "isWellFormed", "toWellFormed"]) delete String.prototype[name];"#;
    let (page, _, _) = pictures("process-demo", &["-n", "4", "--workers", "2"]);
    let nonce = page.split("<script nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let old = format!("<body><script nonce=\"{nonce}\">{newer}</script>");
    let question =
        r#"[document.querySelectorAll("[data-task]").length, Map.groupBy === undefined]"#;
    let Some(seen) = ask("old", &page.replace("<body>", &old), question) else {
        return;
    };
    assert_eq!(seen, json!([12, true]));
}

#[test]
fn ten_thousand_tasks_fit_the_page() {
    let small = html::page(&report_of(10, 10)).len();
    assert!(small < 60 << 10, "{small} bytes");
    let page = html::page(&report_of(10_000, 2_500));
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    let question = r#"({
        bars: document.querySelectorAll("[data-task]").length,
        rows: new Set([...document.querySelectorAll("[data-task]")].map((bar) => bar.getAttribute("y"))).size,
        height: document.querySelector(".run svg").getBoundingClientRect().height,
        over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    })"#;
    let Some(seen) = ask("many", &page, question) else {
        return;
    };
    assert_eq!((&seen["bars"], &seen["rows"]), (&json!(10_000), &json!(2_500)));
    assert!(seen["height"].as_f64().unwrap() < 500.0);
    assert_eq!(seen["over"], 0);
}
