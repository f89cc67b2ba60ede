//! Text from outside in a page: it is shown, and it does nothing.

use serde_json::json;
use shared::render::html;
use shared::report::{Figure, Finding, Outcome, Report, Scale, Verdict};

use super::pages::ask;
use crate::support::browser;
use crate::support::pictures::report_of;

/// Text that does harm if a browser takes it for markup.
const HOSTILE: &str = "</script><img src=http://hostile.invalid/x onerror=\"document.title='taken'\">\
     <script>document.title='taken'</script><!--<script>\u{2028}@NONCE@ &lt;b&gt; ' \" \\ ${1} `";

/// A report whose every text is [`HOSTILE`].
fn hostile() -> Report {
    let mut report = report_of(3, 1);
    report.demo = HOSTILE.into();
    report.machine.os = HOSTILE.into();
    let lesson = &mut report.lessons[0];
    lesson.name = HOSTILE.into();
    lesson.about = HOSTILE.into();
    lesson.settings.url = Some(HOSTILE.into());
    lesson.picture = Some(HOSTILE.into());
    lesson.findings = vec![Finding {
        round: None,
        claim: HOSTILE.into(),
        says: HOSTILE.into(),
        predicted: HOSTILE.into(),
        measured: HOSTILE.into(),
        verdict: Verdict::Fails,
        because: HOSTILE.into(),
    }];
    lesson.figures = vec![Figure::new(HOSTILE, HOSTILE, Scale::Linear).point(HOSTILE, 1.0, 2.0)];
    let run = &mut lesson.runs[0];
    run.model = HOSTILE.into();
    for task in &mut run.tasks {
        task.thread = HOSTILE.into();
        task.outcome = Outcome::Failed;
        task.error = Some(HOSTILE.into());
    }
    report
}

#[test]
fn hostile_text_is_inert() {
    let mut report = hostile();
    report.lessons.push(report.lessons[0].clone());
    let page = html::page(&report);
    assert!(!page.contains("<img") && !page.contains("taken'</script>"));
    // Three scripts: the data, the page's, and this question's.
    let question = r#"(() => {
        document.querySelectorAll("details").forEach((one) => one.dispatchEvent(new Event("toggle")));
        document.querySelectorAll("[data-task]").forEach((bar) => bar.dispatchEvent(
            new PointerEvent("pointerover", { bubbles: true })));
        return {
            foreign: document.querySelectorAll("img, iframe, object, embed, base, form").length,
            scripts: document.scripts.length,
            links: [...document.links].map((link) => link.getAttribute("href")),
            texts: document.querySelector("main").textContent.split("onerror=").length - 1,
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
    // A title is shown without its line separator.
    assert!(seen["title"].as_str().unwrap().starts_with("</script><img src=http://hostile"));
}

#[test]
fn policy_forbids_foreign_content() {
    let page = html::page(&report_of(3, 1));
    let foreign = "<img src=\"http://hostile.invalid/x.png\">\
        <link rel=\"stylesheet\" href=\"http://hostile.invalid/x.css\">\
        <script>document.body.dataset.taken = 1</script><b onclick=\"\" style=\"color: red\"></b></main>";
    let infected = page.replace("</main>", foreign);
    let question = "document.body.dataset.taken ?? 0";
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
