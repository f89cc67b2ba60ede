//! Errors that decide the exit code.

use std::error::Error;
use std::fmt;

/// An error with an exit code of its own. Any other error means that something could not start: 3.
#[derive(Debug)]
pub enum ExitError {
    /// The command line asks for something impossible: 2.
    Usage(String),
    /// What the user asked for cannot start, so no other lesson's result makes up for it: 3.
    Start(String),
    /// A lesson is wrong, whatever the machine: 3.
    Bug(String),
    /// A result could not be written: 4.
    Output(String),
}

impl ExitError {
    /// The exit code that `error` leads to.
    pub fn code(error: &anyhow::Error) -> u8 {
        match error.downcast_ref::<ExitError>() {
            Some(ExitError::Usage(_)) => 2,
            Some(ExitError::Output(_)) => 4,
            Some(ExitError::Start(_) | ExitError::Bug(_)) | None => 3,
        }
    }
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ExitError::Usage(why)
            | ExitError::Start(why)
            | ExitError::Bug(why)
            | ExitError::Output(why) => f.write_str(why),
        }
    }
}

impl Error for ExitError {}
