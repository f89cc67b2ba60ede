//! Files that can be read in one sitting.

use std::path::Path;

use crate::support::demo::DEMOS;
use crate::support::workspace::{files, read, root};

/// Lines of a lesson's experiment: from the top to the first function that returns a verdict, or to
/// the tests.
fn experiment(source: &str) -> usize {
    let returns_check = |line: &str| {
        let returned = line.split("-> ").nth(1);
        returned.is_some_and(|returned| returned.contains("Check") || returned.contains("Finding"))
    };
    let ends = |line: &str| returns_check(line) || line.starts_with("#[cfg(test)]");
    source.lines().take_while(|line| !ends(line)).count()
}

#[test]
fn notebook_cells_are_short() {
    for name in DEMOS {
        let lines = read(&format!("{name}/src/notebook.rs")).lines().count();
        assert!((60..=90).contains(&lines), "{name}: {lines} lines");
    }
}

#[test]
fn programs_to_copy_are_short() {
    for name in DEMOS {
        let programs = files(&root().join(name).join("examples"), ".rs");
        assert_eq!(programs.len(), 2, "{programs:?}");
        for program in programs {
            let source = read(program.to_str().unwrap());
            let most = if program.ends_with("cell.rs") { 40 } else { 130 };
            assert!(source.lines().count() <= most, "{program:?}");
            assert!(!source.contains("shared"), "{program:?} cannot be copied alone");
        }
    }
}

#[test]
fn mains_only_wire() {
    for name in DEMOS {
        let lines = read(&format!("{name}/src/main.rs")).lines().count();
        assert!(lines <= 50, "{name}: {lines} lines");
    }
}

#[test]
fn experiments_are_short() {
    for name in DEMOS {
        let lessons = files(&root().join(name).join("src/lessons"), ".rs");
        let sources = lessons.iter().map(|file| (file, read(file.to_str().unwrap())));
        let lessons: Vec<_> =
            sources.filter(|(_, source)| source.contains("pub const LESSON: ")).collect();
        assert!(lessons.len() >= 5, "{name}: {} lessons", lessons.len());
        let lengths = lessons.iter().map(|(file, source)| (file, experiment(source)));
        let long: Vec<_> = lengths.filter(|(_, lines)| *lines > 100).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}

#[test]
fn pages_are_short() {
    let at_most = |file: &Path, most: usize| {
        let lines = read(file.to_str().unwrap()).lines().count();
        assert!(lines <= most, "{}: {lines} lines", file.display());
    };
    at_most(Path::new("README.md"), 130);
    for page in files(&root().join("docs"), ".md") {
        // The workshop's pages have a row for each wrong answer and for each lesson.
        let is_workshop = page.ends_with("workshop.md") || page.ends_with("workshop.ru.md");
        at_most(&page, if is_workshop { 310 } else { 110 });
    }
}
