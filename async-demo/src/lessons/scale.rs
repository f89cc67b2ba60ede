//! A request that waits in async costs a socket and a few kilobytes of memory, buffers included. In a
//! thread it has a stack, and another one in the kernel, and the OS has to grant the thread.
//! You will see ten thousand of them wait at once: on one thread, and then in a thread each. The
//! server is a process of its own, so its memory does not count.
//! Try it: `-n 1000`: what each request costs stays as it is, so a thousand threads do as well.

use std::cell::Cell;
use std::thread;

use anyhow::{Result, ensure};
use shared::os::usage::private_kib;
use shared::os::{clock::now_ms, fd_limit};
use shared::report::{Figure, Outcome, Run, Scale, Verdict};
use shared::verdict::{Check, lost, too_short};
use shared::{Evidence, Lab, Lesson, Task};
use tokio::{runtime::Builder, task::JoinSet};

use crate::lessons::blocking_socket::BlockingSocket;
use crate::lessons::private_memory::{added_kib, kernel_stacks_kib};
use crate::lessons::server_process::{self, ServerProcess};
use crate::lessons::unpooled_client::UnpooledClient;

const ABOUT: &str = "Ten thousand requests that wait at once: on one thread, and in a thread each";
pub const LESSON: Lesson =
    Lesson::new("scale", ABOUT, &["A5", "T8"], run, include_str!("scale.rs"))
        .uses(&["tasks", "delay", "url", "timeout", "trace"])
        .tasks(10_000)
        .delay_ms(2_000)
        .memory_kib(|tasks| 100 * tasks as u64)
        .server(ServerProcess::start)
        .child_modes(&[server_process::MODE]);

fn run(lab: &Lab) -> Result<Evidence> {
    let few = lab.tasks / 20 > fd_limit::for_tasks(); // It would take more than twenty rounds.
    ensure!(!few, "too few open files are allowed (ulimit -n): try a smaller -n");
    let client = UnpooledClient::new(&lab.target()?)?;
    let tasks = measure(lab, "async", |ids, count| on_one_thread(&client, ids, count))?;
    let a5 = check(&tasks.run)
        .unless(too_short(lab.delay_ms))
        .on("A5", "One thread holds thousands of requests");
    if lab.delay_ms.is_none() {
        return Ok(Evidence::new(vec![tasks.run], vec![a5])); // Behind --url.
    }
    let socket = BlockingSocket::new(&lab.target()?)?;
    let get = |id| socket.get(id);
    let threads = measure(lab, "threads", |ids, count| in_a_thread_each(&get, ids, count))?;
    let t8 = check_threads(&threads.run)
        .unless(too_short(lab.delay_ms))
        .on("T8", "Threads hold thousands of requests, too: one thread of the OS for each");
    let figures = figures([&tasks, &threads]);
    Ok(Evidence::new(vec![tasks.run], vec![a5, t8]).with(figures))
}

/// Calls `count` when the first request has its answer, while the others wait for theirs.
fn on_one_thread(client: &UnpooledClient, ids: &[usize], count: &dyn Fn()) -> Result<Vec<Task>> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut set = JoinSet::new();
        for &id in ids {
            let client = client.clone();
            set.spawn(async move { client.get(id).await });
        }
        let mut tasks = Vec::new();
        while let Some(end) = set.join_next().await {
            if tasks.is_empty() {
                count();
            }
            tasks.push(end?);
        }
        Ok(tasks)
    })
}

/// The same with a thread for each request, as long as the OS grants one.
fn in_a_thread_each(
    get: &(impl Fn(usize) -> Task + Sync),
    ids: &[usize],
    count: &dyn Fn(),
) -> Result<Vec<Task>> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for &id in ids {
            // Of a stack, only what it touches takes memory. The usual 2 MiB are address space.
            let small = thread::Builder::new().stack_size(64 << 10);
            threads.push((id, small.spawn_scoped(scope, move || get(id))));
        }
        let mut tasks = Vec::new();
        for (id, thread) in threads {
            tasks.push(match thread {
                Ok(thread) => Task::join(id, Ok(thread)),
                Err(error) => Task::cancelled(id, now_ms(), format!("no thread: {error}")),
            });
            if tasks.len() == 1 {
                count();
            }
        }
        Ok(tasks)
    })
}

/// A run of many requests, and the OS's count of threads.
fn check(run: &Run) -> Check {
    let n = run.tasks.len();
    let peak = run.peak_in_flight.unwrap_or_else(|| run.most_at_once());
    let more = more_threads(run);
    let reason = match (peak, more) {
        (_, Some(1..)) if run.looks_up_names => (
            Verdict::NotShown,
            "the resolver looks up host names on its own threads: try an IP address",
        ),
        (_, Some(1..)) => (Verdict::Fails, "the run added threads"),
        _ if n < 1000 => (Verdict::NotShown, FEW),
        (1, _) => (Verdict::Fails, "never two requests waited at the same time"),
        _ if peak < n => (Verdict::NotShown, EARLY),
        (_, None) => (Verdict::NotShown, UNKNOWN),
        _ => (Verdict::Holds, "all waited at the same time, and the run added no thread"),
    };
    let threads = more.map_or("unknown".into(), |more| more.to_string());
    Check::new(
        format!("{n} at once, 0 more threads"),
        format!("{peak} at once, {threads} more threads"),
        reason,
    )
    .unless(lost(&[run]))
}

/// The same requests in a thread each.
fn check_threads(run: &Run) -> Check {
    let n = run.tasks.len();
    let (peak, more) = (run.peak_in_flight.unwrap_or(0), more_threads(run));
    // The OS refused a thread for those that were cancelled.
    let ran = run.tasks.iter().filter(|task| task.outcome != Outcome::Cancelled);
    let waiting = ran.filter(|task| run.threads.at_ms < task.end_ms).count();
    let reason = match more {
        Some(more) if more < waiting => {
            (Verdict::Fails, "more requests waited than there were threads".to_string())
        }
        _ if run.cancelled > 0 => {
            (Verdict::NotShown, format!("the OS granted only {} threads", n - run.cancelled))
        }
        _ if n < 1000 => (Verdict::NotShown, FEW.into()),
        _ if peak < n => (Verdict::NotShown, EARLY.into()),
        None => (Verdict::NotShown, UNKNOWN.into()),
        Some(more) => {
            let ended = match n.saturating_sub(more) {
                0 => "".into(),
                ended => format!("; {ended} had ended when the OS counted"),
            };
            (Verdict::Holds, format!("the OS granted a thread for each request{ended}"))
        }
    };
    let threads = more.map_or("unknown".into(), |more| more.to_string());
    let failed = run.failed + run.timed_out > 0;
    Check::new(
        format!("{n} at once, {n} more threads"),
        format!("{peak} at once, {threads} more threads"),
        reason,
    )
    .unless(lost(&[run]).filter(|_| failed))
}

const FEW: &str = "fewer than a thousand requests: try a larger -n";
const EARLY: &str = "the first requests had their answers before the last began";
const UNKNOWN: &str = "this operating system does not report our thread count";

fn more_threads(run: &Run) -> Option<usize> {
    Some(run.threads.during?.saturating_sub(run.threads.before?))
}

/// A run, and the memory in KiB that it had added when the first answer came.
struct Measured {
    run: Run,
    private_kib: Option<u64>,
    kernel_kib: Option<u64>,
}

fn measure(
    lab: &Lab,
    model: &str,
    mut round: impl FnMut(&[usize], &dyn Fn()) -> Result<Vec<Task>>,
) -> Result<Measured> {
    let (private, kernel) = (private_kib(), kernel_stacks_kib());
    let added = Cell::new((None, None));
    let count = || {
        lab.count_threads();
        let kernel = kernel_stacks_kib().zip(kernel).map(|(now, then)| now.saturating_sub(then));
        added.set((added_kib(private), kernel));
    };
    let run = lab.run(model, lab.delay_ms, |ids| round(ids, &count))?;
    let (private_kib, kernel_kib) = added.get();
    Ok(Measured { run, private_kib, kernel_kib })
}

/// What each request costs, in both models.
fn figures(runs: [&Measured; 2]) -> Vec<Figure> {
    let figure = |name, unit, value: fn(&Measured) -> Option<f64>| {
        let mut figure = Figure::new(name, unit, Scale::Linear);
        for measured in runs {
            // The OS may have granted no threads for the others.
            let ran = (measured.run.tasks.len() - measured.run.cancelled).max(1);
            let each = value(measured).map(|value| value / ran as f64);
            figure = figure.point(&measured.run.model, each, None);
        }
        figure
    };
    vec![
        figure("Private memory for each request", "KiB", |one| Some(one.private_kib? as f64)),
        figure("Kernel stack for each request", "KiB", |one| Some(one.kernel_kib? as f64)),
        figure("CPU time for each request", "us", |one| Some(one.run.cpu_ms? * 1000.0)),
        figure("Threads for each request", "threads", |one| Some(more_threads(&one.run)? as f64)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use shared::report::ThreadCount;
    use shared::report::sample::{losing, seen};

    /// A run of `n` requests, `peak` at once, with 2 threads before and `during` at its end.
    fn counted(n: usize, peak: usize, during: Option<usize>) -> Run {
        Run { threads: ThreadCount { before: Some(2), during, at_ms: 0.0 }, ..seen(n, peak) }
    }

    #[test]
    fn all_at_once_without_threads_hold() {
        let by_name = |run| Run { looks_up_names: true, ..run };
        for (run, verdict, because) in [
            (counted(1000, 1000, Some(2)), Holds, "all waited"),
            (counted(1000, 1000, Some(1)), Holds, "all waited"),
            (counted(1000, 1000, Some(3)), Fails, "added threads"),
            (counted(1000, 1, Some(3)), Fails, "added threads"),
            (counted(1000, 1, Some(2)), Fails, "never two"),
            (counted(1000, 1, None), Fails, "never two"),
            (counted(1000, 2, Some(2)), NotShown, "the first requests"),
            (counted(1000, 999, Some(2)), NotShown, "the first requests"),
            (counted(1000, 1000, None), NotShown, "does not report"),
            (counted(999, 999, Some(2)), NotShown, "larger -n"),
            (by_name(counted(1000, 1000, Some(3))), NotShown, "resolver"),
            (by_name(counted(1000, 1000, Some(2))), Holds, "all waited"),
            (losing(counted(1000, 1000, Some(2)), 1, "refused"), NotShown, "1 of 1000 tasks"),
            // Behind --url, the spans tell how many waited at once.
            (Run { peak_in_flight: None, ..counted(1000, 1, Some(2)) }, Holds, "all waited"),
        ] {
            let check = check(&run);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    #[test]
    fn each_waiting_request_needs_a_thread() {
        let refused = |mut run: Run, cancelled| {
            let tasks = run.tasks.iter_mut().take(cancelled);
            tasks.for_each(|task| task.outcome = Outcome::Cancelled);
            Run { cancelled, ..run }
        };
        for (run, verdict, because) in [
            (counted(1000, 1000, Some(1002)), Holds, "granted a thread"),
            (counted(1000, 1000, Some(1001)), Fails, "than there were threads"),
            (counted(1000, 999, Some(1002)), NotShown, "the first requests"),
            (counted(1000, 1000, None), NotShown, "does not report"),
            (counted(999, 999, Some(1001)), NotShown, "larger -n"),
            (refused(counted(1000, 600, Some(602)), 400), NotShown, "only 600 threads"),
            (refused(counted(1000, 600, Some(601)), 400), Fails, "than there were threads"),
            (losing(counted(1000, 1000, Some(1002)), 1, "refused"), NotShown, "1 of 1000 tasks"),
        ] {
            let check = check_threads(&run);
            assert!(check.verdict == verdict && check.because.contains(because), "{check:#?}");
        }
    }

    /// In a process of its own, because other tests start threads meanwhile.
    #[test]
    #[cfg(target_os = "linux")]
    fn swapped_models_fail() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args(["lessons::scale::tests::models_alone", "--exact", "--ignored"]);
        let output = alone.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    #[test]
    #[ignore = "run by swapped_models_fail"]
    #[cfg(target_os = "linux")]
    fn models_alone() {
        use crate::lessons::arm;
        use shared::os::usage::os_threads;
        let server = arm::server();
        let slow = arm::target(&server, "/delay/500");
        let client = UnpooledClient::new(&slow).unwrap();
        let socket = |path| BlockingSocket::new(&arm::target(&server, path)).unwrap();
        let (slow, fast) = (socket("/delay/500"), socket("/delay/1"));
        type Round<'a> = &'a dyn Fn(&[usize], &dyn Fn()) -> Result<Vec<Task>>;
        let run = |round: Round| {
            let threads = Cell::new(ThreadCount { before: os_threads(), ..Default::default() });
            let count = || {
                let during = os_threads();
                threads.set(ThreadCount { during, at_ms: now_ms(), ..threads.get() });
            };
            let run = arm::measure(&server, 20, |ids| round(ids, &count).unwrap());
            Run { threads: threads.get(), ..run }
        };
        let tasks = run(&|ids, count| on_one_thread(&client, ids, count));
        let get = |id| if id == 0 { fast.get(id) } else { slow.get(id) };
        let threads = run(&|ids, count| in_a_thread_each(&get, ids, count));
        // As they are, they are only too few.
        assert!(check(&tasks).because.contains("larger -n"), "{tasks:#?}");
        assert!(check_threads(&threads).because.contains("larger -n"), "{threads:#?}");
        assert_eq!(check(&threads).verdict, Fails, "{threads:#?}");
        let without = Run { threads: ThreadCount { at_ms: 0.0, ..tasks.threads }, ..tasks };
        assert_eq!(check_threads(&without).verdict, Fails, "{without:#?}");
    }
}
