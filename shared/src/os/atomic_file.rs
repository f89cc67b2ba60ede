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
    let path = Path::new(path);
    if path.file_name().is_none() || path.is_dir() {
        return Err("not a file".into());
    }
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => return Err("not a regular file".into()),
        Ok(file) if file.permissions().readonly() => return Err("the file is read-only".into()),
        _ => {}
    }
    let temporary = temporary(&resolve(path));
    File::create(&temporary).map_err(|error| format!("cannot write there: {error}"))?;
    let _ = fs::remove_file(temporary);
    Ok(())
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
    // A link whose target does not exist yet.
    if let (Ok(target), Some(directory), false) =
        (fs::read_link(path), path.parent(), path.exists())
    {
        return resolve(&directory.join(target));
    }
    let new = || {
        // A bare name has no directory, which means the current one.
        let directory = path.parent().map(|parent| Path::new(".").join(parent));
        let directory = fs::canonicalize(directory?).ok()?;
        Some(directory.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(new).unwrap_or(path.into())
}

/// A name in the same directory that no other process uses.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
