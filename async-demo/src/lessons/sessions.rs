//! A client keeps its connections open and uses them again. The notebook makes a new
//! `ClientSession` for each request, so each request opens a new connection and closes it.
//!
//! You will see how many connections the server accepted for the same requests.
//!
//! Try it: `notebook --url https://example.com`: there, a connection costs two or three round trips
//! before the first byte.

use anyhow::Result;
use shared::report::{Run, Verdict};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;

pub const LESSON: Lesson = Lesson::new(
    "sessions",
    "A client for each request, and one for all",
    &["A11"],
    run,
    include_str!("sessions.rs"),
)
.needs_embedded_server();

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let each = lab.run("session-each", lab.sum_ms(), |ids| {
        rt.block_on(async {
            let mut tasks = Vec::new();
            for &id in ids {
                let client = lab.async_client()?; // The trap: inside the loop.
                tasks.push(client.get(id).await);
            }
            Ok(tasks)
        })
    })?;
    let one = lab.run("one-session", lab.sum_ms(), |ids| {
        rt.block_on(async {
            let client = lab.async_client()?; // The cure: before the loop.
            let mut tasks = Vec::new();
            for &id in ids {
                tasks.push(client.get(id).await);
            }
            Ok(tasks)
        })
    })?;
    let finding =
        check(&each, &one).on("A11", "A session for each request opens a connection each");
    Ok(Evidence::new(vec![each, one], vec![finding]))
}

/// Runs in sequence, with a client for each request and with one for all.
fn check(each: &Run, one: &Run) -> Check {
    let n = each.tasks.len();
    let (Some(many), Some(few)) = (each.connections, one.connections) else {
        let why = (Verdict::NotShown, "this server does not count connections");
        return Check::new("", "", why);
    };
    let reason = if many < n {
        (Verdict::Fails, "separate sessions shared connections")
    } else if few >= n {
        (Verdict::Fails, "one session used no connection twice")
    } else {
        (Verdict::Holds, "counted by the server")
    };
    Check::new(
        format!("{n} connections, then 1"),
        format!("{many} connections, then {few}"),
        reason,
    )
    .unless((n < 2).then_some("a single request needs one connection in either case"))
    .unless(lost(&[each, one]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    #[test]
    fn fewer_connections_than_requests_hold() {
        let run = |n, connections| Run { connections: Some(connections), ..seen(n, 1) };
        for (each, one, verdict, because) in [
            (run(10, 10), run(10, 9), Holds, "counted"),
            (run(2, 2), run(2, 1), Holds, "counted"),
            (run(10, 9), run(10, 1), Fails, "separate sessions"),
            (run(10, 10), run(10, 10), Fails, "one session"),
            (run(1, 1), run(1, 1), NotShown, "single request"),
            (run(3, 3), losing(run(3, 1), 1, "refused"), NotShown, "1 of 3 tasks"),
            (seen(3, 1), run(3, 1), NotShown, "does not count"),
            (run(3, 3), seen(3, 1), NotShown, "does not count"),
        ] {
            let check = check(&each, &one);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }
}
