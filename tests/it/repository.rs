//! Rules of the repository, so that a demo can be copied and README can be believed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use shared::child::End;

use super::demo::{DEMOS, cargo, demo, root, run, run_cargo};
use super::ledger::listed;

/// Files of the project below `directory` whose names end like this.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.starts_with('.') {
                found.extend(files(&entry.path(), ending));
            }
        } else if name.ends_with(ending) {
            found.push(entry.path());
        }
    }
    found
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// Would be wrong: another version or feature list in one member, which costs a rebuild at every
/// change of `-p`, or something inherited, which breaks a copy.
#[test]
fn members_write_out_the_same_versions_and_features() {
    let metadata =
        run(cargo().args(["metadata", "--offline", "--no-deps", "--format-version", "1"]));
    let metadata: Value = serde_json::from_str(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() >= 7);
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for package in packages {
        for field in ["edition", "rust_version", "license", "version"] {
            assert_eq!(package[field], packages[0][field], "{field} of {}", package["name"]);
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            // How our own crate is used differs on purpose: cpu-bound-demo wants no HTTP.
            let name = dependency["name"].as_str().unwrap();
            if name != "shared" {
                let line = format!(
                    "{} {} {}",
                    dependency["req"], dependency["features"], dependency["uses_default_features"]
                );
                let before = lines.entry(name.into()).or_insert_with(|| line.clone());
                assert_eq!(*before, line, "{name} in {}", package["name"]);
            }
        }
    }
    for manifest in files(root(), "Cargo.toml") {
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(!text.contains("workspace = true"), "{manifest:?} inherits");
        assert!(manifest.parent() == Some(root()) || !text.contains("[profile"), "{manifest:?}");
    }
}

/// Would be wrong: a member whose code the compiler cannot vouch for.
#[test]
fn unsafe_code_is_forbidden_in_every_member() {
    for manifest in files(root(), "Cargo.toml") {
        let text = fs::read_to_string(&manifest).unwrap();
        let forbids = text.contains("[lints.rust]\nunsafe_code = \"forbid\"");
        assert!(manifest.parent() == Some(root()) || forbids, "{manifest:?}");
    }
}

/// Would be wrong: a lesson too long to be read in one sitting.
#[test]
fn lessons_and_mains_are_short() {
    for name in DEMOS {
        let length = |file: &str| {
            fs::read_to_string(root().join(name).join("src").join(file)).unwrap().lines().count()
        };
        assert!(length("main.rs") <= 80, "{name}");
        for line in run(&mut demo(name, &["--list"])).stdout.lines() {
            let file = line.split_whitespace().next().unwrap().replace('-', "_") + ".rs";
            assert!(length(&file) <= 90, "{name} {file}");
        }
    }
}

/// Would be wrong: a claim that README does not tell, a command that does not test it, or a test that
/// is not there.
#[test]
fn readme_has_a_row_for_each_claim_with_a_command_and_a_test() {
    let readme = readme();
    let tests: String =
        files(root(), ".rs").into_iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("`cargo run -p "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let mut lessons: HashMap<String, HashSet<String>> = HashMap::new();
    for name in DEMOS.into_iter().chain(["summary-demo"]) {
        for (place, (lesson, claims)) in listed(name).into_iter().enumerate() {
            let command = if place == 0 {
                format!("cargo run -p {name}")
            } else {
                format!("cargo run -p {name} -- {lesson}")
            };
            lessons.insert(command, claims);
        }
    }
    let mut told = HashSet::new();
    for row in rows {
        let [claim, _, command, _, test] = row[..] else {
            panic!("a row with other columns: {row:?}");
        };
        let command = command.trim_matches('`');
        let claims = lessons.get(command).unwrap_or_else(|| panic!("{command}"));
        assert!(claims.contains(claim), "{command} does not test {claim}");
        let name = test.trim_matches('`').rsplit("::").next().unwrap();
        assert!(tests.contains(&format!("fn {name}(")), "{test} of {claim}");
        told.insert((claim.to_string(), command.to_string()));
    }
    for (command, claims) in &lessons {
        for claim in claims {
            let row = (claim.clone(), command.clone());
            assert!(told.contains(&row), "README lacks {claim} by {command}");
        }
    }
    let claims: HashSet<String> = told.into_iter().map(|(claim, _)| claim).collect();
    assert_eq!(claims, super::ledger::claims().into_iter().collect());
}

/// Would be wrong: a command in README that does not work.
#[test]
fn every_command_in_readme_is_understood() {
    let readme = readme();
    let commands: Vec<String> = readme
        .lines()
        .map(|line| line.replace("--release ", ""))
        .filter_map(|line| line.trim().strip_prefix("cargo run -p ").map(String::from))
        .collect();
    assert!(commands.len() >= 10);
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "#").collect();
        let rest: Vec<&str> =
            words[1..].iter().copied().skip_while(|word| *word != "--").skip(1).collect();
        // The copy that README tells one to make.
        if words[0] == "my-demo" {
            continue;
        }
        // With --help at its end, a command line is read, but not carried out.
        let mut child = demo(words[0], &rest);
        let ended = run(child.arg("--help"));
        assert_eq!(ended.end, End::Exit(0), "cargo run -p {command}: {}", ended.stderr);
    }
}

/// Would be wrong: a session in README with lines that the program does not print.
#[test]
#[cfg(target_os = "linux")]
fn the_session_in_readme_is_one_that_the_program_prints() {
    let readme = readme();
    let session = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let command =
        session.lines().next().unwrap().strip_prefix("$ cargo run --release -p ").unwrap();
    let (name, words) = command.split_once(" -- ").unwrap();
    let real = run(&mut demo(name, &words.split_whitespace().collect::<Vec<_>>())).stdout;
    // What is measured differs each time; the words do not.
    let words = |text: &str| -> HashSet<String> {
        let letters = text.replace(|c: char| !c.is_alphabetic(), " ");
        letters.split_whitespace().map(String::from).collect()
    };
    let printed = words(&real);
    for line in session.lines().skip(1) {
        let strange: Vec<_> =
            words(line).into_iter().filter(|word| !printed.contains(word)).collect();
        assert!(strange.is_empty(), "not printed: {strange:?} of {line:?}\n{real}");
    }
}

/// Copies a directory, but for what cargo and git have in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != ".git" {
                copy(&entry.path(), &to.join(name));
            }
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Cargo in a copy of the workspace, or of a part of it.
pub fn cargo_in(directory: &Path, words: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.current_dir(directory).args(words).args(["--offline", "--quiet"]);
    // Crates that were built for these tests are not built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    cargo.env("CARGO_TARGET_DIR", target);
    cargo
}

/// Would be wrong: a copy that does not build, or that still goes by the old name.
#[test]
fn a_demo_copied_inside_the_workspace_needs_only_a_new_name() {
    // Not below target/: cargo would take the copy's sources for those of the original there, and
    // never look at the original's again.
    let workspace = std::env::temp_dir().join(format!("copied-workspace-{}", std::process::id()));
    copy(root(), &workspace);
    for name in DEMOS {
        let new = format!("my-{name}");
        copy(&workspace.join(name), &workspace.join(&new));
        let manifest = workspace.join(&new).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let renamed = text.replace(&format!("name = \"{name}\""), &format!("name = \"{new}\""));
        fs::write(&manifest, renamed).unwrap();
        let words = ["run", "-p", &new, "--"];
        let mut cargo = cargo_in(&workspace, &words[..3]);
        let ended = run_cargo(cargo.args(["--", "-n", "2", "--format", "json"]));
        let report = super::demo::parse(&ended, 0);
        assert_eq!(report.demo, new);
    }
    fs::remove_dir_all(workspace).unwrap();
}

/// Would be wrong: a template that only works where it was made.
#[test]
fn a_demo_copied_outside_builds_together_with_shared() {
    let directory = std::env::temp_dir().join(format!("copied-demos-{}", std::process::id()));
    copy(&root().join("shared"), &directory.join("shared"));
    for name in DEMOS {
        copy(&root().join(name), &directory.join(name));
        // The same versions as here, so that nothing needs to be downloaded for this test.
        fs::copy(root().join("Cargo.lock"), directory.join(name).join("Cargo.lock")).unwrap();
        let ended = run_cargo(&mut cargo_in(&directory.join(name), &["check"]));
        assert_eq!(ended.end, End::Exit(0), "{name}: {}", ended.stderr);
    }
    fs::remove_dir_all(directory).unwrap();
}
