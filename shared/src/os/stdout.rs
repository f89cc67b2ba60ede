//! Writing to stdout so that nothing gets lost: `print!` would panic, a buffer would swallow errors.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::thread::sleep;
use std::time::Duration;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

/// Writes all of `text`, in one piece if stdout takes it. A full non-blocking pipe is waited for.
/// Colours stay in only for a terminal that shows them, or if they are forced.
///
/// # Errors
/// Those of stdout, such as a full disk or a reader that has left.
pub fn write(text: &str) -> io::Result<()> {
    // JSON has no escape codes, and must stay as it is.
    let text = match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never if text.contains('\u{1b}') => Cow::Owned(strip_str(text).to_string()),
        _ => Cow::Borrowed(text),
    };
    // A pass-through that tells a Windows console to understand colours. (The one that strips them
    // would repeat itself after an interrupted write.)
    let mut stdout = AutoStream::always_ansi(io::stdout().lock());
    let mut rest = text.as_bytes();
    // std's buffer ends at the last newline, and takes the bytes after it without an error.
    while !rest.is_empty() {
        match stdout.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) => wait_if_full(error)?,
        }
    }
    while let Err(error) = stdout.flush() {
        wait_if_full(error)?;
    }
    Ok(())
}

fn wait_if_full(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock => sleep(Duration::from_millis(1)),
        ErrorKind::Interrupted => {}
        _ => return Err(error),
    }
    Ok(())
}
