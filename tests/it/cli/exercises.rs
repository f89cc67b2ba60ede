//! `cargo ex`: the workshop's guide, and the server of a class.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use exercises::threads::EXERCISE;
use serde_json::Value;
use shared::os::child::{ChildExit, ChildOutput};

use crate::support::copies::WorkspaceCopy;
use crate::support::demo::{run, run_cargo, spawn};
use crate::support::servers::{get, get_text};
use crate::support::workspace::{binary, copy_program, scratch};

/// A copy of the guide, in a directory of its own: the learner's progress stays as it is.
fn guide(directory: &Path, words: &[&str]) -> Command {
    let package = directory.join("exercises");
    fs::create_dir_all(&package).unwrap();
    let program = directory.join(format!("guide{EXE_SUFFIX}"));
    if !program.exists() {
        copy_program(&binary("exercises"), &program);
    }
    let mut guide = Command::new(program);
    guide.args(words).stdin(Stdio::null()).env("CARGO_MANIFEST_DIR", package);
    guide
}

fn check(output: &ChildOutput, code: i32, text: &str) {
    assert_eq!(output.exit, ChildExit::Code(code), "{output:?}");
    assert!(output.stdout.contains(text), "{output:?}");
}

#[test]
fn learner_passes_an_exercise() {
    let copy = WorkspaceCopy::new("learner");
    let ex = |words: &[&str]| run_cargo(&mut copy.run("exercises", words));
    let file = "exercises/src/bin/01_threads.rs";
    fs::write(copy.path.join(file), EXERCISE.stub).unwrap();
    let _ = fs::remove_file(copy.path.join("exercises/.progress"));
    check(&ex(&["01"]), 1, "  measured  1, from 1 thread\n");
    check(&ex(&["hint", "01"]), 0, "Hint 1 of 3: When does");
    check(&ex(&["hint", "01"]), 0, "Hint 2 of 3: ");
    check(&ex(&["solution", "01"]), 1, "--give-up");
    check(&ex(&["solution", "01", "--give-up"]), 0, "handle.join()");

    copy.edit(file, |_| EXERCISE.solution.into());
    check(&ex(&["01"]), 0, "  measured  10 waiting at once, from 10 threads\n");
    check(&ex(&["list"]), 0, "passed * 01 threads");
    check(&ex(&["solution", "01"]), 0, "handle.join()");

    // A file that does not compile stops neither the guide nor the other exercises.
    copy.edit(file, |_| "fn main() { unfinished".into());
    let output = ex(&["01"]);
    check(&output, 1, "does not compile yet");
    assert!(
        output.stderr.contains("error: this file contains an unclosed delimiter"),
        "{output:?}"
    );
    check(&ex(&["00"]), 1, "ten waits in ten threads");
    check(&ex(&["reset", "01"]), 0, "your version is in ");
    assert_eq!(fs::read_to_string(copy.path.join(file)).unwrap(), EXERCISE.stub);
    let kept = fs::read_to_string(copy.path.join("exercises/src/bin/01_threads.rs.1")).unwrap();
    assert_eq!(kept, "fn main() { unfinished");
    let list = ex(&["list"]).stdout;
    assert!(!list.contains("passed * 01 threads"), "{list}");
}

#[test]
fn wrong_words_are_exit_code_2() {
    let directory = scratch("guide");
    let long = "x".repeat(41);
    for words in [
        &["99"][..],
        &["reset"],
        &["01", "02"],
        &["class", "--port", "x"],
        &["join", "ftp://127.0.0.1", "Ada"],
        &["join", "http://127.0.0.1:8080", &long],
        &["join", "http://127.0.0.1:8080", "two\nlines"],
    ] {
        let output = run(&mut guide(&directory, words));
        assert_eq!(output.exit, ChildExit::Code(2), "{words:?}: {output:?}");
        assert!(output.stderr.contains("cargo ex hint"), "{output:?}");
    }
}

/// Starts the server of a class on a free port. Returns it with its URL.
fn class(directory: &Path) -> (Child, String) {
    let mut child = spawn(&mut guide(directory, &["class", "--port", "0"]));
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let url = lines.nth(1).unwrap().unwrap().trim().trim_end_matches('/').to_string();
    (child, url)
}

#[test]
fn board_shows_checks_and_bars() {
    let directory = scratch("class");
    let (mut class, url) = class(&directory);
    let checked = |query: &str| get(&format!("{url}/checked?{query}"));
    assert_eq!(checked("name=Ada&exercise=01_threads&passed=true"), 200);
    assert_eq!(checked("name=Ada&exercise=rm+-rf&passed=true"), 400);
    assert_eq!(get(&format!("{url}/delay/1")), 200);
    let board: Value = serde_json::from_str(&get_text(&format!("{url}/board"))).unwrap();
    assert_eq!(board["names"][0]["name"], "Ada");
    assert_eq!(board["names"][0]["states"][1], "passed");
    assert_eq!(board["names"].as_array().unwrap().len(), 1);
    assert_eq!(board["clients"][0]["bars"].as_array().unwrap().len(), 1, "{board}");
    // It loads nothing from elsewhere.
    let page = get_text(&format!("{url}/"));
    assert!(page.contains("<!doctype html>") && !page.contains("src="), "{page}");
    class.kill().unwrap();
    class.wait().unwrap();
}
