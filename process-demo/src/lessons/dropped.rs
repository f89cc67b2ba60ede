//! A `Child` is only a handle: dropping it neither kills the process nor reaps it. The process runs on,
//! and after its end the OS keeps it in its table, as a zombie, until the parent ends.
//! You will see a child that still answers after its handle is gone, and one that a guard killed.
//! Try it: in the guard, close the pipe and `wait` instead of `kill`. Which is the better end?

use std::io::{self, Write};
use std::process::Child;

use anyhow::Result;
use shared::os::child::PipedChild;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};

use super::full_pipes::ECHO;

pub const LESSON: Lesson = Lesson::new(
    "dropped",
    "What becomes of a process whose handle is dropped",
    &["P9"],
    run,
    include_str!("dropped.rs"),
)
.child_modes(&[ECHO]);

fn run(_: &Lab) -> Result<Evidence> {
    let dropped = echo_after(drop)?; // The trap.
    let guarded = echo_after(|child| drop(Guard(child)))?; // The cure.
    let finding = check(&dropped, &guarded).on("P9", "Dropping a `Child` does not end the process");
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

/// What an echo still answers after `end` got its handle.
fn echo_after(end: impl Fn(Child)) -> Result<String> {
    let PipedChild { child, mut stdin, stdout } = ECHO.spawn(&[])?;
    end(child);
    let _ = stdin.write_all(b"still here"); // Refused if the process is gone.
    drop(stdin);
    Ok(io::read_to_string(stdout)?)
}

/// What a child answered after its handle was dropped, and after a guard's was.
fn check(dropped: &str, guarded: &str) -> Check {
    Check::exactly(
        "dropped: 'still here', guarded: ''",
        format!("dropped: '{dropped}', guarded: '{guarded}'"),
        "the dropped one ran on, the guard killed the other",
    )
}

#[cfg(test)]
mod tests {
    use shared::report::Verdict::*;

    use super::*;

    #[test]
    fn only_the_dropped_child_may_answer() {
        assert_eq!(check("still here", "").verdict, Holds);
        assert_eq!(check("", "").verdict, Fails);
        assert_eq!(check("still here", "still here").verdict, Fails);
    }
}
