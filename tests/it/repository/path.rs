//! The path through the lessons: README, `--list` and "Next:" tell the same one.

use crate::support::claims::listed;
use crate::support::demo::{demo, run};
use crate::support::workspace::read;

/// README's lessons in order, each with its demo.
fn path() -> Vec<(String, String)> {
    table("README.md", "## The lessons\n\n")
}

fn table(page: &str, heading: &str) -> Vec<(String, String)> {
    let page = read(page);
    let table = page.split(heading).nth(1).unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|')).skip(2);
    let parts = rows.flat_map(|row| row.split('|').nth(2).unwrap().split(';'));
    let lessons = parts.flat_map(|part| {
        let (name, lessons) = part.split_once(": ").unwrap();
        let name = name.trim().trim_matches('`').to_string();
        lessons.split(", ").map(move |lesson| (name.clone(), lesson.trim().to_string()))
    });
    lessons.collect()
}

fn command(name: &str, lesson: &str) -> String {
    match (name, lesson) {
        ("summary-demo", _) => "cargo run --release -p summary-demo".into(),
        (_, "notebook") => format!("cargo run -p {name}"),
        _ => format!("cargo run -p {name} -- {lesson}"),
    }
}

#[test]
fn readme_lists_every_lesson_in_order() {
    for name in ["threads-demo", "process-demo", "async-demo", "cpu-bound-demo", "summary-demo"] {
        let told: Vec<_> = path().into_iter().filter(|(demo, _)| demo == name).collect();
        let told: Vec<String> = told.into_iter().map(|(_, lesson)| lesson).collect();
        // Lessons of one's own may stand between them.
        let known = listed(name).into_iter().map(|(lesson, _)| lesson);
        let known: Vec<String> = known.filter(|lesson| told.contains(lesson)).collect();
        assert_eq!(told, known, "{name}");
    }
}

#[test]
fn russian_readme_has_the_path() {
    assert_eq!(table("README.ru.md", "## Уроки\n\n"), path());
}

#[test]
fn long_lessons_of_summary_exist() {
    let progress = read("summary-demo/src/progress.rs");
    let rows = progress.lines().filter_map(|line| line.trim().strip_prefix("(\""));
    let long: Vec<_> = rows.filter_map(|row| row.split('"').next()?.split_once('/')).collect();
    assert!(!long.is_empty());
    for (name, long) in long {
        assert!(listed(name).iter().any(|(lesson, _)| lesson == long), "{name}/{long}");
    }
}

#[test]
fn next_follows_the_path() {
    let path = path();
    let is_own =
        |name: &str| listed(name).len() > path.iter().filter(|step| step.0 == name).count();
    for step in path.windows(2) {
        let [(name, lesson), (next_name, next_lesson)] = step else { unreachable!() };
        if is_own(name) {
            continue; // With lessons of one's own.
        }
        let help = run(&mut demo(name, &[lesson, "--help"])).stdout;
        let next = help.lines().find_map(|line| line.strip_prefix("Next: ")).unwrap();
        assert_eq!(next, command(next_name, next_lesson), "after {name} {lesson}");
    }
}
