//! A demo can be copied, and its lessons can be deleted.

use std::fs;

use shared::os::child::ChildExit;

use crate::support::copies::{WorkspaceCopy, cargo_in, copy_directory};
use crate::support::demo::{DEMOS, parse, run_cargo};
use crate::support::workspace::root;

#[test]
fn copy_inside_needs_only_a_name() {
    let copy = WorkspaceCopy::new("inside");
    for name in DEMOS {
        let new = format!("my-{name}");
        copy_directory(&copy.path.join(name), &copy.path.join(&new));
        copy.rename(&new, name, &new);
        let report = parse(&run_cargo(&mut copy.run(&new, &["-n", "2", "--format", "json"])), 0);
        assert_eq!(report.demo, new);
    }
}

#[test]
fn copy_outside_builds_beside_shared() {
    let copy = WorkspaceCopy::new("outside");
    let elsewhere = copy.path.parent().unwrap().join("elsewhere");
    copy_directory(&copy.path.join("shared"), &elsewhere.join("shared"));
    for name in DEMOS {
        let demo = elsewhere.join(name);
        copy_directory(&copy.path.join(name), &demo);
        // The same versions as here, so that cargo needs no network.
        fs::copy(root().join("Cargo.lock"), demo.join("Cargo.lock")).unwrap();
        let output = run_cargo(&mut cargo_in(&demo, "check"));
        assert_eq!(output.exit, ChildExit::Code(0), "{name}: {}", output.stderr);
    }
}

#[test]
fn demo_without_lessons_builds_without_warning() {
    let copy = WorkspaceCopy::new("without lessons");
    for name in DEMOS {
        let source = copy.path.join(name).join("src");
        fs::remove_dir_all(source.join("lessons")).unwrap();
        fs::remove_file(source.join("lessons.rs")).unwrap();
        copy.edit(&format!("{name}/src/main.rs"), |main| {
            let named = ["mod lessons;", ".lessons(lessons::ALL)"];
            let kept: Vec<&str> =
                main.lines().filter(|line| !named.contains(&line.trim())).collect();
            assert_eq!(kept.len() + named.len(), main.lines().count(), "{main}");
            kept.join("\n") + "\n"
        });
        let new = format!("bare-{name}");
        copy.rename(name, name, &new);
        let words = ["-n", "2", "--format", "json"];
        let output = run_cargo(&mut copy.run(&new, &words));
        assert!(!output.stderr.contains("warning"), "{}", output.stderr);
        let report = parse(&output, 0);
        assert_eq!((&*report.demo, &*report.lessons[0].name), (&*new, "notebook"));
    }
}
