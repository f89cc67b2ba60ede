//! A client keeps its connections open and uses them again. The notebook makes a new `ClientSession`
//! for each request, and so a new connection, which is thrown away afterwards.
//!
//! You will see how many connections the server had to accept for the same requests.
//!
//! Try it: `--url` of an https site in the lesson `notebook`: there a connection costs three round
//! trips before the first byte.

use anyhow::Result;
use shared::lab::{Evidence, Lab};
use tokio::runtime::Builder;

use crate::judge;

pub const ABOUT: &str = "A client for each request, and one for all";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let event_loop = Builder::new_current_thread().enable_all().build()?;
    let sum = lab.delay_ms.map(|delay| delay * lab.tasks as f64);
    let each = lab.run("session-each", sum, |_| {
        event_loop.block_on(async {
            let mut tasks = Vec::new();
            for id in 0..lab.tasks {
                let activity = lab.non_blocking()?; // The trap: inside the loop.
                tasks.push(activity.get(id).await);
            }
            Ok(tasks)
        })
    })?;
    let one = lab.run("one-session", sum, |_| {
        event_loop.block_on(async {
            let activity = lab.non_blocking()?; // The cure: before the loop.
            let mut tasks = Vec::new();
            for id in 0..lab.tasks {
                tasks.push(activity.get(id).await);
            }
            Ok(tasks)
        })
    })?;
    let finding = judge::sessions(&each, &one)
        .on("A11", "A session for each request is a connection for each");
    Ok(Evidence::new(vec![each, one], vec![finding]))
}
