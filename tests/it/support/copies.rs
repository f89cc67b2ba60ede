//! Copies of the workspace, to change and to build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::os::child::ChildExit;

use super::demo::run_cargo;
use super::workspace::{cargo, root};

/// A copy of the workspace in a directory of its own, which is deleted at the end of the test.
pub struct WorkspaceCopy {
    /// The copy. Its parent has nothing else in it.
    pub path: PathBuf,
}

impl WorkspaceCopy {
    /// Copies the workspace. `name` is the test's own.
    pub fn new(name: &str) -> WorkspaceCopy {
        // Below target/, cargo would mistake the copy's sources for the original's.
        let parent = env::temp_dir().join(format!("copy {name} {}", std::process::id()));
        let copy = WorkspaceCopy { path: parent.join("workspace") };
        copy_directory(root(), &copy.path);
        copy
    }

    /// Replaces the text of a file by what `change` makes of it, which must differ.
    pub fn edit(&self, file: &str, change: impl FnOnce(&str) -> String) {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text, "{file} is as it was");
        fs::write(path, changed).unwrap();
    }

    /// Gives the package in `directory` another name, so that its program does not replace the one
    /// that other tests start.
    pub fn rename(&self, directory: &str, old: &str, new: &str) {
        self.edit(&format!("{directory}/Cargo.toml"), |manifest| {
            manifest.replace(&format!("name = \"{old}\""), &format!("name = \"{new}\""))
        });
    }

    /// `cargo run` of a package in the copy, with these words for the program.
    pub fn run(&self, package: &str, words: &[&str]) -> Command {
        let mut run = cargo_in(&self.path, "run");
        run.args(["-p", package, "--"]).args(words);
        run
    }
}

impl Drop for WorkspaceCopy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.path.parent().unwrap());
    }
}

/// A cargo command in a copy. It builds into the original's target directory, where the crates that
/// demos depend on are built already.
pub fn cargo_in(directory: &Path, command: &str) -> Command {
    let mut cargo = cargo();
    cargo.current_dir(directory).args([command, "--offline", "--quiet"]);
    cargo
}

/// Has a shell run commands of README in a directory, offline. Each must succeed.
pub fn follow(directory: &Path, commands: &str) {
    let mut shell = Command::new("sh");
    // The environment of our own cargo, whose target directory has all dependencies.
    for (name, value) in cargo().get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut path = env::split_paths(&env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    path.extend(Path::new(cargo().get_program()).parent().map(Path::to_path_buf));
    shell.env("PATH", env::join_paths(path).unwrap()).env("CARGO_NET_OFFLINE", "true");
    // What the workspace's profile says of dependencies, so that they need not be built again.
    shell.env("CARGO_PROFILE_DEV_DEBUG", "0");
    let output = run_cargo(shell.current_dir(directory).args(["-e", "-c", commands]));
    assert_eq!(output.exit, ChildExit::Code(0), "{commands}{}", output.stderr);
}

/// Copies a directory, except what cargo and git keep in it.
pub fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != ".git" {
                copy_directory(&entry.path(), &to.join(name));
            }
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
