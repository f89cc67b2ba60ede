//! README's section "Start your own", followed to the letter.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use shared::os::child::ChildExit;

use super::docs::{lists, wrong_with_claims};
use crate::support::claims::read_list;
use crate::support::copies::{WorkspaceCopy, cargo_in, follow};
use crate::support::demo::{parse, run_cargo};
use crate::support::workspace::read;

/// The blocks of README's section in this language.
fn blocks(language: &str) -> Vec<String> {
    let readme = read("README.md");
    let section = readme.split("\n## Start your own").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_string()).collect()
}

/// The names of the demos in a directory.
fn demos(directory: &Path) -> HashSet<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with("-demo")).collect()
}

/// Runs each block of README in a copy of the workspace. Returns the name of the demo that they make.
fn follow_readme(copy: &WorkspaceCopy) -> String {
    let before = demos(&copy.path);
    let blocks = blocks("sh");
    assert!(!blocks.is_empty());
    for block in blocks {
        follow(&copy.path, &block);
    }
    let made: Vec<String> = demos(&copy.path).difference(&before).cloned().collect();
    assert_eq!(made.len(), 1, "README makes one demo in the workspace: {made:?}");
    made[0].clone()
}

#[test]
#[cfg(unix)]
fn readme_steps_make_a_demo() {
    let copy = WorkspaceCopy::new("readme");
    let demo = follow_readme(&copy);
    let report = parse(&run_cargo(&mut copy.run(&demo, &["-n", "2", "--format", "json"])), 0);
    assert_eq!(report.demo, demo);
    // Outside of the workspace.
    let elsewhere = copy.path.parent().unwrap().join("elsewhere");
    let outside = demos(&elsewhere);
    assert!(!outside.is_empty());
    for demo in outside {
        let output = run_cargo(&mut cargo_in(&elsewhere.join(&demo), "check"));
        assert_eq!(output.exit, ChildExit::Code(0), "{}", output.stderr);
    }

    // A lesson of one's own.
    let lesson = &blocks("rust")[0];
    assert!(lesson.lines().count() <= 30 && lesson.contains("\"X1\""), "{lesson}");
    fs::write(copy.path.join(&demo).join("src/lessons/mine.rs"), lesson).unwrap();
    copy.edit(&format!("{demo}/src/lessons.rs"), |lessons| {
        let (modules, list) = lessons.split_once("pub const ALL: &[Lesson] =").unwrap();
        let list = list.replacen("];", "    mine::LESSON,\n];", 1);
        format!("{modules}mod mine;\n\npub const ALL: &[Lesson] ={list}")
    });
    let list = read_list(&run_cargo(&mut copy.run(&demo, &["--list"])).stdout);
    let (mine, _) = list.iter().find(|(_, claims)| claims.contains("X1")).unwrap();
    let words = [mine, "-n", "3", "--format", "json", "--trace", "mine.json"];
    let output = run_cargo(&mut copy.run(&demo, &words));
    assert!(output.stderr.contains("no runs, so the trace is empty"), "{}", output.stderr);
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
    let report = parse(&output, 0);
    assert!(report.lessons[0].findings.iter().any(|finding| finding.claim == "X1"));

    // In the demo that was copied, the docs need not mention it.
    let claims = read("docs/claims.md");
    let mut lists = lists();
    let original = lists.iter_mut().find(|(_, original)| original[0] == list[0]).unwrap();
    *original.1 = list.clone();
    assert_eq!(wrong_with_claims(&claims, &lists), [""; 0]);
}
