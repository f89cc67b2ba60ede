//! Manifests that can be copied: each member writes out everything, and all write the same.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use shared::os::child::ChildExit;

use crate::support::demo::{DEMOS, run};
use crate::support::workspace::{cargo, files, read, root};

/// Cargo's own reading of all members' manifests.
fn packages() -> Vec<Value> {
    let metadata =
        run(cargo().args(["metadata", "--offline", "--no-deps", "--format-version", "1"]));
    let mut metadata: Value = serde_json::from_str(&metadata.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

fn dependencies(package: &Value) -> &Vec<Value> {
    package["dependencies"].as_array().unwrap()
}

#[test]
fn members_write_same_versions_and_features() {
    let packages = packages();
    assert!(packages.len() >= 7);
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for package in &packages {
        for field in ["edition", "rust_version", "license", "version"] {
            assert_eq!(package[field], packages[0][field], "{field} of {}", package["name"]);
        }
        for dependency in dependencies(package) {
            // cpu-bound-demo takes shared without HTTP.
            let name = dependency["name"].as_str().unwrap();
            // The programs to copy take what a newcomer would: their demo is built without it.
            let for_programs = ["clap", "indicatif"].contains(&name) && dependency["kind"] == "dev";
            if name != "shared" && !for_programs {
                let line = format!(
                    "{} {} {}",
                    dependency["req"], dependency["features"], dependency["uses_default_features"]
                );
                let before = lines.entry(name.into()).or_insert_with(|| line.clone());
                assert_eq!(*before, line, "{name} in {}", package["name"]);
            }
        }
    }
}

#[test]
fn members_inherit_nothing_and_forbid_unsafe() {
    for manifest in files(root(), "Cargo.toml") {
        if manifest.parent() == Some(root()) {
            continue;
        }
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(!text.contains("workspace = true"), "{manifest:?} inherits");
        assert!(!text.contains("[profile"), "{manifest:?} has a profile");
        let forbids = text.contains("[lints.rust]\nunsafe_code = \"forbid\"");
        assert!(forbids, "{manifest:?} allows unsafe code");
    }
}

#[test]
fn process_demo_depends_on_no_tokio() {
    let packages = packages();
    let package = packages.iter().find(|package| package["name"] == "process-demo").unwrap();
    let names: HashSet<&str> =
        dependencies(package).iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains("shared") && !names.contains("tokio"), "{names:?}");
}

#[test]
fn cpu_bound_demo_builds_without_http() {
    let tree = ["tree", "--offline", "-p", "cpu-bound-demo", "-e", "normal", "--prefix", "none"];
    let tree = run(cargo().args(tree));
    assert_eq!(tree.exit, ChildExit::Code(0), "{}", tree.stderr);
    for name in ["reqwest", "hyper", "http", "rustls"] {
        assert!(!tree.stdout.contains(&format!("\n{name} v")), "{name} is in the build");
    }
    assert!(tree.stdout.contains("\nrayon v"));
}

#[test]
fn examples_cost_their_demos_nothing() {
    for name in DEMOS {
        let tree = ["tree", "--offline", "-p", name, "-e", "normal,build", "--prefix", "none"];
        let tree = run(cargo().args(tree));
        assert_eq!(tree.exit, ChildExit::Code(0), "{}", tree.stderr);
        for dependency in ["clap_derive", "ctrlc", "fastrand"] {
            assert!(!tree.stdout.contains(&format!("\n{dependency} v")), "{dependency} in {name}");
        }
    }
}

#[test]
fn http_feature_stands_in_few_places() {
    let sources = files(&root().join("shared/src"), ".rs");
    let text: String = sources.iter().map(|file| read(file.to_str().unwrap())).collect();
    let places = text.matches("feature = \"http\"").count();
    assert!((1..=8).contains(&places), "{places} places");
}
