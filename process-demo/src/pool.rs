//! A pool of k workers for any number of tasks: each worker has a [`supervisor`], and the
//! [`task_queue`] keeps count of the tasks.

use anyhow::Result;
use shared::Lab;
use shared::demo::LessonOption;

use launcher::WORKER_COMMAND;
pub use supervisor::run;

#[cfg(test)]
pub mod faults;
pub mod launcher;
mod supervisor;
mod task_queue;
pub mod worker;

/// Those of the lessons whose pools may lose workers, or have them elsewhere.
pub const OPTIONS: &[LessonOption] = &[RETRIES, WORKER_COMMAND];

const RETRIES: LessonOption = LessonOption {
    name: "retries",
    value: "N",
    help: "In a pool: how often a task is retried whose worker died [default: 0]",
    check: |text| match text.parse::<usize>() {
        Ok(0..=10) => Ok(()),
        _ => Err("expected a whole number from 0 to 10".into()),
    },
    writes: false,
};

/// The value of `--retries`.
///
/// # Errors
/// None: the command line has been checked.
pub fn retries(lab: &Lab) -> Result<usize> {
    Ok(lab.options.get(RETRIES.name).map_or(Ok(0), str::parse)?)
}
