//! README, "What it promises": a promise is a test, or it is not made.

use std::fs;

use super::demo::root;

/// Would be wrong: a promise whose test was renamed, removed or never written.
#[test]
fn every_promise_in_readme_names_tests_that_there_are() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("## What it promises").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names: Vec<&str> = section.split('`').filter(|word| word.contains("::")).collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let parts: Vec<&str> = name.split("::").collect();
        let (module, test) = (parts[0], parts[parts.len() - 1]);
        let files = [
            format!("tests/it/{module}.rs"),
            format!("process-demo/src/{module}.rs"),
            format!("process-demo/src/worker/{module}.rs"),
        ];
        let found = files.iter().any(|file| {
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            text.contains(&format!("fn {test}()")) || text.contains(&format!("fn {test}(\n"))
        });
        assert!(found, "no test {name}");
    }
}
