//! A `Child` is only a handle: dropping it neither kills the process nor takes note of its end. What is
//! forgotten goes on, and once it has ended it stays in the system's table until its parent ends, too.
//!
//! You will see a child that still answers after its handle is gone, and one that a guard has killed.
//!
//! Try it: `wait` instead of `kill` in the guard, and close the pipe before. Which is the better end?

use std::io::{self, Write};
use std::process::Child;

use anyhow::Result;
use shared::child::{self, Piped};
use shared::lab::{Evidence, Lab};

use crate::full_pipes::ECHO;
use crate::judge;

pub const ABOUT: &str = "What becomes of a process whose handle is dropped";

pub fn run(_: &Lab) -> Result<Evidence> {
    let dropped = said_after(drop)?; // The trap.
    let guarded = said_after(|child| drop(Guard(child)))?; // The cure.
    let finding =
        judge::dropped(&dropped, &guarded).on("P9", "Dropping a `Child` does not end the process");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// Kills and reaps its process when it is dropped.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an echo still says after `forget` has had its handle.
fn said_after(forget: impl Fn(Child)) -> Result<String> {
    let Piped { child, mut to, from } = child::piped(ECHO.name, &[])?;
    forget(child);
    let _ = to.write_all(b"still here"); // Refused if nobody is there to read it.
    drop(to);
    Ok(io::read_to_string(from)?)
}
