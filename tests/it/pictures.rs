//! `--html`: what a browser makes of the page. And what becomes of files that cannot be written.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::{Value, json};
use shared::child::End;
use shared::html;
use shared::report::{Figure, Lesson, Outcome, Point, Report, Run, Scale, Task};

use super::browser::{self, Seen};
use super::demo::{DEMOS, demo, parse, run, scratch};

/// Opens a page that must give no reason for an error and ask nobody for anything.
fn ask(name: &str, page: &str, question: &str) -> Option<Value> {
    let Seen { answer, console, requests } = browser::ask(name, page, question)?;
    assert_eq!(console, [""; 0], "{name}");
    assert_eq!(requests, [""; 0], "{name}");
    Some(answer)
}

/// The page, the trace and the report of one start of the demo `name`.
pub fn pictures(name: &str, words: &[&str]) -> (String, Value, Report) {
    static STARTS: AtomicUsize = AtomicUsize::new(0);
    let directory = scratch(&format!("pictures-{}", STARTS.fetch_add(1, Relaxed)));
    let [page, trace] = ["page.html", "trace.json"].map(|file| directory.join(file));
    let mut command = demo(name, words);
    command.arg("--html").arg(&page).arg("--trace").arg(&trace);
    let report = parse(&run(command.args(["--format", "json"])), 0);
    let page = fs::read_to_string(page).unwrap();
    let trace = serde_json::from_str(&fs::read_to_string(trace).unwrap()).unwrap();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
    (page, trace, report)
}

/// A report for a page: one run of `tasks`, `at_once` of them at a time, 100 ms each.
pub fn report_of(tasks: usize, at_once: usize) -> Report {
    let task = |id: usize| {
        let start_ms = (id / at_once) as f64 * 100.0;
        json!({"id": id, "pid": 4711, "thread": "main", "status": 200, "outcome": "done",
            "error": null, "start_ms": start_ms, "end_ms": start_ms + 99.123456789})
    };
    let tasks: Vec<Value> = (0..tasks).map(task).collect();
    let run = json!({"model": "async", "wall_ms": 100.0 * tasks.len().div_ceil(at_once) as f64,
        "predicted_ms": 100.0, "done": tasks.len(), "failed": 0, "timed_out": 0, "cancelled": 0,
        "peak_in_flight": null, "connections": null, "peak_rss_kib": null, "cpu_ms": null,
        "tasks": tasks});
    let settings = json!({"tasks": tasks.len(), "url": "http://127.0.0.1:1/delay/100",
        "embedded": true, "delay_ms": 100.0});
    let report = json!({"version": 1, "demo": "a-demo",
        "machine": {"os": "linux", "cores": 2, "profile": "release"},
        "lessons": [{"name": "notebook", "about": "Waits", "settings": settings, "runs": [run],
            "findings": []}]});
    serde_json::from_value(report).unwrap()
}

/// Would be wrong: a task, a verdict, a reason or the picture that the page does not show.
#[test]
fn the_page_shows_every_task_verdict_and_picture_of_the_report() {
    let question = r#"({
        ids: [...document.querySelectorAll(".run")].map((run) => [run.dataset.run,
            [...run.querySelectorAll("[data-task]")].map((bar) => +bar.dataset.task)]),
        findings: [...document.querySelectorAll(".finding")].map((finding) =>
            [finding.dataset.claim, finding.dataset.verdict, finding.textContent]),
        pictures: [...document.images].map((image) => [image.naturalWidth, image.naturalHeight]),
        hidden: document.querySelectorAll("noscript").length,
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

/// Would be wrong: a sequence drawn as a block, an overlap as stairs, or runs drawn on two scales,
/// so that a sum looks no longer than a maximum.
#[test]
fn bars_share_an_instant_where_tasks_did_and_all_runs_one_scale() {
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
                // Where they only touch, a pixel may belong to both.
                let shared = right.min(bar(b).1) - left.max(bar(b).0) > 1.0;
                let at_once = a.end_ms.min(b.end_ms) - a.start_ms.max(b.start_ms);
                if at_once.abs() * scales[0] > 2.0 {
                    assert_eq!(shared, at_once > 0.0, "{}: {} and {}", run.model, a.id, b.id);
                }
                assert!(bar(a).2 != bar(b).2, "a bar on top of another");
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

/// Text that does harm where it is taken for markup.
const HOSTILE: &str = "</script><img src=http://hostile.invalid/x onerror=\"document.title='taken'\">\
     <script>document.title='taken'</script><!--<script>\u{2028}@NONCE@ &lt;b&gt; ' \" \\ ${1} `";

/// A report that says nothing else, wherever it can.
fn hostile() -> Report {
    let mut report = report_of(3, 1);
    report.demo = HOSTILE.into();
    report.machine.os = HOSTILE.into();
    let lesson: &mut Lesson = &mut report.lessons[0];
    lesson.name = HOSTILE.into();
    lesson.about = HOSTILE.into();
    lesson.settings.url = Some(HOSTILE.into());
    lesson.picture = Some(HOSTILE.into());
    let finding = json!({"claim": HOSTILE, "says": HOSTILE, "predicted": HOSTILE,
        "measured": HOSTILE, "verdict": "fails", "because": HOSTILE});
    lesson.findings = vec![serde_json::from_value(finding).unwrap()];
    lesson.figures = vec![Figure::new(HOSTILE, HOSTILE, Scale::Linear).point(HOSTILE, 1.0, 2.0)];
    let run: &mut Run = &mut lesson.runs[0];
    run.model = HOSTILE.into();
    for task in &mut run.tasks {
        task.thread = HOSTILE.into();
        task.outcome = Outcome::Failed;
        task.error = Some(HOSTILE.into());
    }
    report
}

/// Would be wrong: a server or a thread's name that writes into the page.
#[test]
fn text_from_outside_is_inert_in_the_page() {
    let mut report = hostile();
    report.lessons.push(report.lessons[0].clone());
    let page = html::page(&report);
    assert!(!page.contains("<img") && !page.contains("taken'</script>"));
    // The probe's own script is the third beside the data and the page's.
    let question = r#"(() => {
        document.querySelectorAll("details").forEach((one) => one.dispatchEvent(new Event("toggle")));
        document.querySelectorAll("[data-task]").forEach((bar) => bar.dispatchEvent(
            new PointerEvent("pointerover", { bubbles: true })));
        return {
            foreign: document.querySelectorAll("img, iframe, object, embed, base, form").length,
            scripts: document.scripts.length,
            links: [...document.links].map((link) => link.getAttribute("href")),
            texts: document.getElementById("page").textContent.split("onerror=").length - 1,
            told: document.querySelector(".told").textContent,
            title: document.title,
        };
    })()"#;
    let Some(seen) = ask("hostile", &page, question) else {
        return;
    };
    assert_eq!((&seen["foreign"], &seen["scripts"]), (&json!(0), &json!(3)));
    assert_eq!(seen["links"], json!(["#lesson-0", "#lesson-1"]));
    assert!(seen["texts"].as_u64().unwrap() > 30, "it is not shown: {seen}");
    assert!(seen["told"].as_str().unwrap().contains("</script><img"));
    // A title is shown without its line separator, whitespace to it.
    assert!(seen["title"].as_str().unwrap().starts_with("</script><img src=http://hostile"));
}

/// Would be wrong: a policy that only seems to forbid; the same page without it shows that this
/// test would see a request or a script.
#[test]
fn the_policy_forbids_what_is_not_the_pages_own() {
    let page = html::page(&report_of(3, 1));
    let foreign = "<img src=\"http://hostile.invalid/x.png\">\
        <link rel=\"stylesheet\" href=\"http://hostile.invalid/x.css\">\
        <script>document.body.dataset.taken = 1</script><b onclick=\"\" style=\"color: red\"></b></main>";
    let infected = page.replace("</main>", foreign);
    let question = "document.body.dataset.taken ?? 0";
    // The page's own script replaces what is in <main>, but only once the browser has read it.
    let Some(seen) = browser::ask("policy", &infected, question) else {
        return;
    };
    assert_eq!((seen.answer, seen.requests), (json!(0), vec![]));
    assert!(!seen.console.is_empty());
    let open = infected.replace("http-equiv=\"Content-Security-Policy\"", "");
    let seen = browser::ask("no-policy", &open, question).unwrap();
    assert_eq!(seen.answer, json!("1"));
    assert!(seen.requests.iter().any(|line| line.contains("hostile.invalid")));
}

/// Would be wrong: figures that only a mouse gets to, or a picture that says nothing to those who
/// do not see it.
#[test]
fn the_keyboard_gets_to_every_figure_and_tables_stand_behind_pictures() {
    let question = r#"(() => {
        const stops = [...document.querySelectorAll("svg [tabindex='0']")];
        const told = () => {
            const here = document.activeElement;
            // A window that has yet to get the focus keeps this event back until then.
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
    // The runs and the tasks, each under its heading.
    assert_eq!(seen["rows"], json!([2, 6]));
    assert!(seen["label"].as_str().unwrap().contains("5 tasks, at most 5 at once"));
    assert_eq!(seen["language"], "en");
}

/// Would be wrong: waiting that looks like computing, told by a demo's name and not by what is known.
#[test]
fn waiting_is_told_from_computing_by_the_answer_and_the_cpu_time() {
    let kinds = |cpu_ms: Option<f64>, status: Option<u16>| {
        let mut report = report_of(2, 1);
        let run = &mut report.lessons[0].runs[0];
        run.cpu_ms = cpu_ms;
        run.tasks.iter_mut().for_each(|task| task.status = status);
        run.tasks[1].outcome = Outcome::TimedOut;
        html::page(&report)
    };
    let kind = |page: String, kind: &str| page.contains(&format!(",\"{kind}\","));
    assert!(kind(kinds(Some(0.5), Some(200)), "waiting"));
    assert!(kind(kinds(Some(0.5), None), "waiting"));
    assert!(kind(kinds(Some(198.0), None), "computing"));
    assert!(kind(kinds(None, None), "computing"));
    assert!(kind(kinds(None, Some(200)), "timed out"));
}

/// Would be wrong: a curve without its prediction, or a logarithmic scale that is none.
#[test]
fn figures_are_drawn_as_curves_or_bars() {
    let mut report = report_of(1, 1);
    let mut curve = Figure::new("Speed", "times", Scale::Linear);
    for threads in 1..=4 {
        curve = curve.point(threads, f64::from(threads), f64::from(threads));
    }
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
        widths: [...figure.querySelectorAll("rect")].map((bar) => bar.getBoundingClientRect().width),
    }))"#;
    let Some(seen) = ask("figures", &html::page(&report), question) else {
        return;
    };
    assert_eq!(seen[0]["dots"], json!(["1", "2", "3", "4"]));
    assert_eq!(seen[0]["predicted"], 3, "lines from point to point");
    let widths: Vec<f64> = serde_json::from_value(seen[1]["widths"].clone()).unwrap();
    // From 0.1: one power of ten, three, five.
    for (width, powers) in widths.iter().zip([1.0, 3.0, 5.0]) {
        assert!((width / widths[0] - powers).abs() < 0.05, "{widths:?}");
    }
    assert_eq!(seen[2]["widths"], json!([0, 0]));
}

/// Would be wrong: a page too large to be sent, or that leaves tasks out or runs off a narrow screen.
#[test]
fn ten_thousand_tasks_fit_into_the_page() {
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

/// Would be wrong: work done for nothing, a device replaced by a page, or one file written twice.
#[test]
fn files_that_cannot_be_written_are_refused_before_any_work() {
    let directory = scratch("pictures-refused");
    let missing = directory.join("missing").join("file");
    let read_only = directory.join("read-only");
    fs::write(&read_only, "old").unwrap();
    let mut permissions = fs::metadata(&read_only).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&read_only, permissions).unwrap();
    let device = if cfg!(unix) { "/dev/null" } else { "" };
    for name in DEMOS {
        for option in ["--html", "--trace"] {
            let bad = [&missing, &directory, &read_only].map(|path| path.to_str().unwrap());
            for bad in bad.into_iter().chain([device, ""]) {
                let ended = run(&mut demo(name, &["-n", "2", option, bad]));
                assert_eq!((ended.end, ended.stdout.as_str()), (End::Exit(2), ""), "{bad}");
                assert!(ended.stderr.contains(option), "{}", ended.stderr);
            }
        }
    }
    let file = directory.join("both").display().to_string();
    let by_another_way = directory.join(".").join("both").display().to_string();
    for (second, path) in [("--trace", &file), ("--trace", &by_another_way), ("--png", &file)] {
        let words = ["--html", &file, second, path];
        let ended = run(&mut demo("cpu-bound-demo", &words));
        assert_eq!(ended.end, End::Exit(2), "{second} {path}");
        let why = format!("--html and {second} name the same file");
        assert!(ended.stderr.contains(&why), "{}", ended.stderr);
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

/// Would be wrong: half a page where there was a whole one, or an exit code that says all is well.
#[test]
#[cfg(target_os = "linux")]
fn a_picture_that_cannot_be_saved_is_said_with_exit_code_4() {
    let directory = scratch("pictures-full");
    for option in ["--html", "--trace", "--png"] {
        let file = directory.join(option);
        fs::write(&file, "old").unwrap();
        // No file may be longer than a block, as on a disk that has no more.
        let limit = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
        let words = ["-n", "100", option, file.to_str().unwrap()];
        let starter = ["sh", "-c", limit, "sh"];
        let ended = run(&mut super::demo::demo_under(&starter, "cpu-bound-demo", &words));
        assert_eq!(ended.end, End::Exit(4), "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot write /"), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        fs::remove_file(&file).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }
}
