//! Programs that began as a copy of a demo, and whose own activity panics.

use std::fs;
use std::path::Path;

use shared::report::{Outcome, Report};

use super::demo::{DEMOS, lesson, parse, root, run};
use super::repository::{cargo_in, copy};

/// Which task panics. It is neither the first nor the last of a thread, a worker or a pool.
const VICTIM: usize = 3;

/// Replaces `old`, which must be there `count` times, in a file of the copy.
fn replace(file: &Path, count: usize, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.matches(old).count(), count, "{old} in {file:?}");
    fs::write(file, text.replace(old, new)).unwrap();
}

/// Each run of the report has lost the victim with its message, and done the others.
fn check(name: &str, report: &Report) {
    assert_eq!(report.demo, name);
    for run in &lesson(report).runs {
        // One after another on the main thread, the others go down with it, but are accounted for.
        let all = run.model == "sequential" && !name.ends_with("cpu-bound-demo");
        for task in &run.tasks {
            let lost = all || task.id == VICTIM;
            let expected = if lost { Outcome::Failed } else { Outcome::Done };
            assert_eq!(task.outcome, expected, "{name} {}: {task:?}", run.model);
            let why = task.error.as_deref().unwrap_or_default();
            assert_eq!(
                why.contains("panicked"),
                lost,
                "{name} {}: {why}",
                run.model
            );
            assert_eq!(why.contains("gives up, on purpose"), lost, "{why}");
        }
    }
}

/// Would be wrong: a panic whose message nobody gets to read, that takes other tasks along, what its
/// worker had done before, or the whole program.
#[test]
fn a_task_panics_in_a_thread_a_pool_an_async_task_a_rayon_job() {
    let workspace = std::env::temp_dir().join(format!("copied-to-panic-{}", std::process::id()));
    copy(root(), &workspace);
    let panic = |id: &str| format!(r#"assert!({id} != {VICTIM}, "gives up, on purpose");"#);
    let (start, source) = ("let start_ms = now_ms();\n", workspace.join("shared/src"));
    let get = start.to_string() + &panic("id");
    replace(&source.join("activity.rs"), 2, start, &get);
    let row = "pub fn row(&self, y: usize) -> Vec<u16> {\n";
    replace(
        &source.join("mandelbrot.rs"),
        1,
        row,
        &(row.to_string() + &panic("y")),
    );
    for name in DEMOS {
        // Under another name, or it would take the place of the demo that other tests start.
        let new = format!("panicking-{name}");
        let manifest = workspace.join(name).join("Cargo.toml");
        let named = |name: &str| format!("name = \"{name}\"");
        replace(&manifest, 1, &named(name), &named(&new));
        let mut cargo = cargo_in(&workspace, &["run", "-p", &new]);
        let words = ["--", "-n", "8", "--workers", "2", "--format", "json"];
        check(&new, &parse(&run(cargo.args(words)), 1));
    }
    fs::remove_dir_all(workspace).unwrap();
}
