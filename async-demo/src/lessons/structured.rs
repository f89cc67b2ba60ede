//! A task that fails ends alone: tasks that were spawned beside it go on, although nothing
//! waits for them any more. Dropping a `JoinHandle` only lets go of its task. A `JoinSet` owns
//! its tasks: the `?` that returns the error drops the set, and the set aborts them. Python's
//! `TaskGroup` does the same; `gather` and `create_task` let the others go on.
//! You will see ten tasks, one of which fails once the server has the requests of the nine
//! others. Then one request more opens the gate in which they wait, if they still do.
//! Try it: put the line `set.detach_all();` before `end??;`: the set lets go of its tasks as
//! handles do, all nine go on, and A4 fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use shared::http::server::Counters;
use shared::http::{AsyncClient, Server};
use shared::report::Outcome;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

pub const LESSON: Lesson = Lesson::new(
    "structured",
    "One of many tasks fails: what becomes of the others",
    &["A4", "T7"],
    run,
    include_str!("structured.rs"),
)
.uses(&["tasks", "timeout"])
.at_most(100);

fn run(lab: &Lab) -> Result<Evidence> {
    let (n, server) = (lab.tasks, lab.server()?);
    let client = AsyncClient::new(&lab.target_at(&format!("/gate/{n}"))?)?;
    let alone = outcome(server, &client, n, spawned)?;
    let in_set = outcome(server, &client, n, joined)?;
    let findings = vec![
        check_alone(n, &alone).on("T7", "A task that fails leaves the others alone"),
        check_set(n, &in_set).on("A4", "A set of tasks stops the others when one fails"),
    ];
    Ok(Evidence::new(Vec::new(), findings))
}

/// A task for each handle: the error returns, and the other handles are dropped.
async fn spawned(work: Arc<Work>) -> Result<()> {
    let mut handles = Vec::new();
    for id in 0..work.tasks {
        handles.push(tokio::spawn(work.clone().task(id)));
    }
    for handle in handles {
        handle.await??; // The trap: tasks do not end with their handles.
    }
    Ok(())
}

/// All tasks in a set: the error returns, and the set is dropped.
async fn joined(work: Arc<Work>) -> Result<()> {
    let mut set = JoinSet::new();
    for id in 0..work.tasks {
        set.spawn(work.clone().task(id));
    }
    while let Some(end) = set.join_next().await {
        end??; // The cure: the set aborts its tasks when it is dropped.
    }
    Ok(())
}

/// Has `all` run the tasks, the first of which fails, and asks the server about the others.
fn outcome<F: Future<Output = Result<()>>>(
    server: &Server,
    client: &AsyncClient,
    tasks: usize,
    all: fn(Arc<Work>) -> F,
) -> Result<Others> {
    let counters = server.reset_counters();
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (client, passed) = (client.clone(), AtomicUsize::new(0));
        let work = Arc::new(Work { tasks, client, counters: counters.clone(), passed });
        let _ = all(work.clone()).await;
        let arrived = counters.hits.load(SeqCst);
        for _ in 0..tasks {
            yield_now().await; // The event loop drops tasks that were aborted.
        }
        if Arc::strong_count(&work) > 1 && arrived + 1 == tasks {
            work.client.get(0).await; // They are left: the gate needs one request more.
        }
        until(|| Arc::strong_count(&work) == 1 && counters.waiting() == 0).await;
        let gone = counters.disconnects.load(SeqCst);
        Ok(Others { arrived, gone, passed: work.passed.load(SeqCst) })
    })
}

/// `n` tasks that were spawned alone, one of which has failed.
fn check_alone(n: usize, others: &Others) -> Check {
    Check::exactly(
        format!("{0} of {0} others pass the gate", n - 1),
        format!("{} of {} others pass the gate", others.passed, n - 1),
        "the gate opened after the failure, and they were still waiting in it",
    )
    .unless(others.doubt(n))
}

/// The same in a set.
fn check_set(n: usize, others: &Others) -> Check {
    Check::exactly(
        format!("{0} of {0} others disconnect", n - 1),
        format!("{} of {} others disconnect", others.gone, n - 1),
        "the server saw them go when the set was dropped",
    )
    .unless(others.doubt(n))
}

/// What the tasks share.
struct Work {
    tasks: usize,
    client: AsyncClient,
    counters: Arc<Counters>,
    /// Tasks that passed the gate.
    passed: AtomicUsize,
}

impl Work {
    async fn task(self: Arc<Self>, id: usize) -> Result<()> {
        if id == 0 {
            until(|| self.counters.waiting() == self.tasks - 1).await;
            bail!("fails on purpose");
        }
        if self.client.get(id).await.outcome == Outcome::Done {
            self.passed.fetch_add(1, SeqCst);
        }
        Ok(())
    }
}

/// Waits until a condition is true, at most five seconds.
async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() && begun.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(1)).await;
    }
}

/// The server's counts of the tasks that did not fail.
#[derive(Debug)]
struct Others {
    /// Before the first task failed.
    arrived: usize,
    /// Gone without an answer.
    gone: usize,
    /// Through the gate, after the first task had failed.
    passed: usize,
}

impl Others {
    fn doubt(&self, n: usize) -> Option<&'static str> {
        if n < 2 {
            Some("a single task has no others: try a larger -n")
        } else if self.arrived < n - 1 {
            Some("some requests had not reached the server in time")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use shared::report::Verdict::*;

    #[test]
    fn only_a_dropped_set_stops_others() {
        let server = arm::server();
        let client = AsyncClient::new(&arm::target(&server, "/gate/3")).unwrap();
        let alone = outcome(&server, &client, 3, spawned).unwrap();
        let in_set = outcome(&server, &client, 3, joined).unwrap();
        assert_eq!(check_alone(3, &alone).verdict, Holds, "{alone:?}");
        assert_eq!(check_alone(3, &in_set).verdict, Fails, "{in_set:?}");
        assert_eq!(check_set(3, &in_set).verdict, Holds, "{in_set:?}");
        assert_eq!(check_set(3, &alone).verdict, Fails, "{alone:?}");
        let late = Others { arrived: 1, ..in_set };
        assert!(check_alone(3, &late).because.contains("in time"));
        assert!(check_set(3, &late).because.contains("in time"));
        assert!(check_alone(1, &late).because.contains("single task"));
    }
}
