//! Rust rejects a program in which two threads could access the same data at once while one of them
//! writes: a data race does not compile. Python would run it. The compiler finds nothing else: race
//! conditions, deadlocks and locks held too long compile, as the next three lessons show.
//!
//! You will see four programs with one wrong line each, what the compiler says about that line, and
//! that each program compiles once the line is corrected.
//!
//! Try it: replace the last `trap` by `std::sync::Arc::new(1)`. It compiles, so the last finding fails.

use anyhow::Result;
use shared::{Evidence, Lab, Lesson};

use crate::lessons::compiler::Case;

pub const LESSON: Lesson = Lesson::new(
    "refused",
    "Programs with threads that do not compile, and why",
    &["T10"],
    run,
    include_str!("refused.rs"),
)
.uses(&[]);

const CASES: [Case; 4] = [
    Case {
        says: "A thread cannot borrow from a function that may return first",
        error: "E0373",
        program: r#"
            fn main() {
                let list = vec![1, 2, 3];
                let thread = std::thread::spawn(LINE);
                println!("{:?}", thread.join());
            }"#,
        trap: "|| list.len()",
        cure: "move || list.len()",
    },
    Case {
        says: "A value moved into a thread cannot be used outside",
        error: "E0382",
        program: r#"
            fn main() {
                let list = vec![1, 2, 3];
                let thread = std::thread::spawn(LINE);
                println!("{} {:?}", list.len(), thread.join());
            }"#,
        trap: "move || list.len()",
        cure: "{ let list = list.clone(); move || list.len() }",
    },
    Case {
        says: "Two threads that write one variable do not compile",
        error: "E0499",
        program: r#"
            use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
            fn main() {
                let (mut plain, atomic) = (0, AtomicUsize::new(0));
                std::thread::scope(|scope| for _ in 0..2 { scope.spawn(|| LINE); });
                plain += atomic.into_inner();
                println!("{plain}");
            }"#,
        trap: "plain += 1",
        cure: "atomic.fetch_add(1, Relaxed)",
    },
    Case {
        says: "A reference count that is not atomic stays in its thread",
        error: "E0277",
        program: r#"
            fn main() {
                let shared = LINE;
                println!("{:?}", std::thread::spawn(move || *shared + 1).join());
            }"#,
        trap: "std::rc::Rc::new(1)",
        cure: "std::sync::Arc::new(1)",
    },
];

fn run(_: &Lab) -> Result<Evidence> {
    let findings = CASES.iter().map(|case| case.finding("T10")).collect();
    Ok(Evidence::new(Vec::new(), findings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use shared::report::Verdict::*;

    #[test]
    fn corrected_or_uncured_program_fails() {
        if !arm::has_rustc() {
            return println!("skipped: no rustc");
        }
        for case in CASES {
            for (trap, cure, verdict) in [
                (case.trap, case.cure, Holds),
                (case.cure, case.cure, Fails),
                (case.trap, case.trap, Fails),
            ] {
                let finding = Case { trap, cure, ..case }.finding("T10");
                assert_eq!(finding.verdict, verdict, "{finding:#?}");
            }
        }
    }
}
