//! Programs that began as a copy of a demo, and whose tasks panic.

use std::fs;

use shared::report::{Outcome, Report};

use super::demo::{lesson, parse, root, run_cargo};
use super::repository::{cargo_in, copy};

/// Which task panics. It is neither the first nor the last of a thread, a worker or a pool.
const VICTIM: usize = 3;

/// Where each demo carries out its tasks: the file, what does it, its number, and how often it is there.
const ACTIVITIES: [(&str, &str, &str, &str, usize); 5] = [
    ("threads-demo", "notebook.rs", "activity.get(id)", "id", 3),
    ("process-demo", "notebook.rs", "activity.get(id)", "id", 1),
    ("process-demo", "worker.rs", "activity.get(id)", "id", 1),
    ("async-demo", "notebook.rs", "activity.get(id)", "id", 3),
    ("cpu-bound-demo", "picture.rs", "self.view.row(y)", "y", 1),
];

/// Each run of the report has lost the victim with its message, and done the others.
fn check(name: &str, report: &Report) {
    for run in &lesson(report).runs {
        // One after another on the main thread, the others go down with it, but are accounted for.
        let all = run.model == "sequential" && name != "cpu-bound-demo";
        for task in &run.tasks {
            let lost = all || task.id == VICTIM;
            let expected = if lost { Outcome::Failed } else { Outcome::Done };
            assert_eq!(task.outcome, expected, "{name} {}: {task:?}", run.model);
            let why = task.error.as_deref().unwrap_or_default();
            assert_eq!(why.contains("panicked"), lost, "{name} {}: {why}", run.model);
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
    for (name, file, activity, id, count) in ACTIVITIES {
        let file = workspace.join(name).join("src").join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches(activity).count(), count, "{activity} in {file:?}");
        let panics =
            format!(r#"{{ assert!({id} != {VICTIM}, "gives up, on purpose"); {activity} }}"#);
        fs::write(file, text.replace(activity, &panics)).unwrap();
    }
    for name in super::demo::DEMOS {
        // Under another name, or it would take the place of the demo that other tests start.
        let new = format!("panicking-{name}");
        let manifest = workspace.join(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let renamed = text.replace(&format!("name = \"{name}\""), &format!("name = \"{new}\""));
        assert_ne!(renamed, text);
        fs::write(&manifest, renamed).unwrap();
        let mut cargo = cargo_in(&workspace, &["run", "-p", &new]);
        let words = ["--", "-n", "8", "--workers", "2", "--format", "json"];
        check(name, &parse(&run_cargo(cargo.args(words)), 1));
    }
    fs::remove_dir_all(workspace).unwrap();
}
