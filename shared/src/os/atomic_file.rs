//! Output files: checked before any work, then written whole or left as they were.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::ExitError;

/// Checks that `path` is writable. Writes nothing to it.
///
/// # Errors
/// Why it is not, in words that follow "invalid value".
pub fn check(path: &str) -> Result<(), String> {
    if path.starts_with('-') {
        return Err("a file name must not begin with a hyphen: write ./ in front".into());
    }
    let is_directory = path.ends_with(std::path::is_separator);
    let path = Path::new(path);
    if path.file_name().is_none() || path.is_dir() || is_directory {
        return Err("not a file".into());
    }
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => return Err("not a regular file".into()),
        Ok(file) if is_stdout(&file) => return Err("stdout is written to this file".into()),
        Ok(file) if file.permissions().readonly() => return Err("the file is read-only".into()),
        // Such as a link to itself.
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(format!("cannot write there: {error}"));
        }
        _ => {}
    }
    let temporary = temporary(&resolve(path));
    File::create(&temporary).map_err(|error| format!("cannot write there: {error}"))?;
    let _ = fs::remove_file(temporary);
    Ok(())
}

/// Whether stdout is redirected to `file`. Replacing the file would lose what stdout got.
fn is_stdout(file: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::{fd::AsFd, unix::fs::MetadataExt};
        let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        let stdout = stdout.and_then(|stdout| stdout.metadata());
        stdout.is_ok_and(|stdout| (stdout.dev(), stdout.ino()) == (file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// Writes the file. The old one stays until the new one is complete.
///
/// # Errors
/// [`ExitError::Output`] with the cause.
pub fn write(path: &str, contents: &[u8]) -> Result<(), ExitError> {
    let path = resolve(Path::new(path));
    let temporary = temporary(&path);
    let written = save(&temporary, contents).and_then(|()| {
        // A user who could not read the old file must not be able to read the new one.
        if let Ok(old) = fs::metadata(&path) {
            fs::set_permissions(&temporary, old.permissions())?;
        }
        match fs::rename(&temporary, &path) {
            // A file that is a mount point of its own cannot be replaced, only written.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                fs::remove_file(&temporary)?;
                save(&path, contents)
            }
            renamed => renamed,
        }
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        ExitError::Output(format!("cannot write {}: {error}", path.display()))
    })
}

fn save(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    io::Write::write_all(&mut file, contents)?;
    // Some file systems report a full disk only now.
    file.sync_all()
}

/// The absolute path that `path` leads to, with links followed: [`write()`] replaces a link's target,
/// not the link. Two names of one file resolve to the same path.
pub fn resolve(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // A link whose target does not exist yet. Like Linux, this follows 40 links at most.
    for _ in 0..40 {
        match (fs::read_link(&path), path.parent(), path.exists()) {
            (Ok(target), Some(directory), false) => path = directory.join(target),
            _ => break,
        }
    }
    let new = || {
        // A bare name has no directory, which means the current one.
        let directory = path.parent().map(|parent| Path::new(".").join(parent));
        let directory = fs::canonicalize(directory?).ok()?;
        Some(directory.join(path.file_name()?))
    };
    fs::canonicalize(&path).ok().or_else(new).unwrap_or(path)
}

/// A name in the same directory that no other process uses.
fn temporary(path: &Path) -> PathBuf {
    // The file's own name may be as long as a name can be.
    path.with_file_name(format!("unfinished.{}.tmp", std::process::id()))
}
