//! The workspace on disk: its files, cargo, the programs, and directories for tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Variables that cargo sets for this package and its tests, by how their names begin. ring's build
/// script runs again when one of them changes.
const OF_THIS_PACKAGE: [&str; 7] = [
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];

/// The workspace's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The directory that cargo builds into.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The text of a file of the workspace.
pub fn read(file: &str) -> String {
    let file = root().join(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Files below `directory` whose names end like this, in order. Leaves out what cargo and git keep.
pub fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
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
    found.sort();
    found
}

/// Cargo as a user starts it in the workspace.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in env::vars_os() {
        let of_this_package =
            |name: &str| OF_THIS_PACKAGE.iter().any(|start| name.starts_with(start));
        if name.to_str().is_some_and(of_this_package) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", target());
    cargo
}

/// The program `name`. All programs are built before the first is used.
pub fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        // A learner's unfinished exercise need not compile.
        let demos: &[&str] = &["--workspace", "--exclude", "exercises", "--bins"];
        for programs in [demos, &["-p", "exercises", "--bin", "exercises"]] {
            let mut build = cargo();
            build.args(["build", "--quiet"]).args(programs);
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success(), "the programs do not build");
        }
        // This test is target/<profile>/deps/it-<hash>.
        env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf()
    });
    directory.join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// Copies a program. On Unix, another process writes the copy. If this process did, a child of
/// another test could hold the copy open for writing between its fork and its exec, and execve(2)
/// refuses a file that is open for writing.
pub fn copy_program(from: &Path, to: &Path) {
    if cfg!(unix) {
        let copied = Command::new("cp").args([from, to]).status();
        assert!(copied.unwrap().success());
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// An empty directory for one test. Its path has spaces, as a user's may have.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("test {name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}
