//! When `main` returns, the process ends, and with it every thread that nobody has joined, whatever
//! it was at. Python calls such threads daemons; in Rust all threads are.
//!
//! You will see how many of the requests got their answer when nobody waits for the threads, and
//! when somebody does.
//!
//! Try it: join only the first thread. What becomes of the others?

use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::activity::{BlockingActivity, Show, parse_url};
use shared::child;
use shared::cli::{Hidden, Stop};
use shared::judge::too_short;
use shared::lab::{Evidence, Lab};

use crate::judge;

/// What starts this program as a child that may leave its threads behind.
pub const CHILD: Hidden = Hidden::new("leave", leave).watching_stdin();

pub const ABOUT: &str = "Threads that nobody waits for end with main";

pub fn run(lab: &Lab) -> Result<Evidence> {
    let url = &lab.target()?.url;
    let mut answered = Vec::new();
    for way in ["detached", "joined"] {
        let seen = lab.server()?.observe();
        let mut child = child::this_program(CHILD.name)?;
        let patience_ms = lab.delay_ms.unwrap_or(0.0) + 20_000.0;
        let words = [way, &lab.tasks.to_string(), url.as_str(), &patience_ms.to_string()];
        child.args(words);
        let deadline = Duration::from_secs_f64(patience_ms / 1000.0 + 20.0);
        let ended = child::run_watching(&mut child, deadline)?;
        // The server notices a little later that a client is gone.
        let nobody_waits = |seen: &shared::server::Seen| seen.waiting() == 0;
        seen.wait_until(Duration::from_secs(5), nobody_waits);
        answered.push((ended.end, seen.answered()));
    }
    let finding = judge::left_behind(lab.tasks, answered[0], answered[1])
        .unless(too_short(lab.delay_ms))
        .on("T11", "Threads that nobody joins end with main");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// The child: a request in each thread, and then the end of main.
fn leave(words: &[String]) -> Result<()> {
    let [way, tasks, url, patience_ms] = words else {
        return Err(Stop::Usage("this mode is for the program itself".into()).into());
    };
    let url = parse_url(url).map_err(Stop::Usage)?;
    let patience = Duration::from_secs_f64(patience_ms.parse::<f64>()? / 1000.0);
    let activity = BlockingActivity::new(&url, patience, Show::Nothing)?;
    let mut threads = Vec::new();
    for id in 0..tasks.parse()? {
        let activity = activity.clone();
        let thread = Builder::new().spawn(move || activity.get(id));
        threads.push(thread.context("cannot start a thread")?);
    }
    // The line that matters.
    if way == "joined" {
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
    Ok(())
}
