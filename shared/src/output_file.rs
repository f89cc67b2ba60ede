//! Files that results are saved to: found out to be writable before any work, and then whole or
//! as they were.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Stop;

/// Says whether a file can be written at `path`, without writing it.
///
/// # Errors
/// It cannot, and why.
pub fn check(path: &str) -> Result<(), String> {
    let path = Path::new(path);
    if path.file_name().is_none() || path.is_dir() {
        return Err("not a file".into());
    }
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => return Err("not a regular file".into()),
        Ok(file) if file.permissions().readonly() => return Err("the file is read-only".into()),
        _ => {}
    }
    let beside = beside(&target(path));
    File::create(&beside).map_err(|error| format!("cannot write there: {error}"))?;
    let _ = fs::remove_file(beside);
    Ok(())
}

/// Writes the file. An old one stays until the new one is whole.
///
/// # Errors
/// [`Stop::Output`] with the cause.
pub fn write(path: &str, contents: &[u8]) -> Result<(), Stop> {
    let path = target(Path::new(path));
    let beside = beside(&path);
    let written = save(&beside, contents).and_then(|()| {
        // Who could not read the old one shall not read the new one.
        if let Ok(old) = fs::metadata(&path) {
            fs::set_permissions(&beside, old.permissions())?;
        }
        fs::rename(&beside, &path)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        Stop::Output(format!("cannot write {}: {error}", path.display()))
    })
}

fn save(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    io::Write::write_all(&mut file, contents)?;
    // Some file systems say only now that the disk is full.
    file.sync_all()
}

/// The one name of a file, by whatever way it was named. What a link points to is replaced, and not
/// the link.
pub(crate) fn target(path: &Path) -> PathBuf {
    let new = || {
        // A bare name has no directory, which is to say the current one.
        let directory = path.parent().map(|parent| Path::new(".").join(parent));
        let directory = fs::canonicalize(directory?).ok()?;
        Some(directory.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(new).unwrap_or(path.into())
}

/// A name in the same directory that no other run uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
