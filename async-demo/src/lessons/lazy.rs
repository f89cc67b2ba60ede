//! Calling an async function runs none of its code. The call returns a value, the future, which
//! holds the arguments. An `await` runs it, or a task that is spawned with it.
//! You will see how many requests reached the server after ten calls, and after ten awaits.
//! Try it: delete the line with `future.await`, as if it were forgotten: no request reaches the
//! server at all, and the finding fails. The compiler warns of a variable that is not used.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use shared::http::server::Counters;
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime::Builder;
use tokio::time::sleep;

pub const LESSON: Lesson = Lesson::new(
    "lazy",
    "An async function that is called, but not awaited",
    &["A8"],
    run,
    include_str!("lazy.rs"),
)
.uses(&["tasks", "delay", "timeout"]);

fn run(lab: &Lab) -> Result<Evidence> {
    let client = lab.async_client()?;
    let counters = lab.server()?.reset_counters();
    let requests = requests(lab.tasks, &counters, |id| client.get(id))?;
    let lost = counters.answered() < counters.hits.load(Relaxed);
    let finding = check(lab.tasks, requests)
        .unless(lost.then_some("some requests got no answer"))
        .on("A8", "Calling an async function runs nothing of it");
    Ok(Evidence::new(Vec::new(), vec![finding]))
}

/// How many requests reach the server after `n` calls, and after the awaits.
fn requests<F: Future>(
    n: usize,
    counters: &Counters,
    call: impl Fn(usize) -> F,
) -> Result<[usize; 2]> {
    Ok(Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut futures = Vec::new();
        for id in 0..n {
            futures.push(call(id));
        }
        sleep(Duration::from_millis(100)).await; // A request under way would arrive by now.
        let called = counters.hits.load(Relaxed);
        for future in futures {
            future.await; // Here it runs.
        }
        [called, counters.hits.load(Relaxed)]
    }))
}

/// The server's count of requests after `n` calls, and after the awaits.
fn check(n: usize, [called, awaited]: [usize; 2]) -> Check {
    Check::exactly(
        format!("0 requests after the calls, {n} after the awaits"),
        format!("{called} requests after the calls, {awaited} after the awaits"),
        "counted by the server",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::arm;
    use shared::http::AsyncClient;
    use shared::report::Verdict::*;

    #[test]
    fn only_calls_without_tasks_are_lazy() {
        let server = arm::server();
        let client = AsyncClient::new(&arm::target(&server, "/delay/1")).unwrap();
        let spawn = |id| {
            let client = client.clone();
            tokio::spawn(async move { client.get(id).await }) // Runs without an await.
        };
        let lazy = requests(3, &server.reset_counters(), |id| client.get(id)).unwrap();
        let spawned = requests(3, &server.reset_counters(), spawn).unwrap();
        let forgotten = requests(3, &server.reset_counters(), |id| async move { id }).unwrap();
        for (requests, verdict) in [(lazy, Holds), (spawned, Fails), (forgotten, Fails)] {
            assert_eq!(check(3, requests).verdict, verdict, "{requests:?}");
        }
    }
}
