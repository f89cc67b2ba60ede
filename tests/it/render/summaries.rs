//! A page of many lessons: what it opens with, its ledger, and the legend of every page.

use serde_json::json;
use shared::render::html;
use shared::report::{Figure, Finding, LessonReport, Report, Scale, Verdict};
use shared::verdict::Check;

use super::pages::ask;
use crate::support::browser;
use crate::support::pictures::report_of;
use crate::support::workspace::read;

fn finding(claim: &str, says: &str, measured: &str, verdict: Verdict) -> Finding {
    Check::new("something", measured, (verdict, "why")).on(claim, says)
}

/// Two lessons of other demos, and one that sums them up, as summary-demo reports them.
fn summary() -> Report {
    let mut report = report_of(3, 1);
    let lesson = |name: &str, findings| LessonReport {
        name: name.into(),
        findings,
        ..report.lessons[0].clone()
    };
    let threads = [
        finding("T10", "Last of its section", "1", Verdict::NotShown),
        finding("T2", "First of its section", "1", Verdict::Holds),
        finding("P1", "Of another section", "1", Verdict::Fails),
    ];
    let mut lessons = vec![
        lesson("threads-demo/notebook", threads.to_vec()),
        lesson("async-demo/cost", vec![finding("T2", "Seen again", "1", Verdict::Holds)]),
    ];
    let ledger = lesson("ledger", Vec::new());
    let figure = |work: &str| Figure::new(work, "times", Scale::Linear).point("threads", 9.0, 10.0);
    let measured = "a thread takes 50 us (cargo run -p async-demo -- cost)";
    lessons.push(LessonReport {
        runs: Vec::new(),
        figures: vec![figure("Waiting: speed"), figure("Computing: speed")],
        findings: vec![
            finding("G9", "Which models speed up", "1", Verdict::Holds),
            finding("G9", "Tasks wait: threads", measured, Verdict::Holds),
            finding("G9", "Tasks play: none", "0 (cargo run -p no-demo)", Verdict::NotShown),
        ],
        ..ledger
    });
    report.lessons = lessons;
    report
}

#[test]
fn summary_opens_with_matrix_then_choice() {
    let question = r#"({
        order: [...document.querySelectorAll("section, [data-figure], .choice, .ledger")]
            .map((part) => part.id || part.dataset.figure || part.className),
        choice: [...document.querySelectorAll(".choice > li")].map((line) => [
            line.querySelector("b").textContent, line.lastElementChild.firstChild.textContent,
            line.querySelector("a")?.getAttribute("href") ?? line.querySelector("code").textContent]),
        bars: ["Waiting", "Computing"].map((work) => getComputedStyle(
            document.querySelector(`[data-figure^="${work}"] .measured`)).fill),
        minis: [...document.querySelectorAll(".mini")].map((mini) => mini.querySelectorAll("rect").length),
    })"#;
    let Some(seen) = ask("summary", &html::page(&summary()), question) else {
        return;
    };
    assert_eq!(
        seen["order"],
        json!([
            "lesson-2",
            "Waiting: speed",
            "Computing: speed",
            "choice",
            "ledger",
            "lesson-0",
            "lesson-1"
        ])
    );
    assert_eq!(
        seen["choice"],
        json!([
            ["threads", "a thread takes 50 us", "#lesson-1"],
            ["none", "0", "cargo run -p no-demo"]
        ])
    );
    assert_ne!(seen["bars"][0], seen["bars"][1]);
    // Three tasks for each lesson and claim; the figure's bar for the first finding of the summary.
    assert_eq!(seen["minis"], json!([3, 3, 3, 3, 1, 0, 0]));
}

/// A policy forbids the page's script, but not its style.
#[test]
fn ledger_is_filtered_without_script() {
    let page = html::page(&summary()).replace("<script nonce", "<script data-nonce");
    let question = r#"["all", "holds", "fails", "open"].map((show) => {
        document.getElementById("show-" + show).click();
        const shown = (query) => [...document.querySelectorAll(".ledger " + query)]
            .filter((part) => part.getClientRects().length > 0);
        return [shown("summary").map((group) => group.textContent),
            shown("li").map((row) => row.children[1].textContent).join(" ")];
    })"#;
    let Some(seen) = browser::ask("ledger", &page, question) else {
        return;
    };
    let threads = "T threads 3 findings: 2 hold, 1 not shown";
    let processes = "P processes 1 finding: 0 hold, 1 fail";
    let others = "G GIL and summary 3 findings: 2 hold, 1 not shown";
    assert_eq!(
        seen.answer,
        json!([
            [[threads, processes, others], "T2 T2 T10 P1 G9 G9 G9"],
            [[threads, others], "T2 T2 G9 G9"],
            [[processes], "P1"],
            [[threads, others], "T10 G9"],
        ])
    );
}

#[test]
fn legend_opens_without_script() {
    let page = html::page(&report_of(1, 1)).replace("<script nonce", "<script data-nonce");
    let question = r#"(() => {
        const legend = document.querySelector(".glossary");
        const height = () => legend.getBoundingClientRect().height;
        const closed = height();
        legend.querySelector("summary").click();
        return { closed, open: height(), terms: [...legend.querySelectorAll("dt")].map((term) =>
            [term.textContent, term.nextElementSibling.textContent]) };
    })()"#;
    let Some(seen) = browser::ask("legend", &page, question) else {
        return;
    };
    let seen = seen.answer;
    assert!(seen["closed"].as_f64().unwrap() * 5.0 < seen["open"].as_f64().unwrap());
    let terms = seen["terms"].as_array().unwrap();
    for term in ["wall time", "CPU time", "context switches", "memory", "at a time, at once"] {
        assert!(terms.iter().any(|one| one[0] == term), "{term} is missing");
    }
    for term in terms {
        let text = term[1].as_str().unwrap();
        assert!(text.contains(" From "), "{term} comes from nowhere");
    }
}

/// Text on each background that it stands on, in both colour schemes.
#[test]
fn text_contrasts_with_its_background() {
    let style = read("shared/src/render/page.css");
    let luminance = |hex: &str| {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    let schemes: Vec<&str> = style.split(":root {").skip(1).take(2).collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let color = |name: &str| {
            let hex = scheme.split(&format!("--{name}: #")).nth(1).unwrap();
            luminance(&hex[..6])
        };
        for text in ["ink", "soft", "good", "bad", "open"] {
            for background in ["paper", "card"] {
                let (a, b) = (color(text), color(background));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{text} on {background}: {contrast:.2}");
            }
        }
    }
}
