//! How long does work go on that is no longer needed? Inside a process, nothing can stop code from
//! outside: a `JoinHandle` has no kill, and dropping it changes nothing. A thread stops when it checks
//! a flag or its socket is shut down, a task at its next await. A process can be killed.
//! You will see eight times the same work of a hundred pieces, and how many were done although each
//! was stopped after the first.
//! Try it: `thread.kill();` in place of `drop(thread);`: error E0599, there is no such method.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::Builder;

use anyhow::{Context, Result};
use shared::os::clock::now_ms;
use shared::os::threads;
use shared::report::{Figure, Scale};
use shared::verdict::Check;
use shared::{Evidence, Lab, Lesson};
use tokio::runtime;

use crate::lessons::stoppable_work::{PIECES, PROCESS, Work, stop_process};

pub const LESSON: Lesson = Lesson::new(
    "stop",
    "How to stop a thread, a job, a task and a process, and how long it takes",
    &["G10"],
    run,
    include_str!("stop.rs"),
)
.uses(&[])
.child_modes(&[PROCESS]);

const KINDS: [&str; 8] =
    ["thread", "job", "task", "thread+flag", "thread+socket", "job+flag", "task+await", "process"];

fn run(_: &Lab) -> Result<Evidence> {
    threads::check(3).context("cannot start three threads")?; // Without them, tokio would panic.
    let mut figure = Figure::new("Time until it stopped", "ms", Scale::Logarithmic);
    let mut done = Vec::new();
    for kind in KINDS {
        let (pieces, ms) = stop(kind, true)?;
        figure = figure.point(kind, ms, None);
        done.push((kind, pieces));
    }
    let says = "Inside a process, only code that checks, awaits or reads can be stopped";
    Ok(Evidence::new(Vec::new(), vec![check(&done).on("G10", says)]).with(vec![figure]))
}

/// Starts the work in a thread, job, task or process, and stops it after the first piece, if `stops`.
/// Returns how many pieces were done, and how many milliseconds the work went on.
fn stop(kind: &str, stops: bool) -> Result<(usize, f64)> {
    if kind == "process" {
        return stop_process(stops);
    }
    let (work, control) = Work::new();
    let (checks_flag, flag) = (kind.ends_with("flag"), control.flag.clone());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let rt = runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    let stop: Box<dyn FnOnce()> = match kind {
        "thread" | "thread+flag" => {
            let thread = Builder::new().spawn(move || work.all(checks_flag))?;
            Box::new(move || {
                flag.store(true, SeqCst);
                drop(thread);
            })
        }
        "thread+socket" => {
            let server = TcpListener::bind("127.0.0.1:0")?;
            let socket = TcpStream::connect(server.local_addr()?)?;
            let (silent, _) = server.accept()?; // The other end, which never writes.
            let handle = socket.try_clone()?;
            Builder::new().spawn(move || work.all_unless_closed(socket))?;
            Box::new(move || drop((handle.shutdown(Shutdown::Both), silent)))
        }
        "job" | "job+flag" => {
            pool.spawn(move || work.all(checks_flag));
            Box::new(move || {
                flag.store(true, SeqCst);
                drop(pool);
            })
        }
        "task" => {
            let task = rt.spawn(async move { work.all(false) });
            Box::new(move || task.abort())
        }
        _ => {
            let task = rt.spawn(work.all_with_awaits());
            Box::new(move || task.abort())
        }
    };
    control.wait_until_begun()?;
    let stop_ms = now_ms();
    if stops {
        stop();
    }
    let pieces = control.wait_for_end();
    Ok((pieces, now_ms() - stop_ms))
}

/// Did only the thread, the job and the task that never check, await or read do all pieces?
fn check(done: &[(&str, usize)]) -> Check {
    let table = |pieces: &dyn Fn(&(&str, usize)) -> usize| {
        let cells = done.iter().map(|cell| format!("{} {}", cell.0, pieces(cell)));
        format!("pieces done of {PIECES}: {}", cells.collect::<Vec<_>>().join(", "))
    };
    let expected = |&(kind, _): &(&str, usize)| match kind {
        "thread" | "job" | "task" => PIECES,
        _ => 1,
    };
    let because =
        "a dropped handle, a dropped pool and an abort changed nothing for the first three";
    Check::exactly(table(&expected), table(&|cell| cell.1), because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores::tests::assert_check;
    use shared::report::Verdict::*;

    #[test]
    fn work_that_is_not_stopped_fails() {
        // All kinds but the process, for which a test has no program to start.
        let done = |left_out| {
            let stop = |&kind: &&'static str| (kind, stop(kind, kind != left_out).unwrap().0);
            KINDS[..7].iter().map(stop).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let arms = ["", "thread+flag", "thread+socket", "job+flag", "task+await"];
            for left_out in arms {
                scope.spawn(move || {
                    let verdict = if left_out.is_empty() { Holds } else { Fails };
                    assert_check(check(&done(left_out)), verdict, "");
                });
            }
        });
    }

    #[test]
    fn stopped_thread_and_running_process_fail() {
        assert_check(check(&[("thread", 100), ("process", 1)]), Holds, "changed nothing");
        assert_check(check(&[("thread", 1), ("process", 1)]), Fails, "differs");
        assert_check(check(&[("thread", 100), ("process", 100)]), Fails, "differs");
        let check = check(&[("job", 7), ("job+flag", 8)]);
        assert_eq!(check.predicted, "pieces done of 100: job 100, job+flag 1");
        assert_eq!(check.measured, "pieces done of 100: job 7, job+flag 8");
    }
}
