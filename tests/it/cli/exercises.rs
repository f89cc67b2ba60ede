//! `cargo ex`: the workshop's guide.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use exercises::threads::EXERCISE;
use shared::os::child::{ChildExit, ChildOutput};

use super::class::Class;
use crate::support::copies::WorkspaceCopy;
use crate::support::demo::{run, run_cargo};
use crate::support::servers::{HoldingServer, get_text};
use crate::support::workspace::{binary, copy_program, scratch};

/// A copy of the guide, in a directory of its own: the learner's progress stays as it is.
pub fn guide(directory: &Path, words: &[&str]) -> Command {
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
    // Otherwise, the original's other programs would be linked with the copy's library.
    let version = |manifest: &str| manifest.replace("version = \"0.1.0\"", "version = \"0.1.1\"");
    copy.edit("exercises/Cargo.toml", version);
    let ex = |words: &[&str]| run_cargo(&mut copy.run("exercises", words));
    let file = "exercises/src/bin/01_threads.rs";
    fs::write(copy.path.join(file), EXERCISE.stub).unwrap();
    let _ = fs::remove_file(copy.path.join("exercises/.progress"));
    // A class's server that never answers: each check tells it of itself, and ends without it.
    let silent = HoldingServer::start(0, usize::MAX);
    let output = ex(&["join", &silent.url, "Ada"]);
    check(&output, 3, "");
    assert!(output.stderr.contains("its board does not answer"), "{output:?}");
    fs::write(copy.path.join("exercises/.class"), format!("{}\nAda\n", silent.url)).unwrap();
    let output = ex(&["01"]);
    check(&output, 1, "  measured  1, from 1 thread\n");
    check(&output, 1, "  edit      exercises/src/bin/01_threads.rs\n");
    silent.wait_for(2);
    check(&ex(&["hint", "01"]), 0, "Hint 1 of 3: When does");
    check(&ex(&["hint", "01"]), 0, "Hint 2 of 3: ");
    check(&ex(&["solution", "threads"]), 1, "--give-up");
    check(&ex(&["solution", "01", "--give-up"]), 0, "handle.join()");

    copy.edit(file, |_| EXERCISE.solution.into());
    check(&ex(&["01"]), 0, "  measured  10 waiting at once, from 10 threads\n");
    check(&ex(&["list"]), 0, "passed * 01 threads");
    check(&ex(&["solution", "01"]), 0, "handle.join()");
    silent.wait_for(3);

    // A file that does not compile stops neither the guide nor the other exercises.
    copy.edit(file, |_| "fn main() { unfinished".into());
    let output = ex(&["01"]);
    check(&output, 1, "does not compile yet");
    assert!(
        output.stderr.contains("error: this file contains an unclosed delimiter"),
        "{output:?}"
    );
    let class = Class::start("learner's class");
    check(&ex(&["join", &class.url, "Ada"]), 0, "shown as Ada");
    let board = || get_text(&format!("{}/board", class.url));
    assert!(board().contains(r#""name":"Ada","states":["","#), "{}", board());
    check(&ex(&["00"]), 1, "ten waits in ten threads");
    assert!(board().contains(r#""name":"Ada","states":["tried","","#), "{}", board());
    check(&ex(&["reset", "01"]), 0, "your version is in ");
    assert_eq!(fs::read_to_string(copy.path.join(file)).unwrap(), EXERCISE.stub);
    let kept = fs::read_to_string(copy.path.join("exercises/src/bin/01_threads.rs.1")).unwrap();
    assert_eq!(kept, "fn main() { unfinished");
    fs::remove_file(copy.path.join(file)).unwrap();
    check(&ex(&["01"]), 1, "is missing: cargo ex reset 01");
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
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    }
}

#[test]
fn unwritable_class_file_is_exit_code_4() {
    let directory = scratch("unwritable class");
    fs::create_dir_all(directory.join("exercises/.class")).unwrap();
    let class = Class::start("class to be noted");
    let output = run(&mut guide(&directory, &["join", &class.url, "Ada"]));
    assert_eq!(output.exit, ChildExit::Code(4), "{output:?}");
    assert!(output.stderr.contains("cannot write exercises/.class: "), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
}
