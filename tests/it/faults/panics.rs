//! Programs that began as a copy of a demo, and whose tasks panic.

use shared::report::{Outcome, Report};

use crate::support::copies::WorkspaceCopy;
use crate::support::demo::{DEMOS, lesson, parse, run_cargo};

/// The task that panics. It is neither the first nor the last of a thread, a worker or a pool.
const VICTIM: usize = 3;

/// Where each demo runs its tasks: the file, the expression, the task's id in it, and how often it is
/// there.
const TASKS: [(&str, &str, &str, &str, usize); 5] = [
    ("threads-demo", "notebook.rs", "client.get(id)", "id", 3),
    ("process-demo", "notebook.rs", "client.get(id)", "id", 1),
    ("process-demo", "pool/worker.rs", "client.get(request.id)", "request.id", 1),
    ("async-demo", "notebook.rs", "client.get(id)", "id", 3),
    ("cpu-bound-demo", "gallery.rs", "self.view.row(y)", "y", 1),
];

/// Each run of the report has lost the victim with its message, and done the others.
fn check(name: &str, report: &Report) {
    for run in &lesson(report).runs {
        // On the main thread, a panic takes the other tasks along.
        let all = run.model == "sequential" && name != "cpu-bound-demo";
        for task in &run.tasks {
            let lost = all || task.id == VICTIM;
            let expected = if lost { Outcome::Failed } else { Outcome::Done };
            assert_eq!(task.outcome, expected, "{name} {}: {task:?}", run.model);
            let why = task.error.as_deref().unwrap_or_default();
            if name == "threads-demo" && run.model == "threads" {
                assert_eq!(task.thread, format!("Thread-{}", task.id + 1));
            }
            assert_eq!(why.contains("panicked"), lost, "{name} {}: {why}", run.model);
            assert_eq!(why.contains("gives up, on purpose"), lost, "{why}");
        }
    }
}

#[test]
fn panicking_task_fails_in_every_model() {
    let copy = WorkspaceCopy::new("that panics");
    for (name, file, task, id, count) in TASKS {
        copy.edit(&format!("{name}/src/{file}"), |source| {
            assert_eq!(source.matches(task).count(), count, "{task} in {name} {file}");
            let panics =
                format!(r#"{{ assert!({id} != {VICTIM}, "gives up, on purpose"); {task} }}"#);
            source.replace(task, &panics)
        });
    }
    for name in DEMOS {
        let new = format!("panicking-{name}");
        copy.rename(name, name, &new);
        let words = ["-n", "8", "--workers", "2", "--format", "json"];
        check(name, &parse(&run_cargo(&mut copy.run(&new, &words)), 1));
    }
}
