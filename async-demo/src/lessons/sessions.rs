//! A client keeps its connections open and uses them again. The notebook makes a new
//! `ClientSession` for each request, so each request opens a new connection and closes it.
//! But a connection carries one HTTP/1.1 request at a time: ten requests at once, as in the
//! notebook's `gather`, need ten connections from one session, too. It keeps them for the next ten.
//! You will see how many connections the server accepted in each case.
//! Try it: delete the line marked "The trap": the first row then needs 1 connection, too, and the
//! finding fails.

use anyhow::Result;
use shared::http::AsyncClient;
use shared::report::{Run, Verdict};
use shared::verdict::{Check, lost};
use shared::{Evidence, Lab, Lesson, Task};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

pub const LESSON: Lesson = Lesson::new(
    "sessions",
    "A client for each request, and one for all",
    &["A11"],
    run,
    include_str!("sessions.rs"),
)
.uses(&["tasks", "delay", "timeout", "trace"]);

fn run(lab: &Lab) -> Result<Evidence> {
    let rt = Builder::new_current_thread().enable_all().build()?;
    let new = || lab.async_client();
    let client = new()?;
    let each = lab.run("session-each", lab.sum_ms(), |ids| {
        rt.block_on(async {
            let mut tasks = Vec::new();
            for &id in ids {
                let client = new()?; // The trap: inside the loop.
                tasks.push(client.get(id).await);
            }
            Ok(tasks)
        })
    })?;
    let one = lab.run("one-session", lab.sum_ms(), |ids| rt.block_on(in_sequence(&client, ids)))?;
    let client = new()?;
    let first = lab.run("at-once", lab.each_ms(), |ids| rt.block_on(at_once(&client, ids)))?;
    let again =
        lab.run("at-once-again", lab.each_ms(), |ids| rt.block_on(at_once(&client, ids)))?;
    let runs = vec![each, one, first, again];
    let finding = check(&runs).on("A11", "A session for each request opens a connection each");
    Ok(Evidence::new(runs, vec![finding]))
}

async fn in_sequence(client: &AsyncClient, ids: &[usize]) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for &id in ids {
        tasks.push(client.get(id).await);
    }
    Ok(tasks)
}

async fn at_once(client: &AsyncClient, ids: &[usize]) -> Result<Vec<Task>> {
    let mut set = JoinSet::new();
    for &id in ids {
        let client = client.clone();
        set.spawn(async move { client.get(id).await });
    }
    let mut tasks = Vec::new();
    while let Some(end) = set.join_next().await {
        tasks.push(end?);
    }
    Ok(tasks)
}

/// Runs with a client for each request; with one for all, in sequence; and twice with another one,
/// at once.
fn check(runs: &[Run]) -> Check {
    let n = runs[0].tasks.len();
    let counts: Option<Vec<usize>> = runs.iter().map(|run| run.connections).collect();
    let Some(counts) = counts else {
        let why = (Verdict::NotShown, "this server does not count connections");
        return Check::new("", "", why);
    };
    let words = |counts: &[usize]| match counts {
        [each, one, at_once, again] => {
            format!("connections: {each}, then {one}; at once {at_once}, then {again} more")
        }
        _ => String::new(),
    };
    let expected = [n, 1, n, 0];
    let reason = match counts[..] {
        _ if counts == expected => (Verdict::Holds, "the server counted the connections"),
        [each, ..] if each < n => (Verdict::Fails, "separate sessions shared connections"),
        [_, one, ..] if one != 1 => {
            (Verdict::Fails, "one session in sequence needed more than one")
        }
        [_, _, _, again] if again >= n => {
            (Verdict::Fails, "the session did not use its open connections again")
        }
        // The first request can have its answer before the last one begins.
        _ => (Verdict::NotShown, "the requests were not all under way at the same time"),
    };
    Check::new(words(&expected), words(&counts), reason)
        .unless((n < 2).then_some("a single request needs one connection in any case"))
        .unless(lost(&runs.iter().collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use Verdict::*;
    use shared::report::sample::{losing, seen};

    fn counted(connections: [usize; 4]) -> Vec<Run> {
        connections.map(|count| Run { connections: Some(count), ..seen(10, 1) }).into()
    }

    #[test]
    fn connections_are_exact() {
        for (connections, verdict, because) in [
            ([10, 1, 10, 0], Holds, "the server counted"),
            ([9, 1, 10, 0], Fails, "separate sessions"),
            ([10, 9, 10, 0], Fails, "one session in sequence"),
            ([10, 1, 10, 10], Fails, "open connections"),
            ([10, 1, 9, 0], NotShown, "not all under way"),
            ([10, 1, 10, 1], NotShown, "not all under way"),
        ] {
            let check = check(&counted(connections));
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
        let mut runs = counted([10, 1, 10, 0]);
        runs[1] = losing(runs[1].clone(), 1, "refused");
        assert!(check(&runs).because.contains("1 of 10 tasks"));
        runs[1] = seen(10, 1);
        assert!(check(&runs).because.contains("does not count"));
    }

    /// Runs of two requests with sessions that are shared or not, as an arm has it.
    fn measured([each_shares, one_shares, again_shares]: [bool; 3]) -> Check {
        let server = arm::server();
        let rt = Builder::new_current_thread().enable_all().build().unwrap();
        // A gate lets requests pass that are there at the same time.
        let at = |path| AsyncClient::new(&arm::target(&server, path)).unwrap();
        let sequence = |shares: bool| {
            let client = at("/delay/1");
            arm::measure(&server, 2, |ids| {
                let mut client = client.clone();
                let mut tasks = Vec::new();
                for id in ids {
                    if !shares {
                        client = at("/delay/1");
                    }
                    tasks.extend(rt.block_on(in_sequence(&client, &[*id])).unwrap());
                }
                tasks
            })
        };
        let client = at("/gate/2");
        let round = |client: &AsyncClient| {
            arm::measure(&server, 2, |ids| rt.block_on(at_once(client, ids)).unwrap())
        };
        let first = round(&client);
        let again = if again_shares { round(&client) } else { round(&at("/gate/2")) };
        check(&[sequence(each_shares), sequence(one_shares), first, again])
    }

    #[test]
    fn broken_sessions_fail() {
        for (arms, verdict, because) in [
            ([false, true, true], Holds, "the server counted"),
            ([true, true, true], Fails, "separate sessions"),
            ([false, false, true], Fails, "one session in sequence"),
            ([false, true, false], Fails, "open connections"),
        ] {
            let check = measured(arms);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }
}
