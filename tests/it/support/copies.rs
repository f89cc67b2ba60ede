//! Copies of the workspace, to change and to build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
