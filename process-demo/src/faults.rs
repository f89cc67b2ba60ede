//! The pool with workers that go wrong on purpose. They are small shell scripts that speak the
//! workers' language, so that the program itself has no way to be told to misbehave.
#![cfg(all(test, target_os = "linux"))]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use shared::activity::Show;
use shared::child::End;
use shared::report::{Outcome, Task};

use crate::pool::{Served, serve};
use crate::worker::{Request, Worker};

const TASKS: usize = 8;

/// The task with which a worker goes wrong.
const VICTIM: usize = 2;

/// A worker that carries out every task at once, but does `fault` in place of the task [`VICTIM`].
/// In `fault`, `answer N` answers for task N.
fn script(fault: &str) -> String {
    let answer = r#"{"task":{"id":%s,"pid":1,"thread":"?","status":200,"outcome":"done","error":null,"start_ms":0,"end_ms":1},"peak_rss_kib":1000}"#;
    format!(
        r#"answer() {{ printf '{answer}\n' "$1"; }}
        while read -r line; do
            id=${{line#*:}} id=${{id%%,*}}
            if [ "$id" = {VICTIM} ]; then {fault}
            else answer "$id"; fi
        done"#
    )
}

fn start(name: &str, script: &str) -> Result<Worker> {
    let child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    Worker::new(name.into(), child, Show::Nothing)
}

fn request(id: usize) -> Request {
    Request { id, url: "http://127.0.0.1/".into(), timeout_ms: 100 }
}

/// Has two workers do all tasks, and checks that each has one outcome and that no worker is left.
fn served(fault: &str, retries: usize) -> Vec<Task> {
    let script = script(fault);
    let served = serve(2, TASKS, retries, |name| start(name, &script), request).unwrap();
    checked(served)
}

fn checked(served: Served) -> Vec<Task> {
    let mut tasks = served.tasks;
    tasks.sort_by_key(|task| task.id);
    let ids: Vec<usize> = tasks.iter().map(|task| task.id).collect();
    assert_eq!(ids, (0..ids.len()).collect::<Vec<_>>());
    // One that no worker got has our own number.
    for task in tasks.iter().filter(|task| task.pid != std::process::id()) {
        assert!(!Path::new(&format!("/proc/{}", task.pid)).exists());
    }
    tasks
}

/// The fault loses its own task and no other; the reason for which it is lost.
fn loses_its_task_only(fault: &str, outcome: Outcome) -> String {
    let tasks = served(fault, 0);
    for task in &tasks {
        let expected = if task.id == VICTIM { outcome } else { Outcome::Done };
        assert_eq!(task.outcome, expected, "task {}: {:?}", task.id, task.error);
    }
    // A task that was lost is told by its worker, and from when it was asked for.
    let lost = &tasks[VICTIM];
    assert!(lost.pid != std::process::id() && lost.thread.starts_with("Worker-"));
    assert!(lost.start_ms < lost.end_ms);
    tasks[VICTIM].error.clone().unwrap()
}

/// Would be wrong: a worker's death that is not told, or takes other tasks with it.
#[test]
fn killed_aborted_and_segmentation_fault_in_mid_task() {
    for signal in [9, 6, 11] {
        let why = loses_its_task_only(&format!("kill -{signal} $$"), Outcome::Failed);
        assert_eq!(why, format!("its worker was killed by signal {signal}"));
    }
}

/// Would be wrong: an exit code of 0 that passes for an answer.
#[test]
fn exit_0_in_mid_task_without_an_answer() {
    let why = loses_its_task_only("exit 0", Outcome::Failed);
    assert_eq!(why, "its worker exited with code 0 and no answer");
}

/// Would be wrong: a line that is no answer, and is taken for one or stops the pool.
#[test]
fn garbage_not_utf8_deep_json_and_an_empty_line() {
    let deep = r"head -c 100000 /dev/zero | tr '\0' '['; echo";
    for fault in ["echo garbage", r"printf '\377\376\n'", deep, "echo", "echo null"] {
        let why = loses_its_task_only(fault, Outcome::Failed);
        assert!(why.starts_with("its worker answered something else: "), "{why}");
    }
}

/// Would be wrong: a task that is done because another one was.
#[test]
fn a_wrong_id() {
    let why = loses_its_task_only("answer 7", Outcome::Failed);
    assert_eq!(why, "its worker answered for task 7");
}

/// Would be wrong: the second of two answers is credited to the task that comes next.
#[test]
fn two_answers_and_a_repeated_id() {
    for fault in ["both=$(answer 2; answer 2); echo \"$both\"", "answer 2; answer 5"] {
        for task in served(fault, 0) {
            // If it comes after the next task was handed out, that one is lost with the worker.
            let stray = |why: &String| {
                why.contains("answered for task") || why.contains("before it was asked")
            };
            assert!(
                task.error.is_none() || task.id != VICTIM && stray(task.error.as_ref().unwrap())
            );
        }
    }
}

/// Would be wrong: text without its newline that counts as an answer.
#[test]
fn half_a_line_or_a_whole_one_without_its_newline_and_exit() {
    for fault in [r#"printf '{"task":{"id":2'; exit 0"#, r#"printf %s "$(answer 2)"; exit 0"#] {
        let why = loses_its_task_only(fault, Outcome::Failed);
        assert_eq!(why, "its worker exited with code 0 and no answer");
    }
}

/// Would be wrong: memory that fills with what is no line.
#[test]
fn a_line_without_end() {
    let before = shared::stopwatch::rss_kib().unwrap();
    let why = loses_its_task_only(r"exec tr '\0' x </dev/zero", Outcome::Failed);
    assert_eq!(why, "its worker's answer is longer than 1 MiB");
    let more = shared::stopwatch::rss_kib().unwrap().saturating_sub(before);
    assert!(more < 16 * 1024, "{more} KiB more");
}

/// Would be wrong: a worker that is waited for as long as it likes.
#[test]
fn closes_stdout_and_lives_on() {
    let why = loses_its_task_only("exec >&-; exec sleep 600", Outcome::TimedOut);
    assert_eq!(why, "its worker closed its output and lived on");
}

/// Would be wrong: as above.
#[test]
fn hangs() {
    let why = loses_its_task_only("exec sleep 600", Outcome::TimedOut);
    assert!(why.starts_with("its worker was silent for 5.1s"), "{why}");
}

/// Would be wrong: as above, and a kill that waits for a stopped process to go on.
#[test]
fn is_stopped() {
    let why = loses_its_task_only("kill -STOP $$", Outcome::TimedOut);
    assert!(why.starts_with("its worker was silent for 5.1s"), "{why}");
}

/// Would be wrong: a pipe on stderr that nobody reads, and that a talkative worker fills.
#[test]
fn much_on_stderr_goes_where_ours_goes() {
    let mut worker = crate::notebook::start("talks", Show::Nothing).unwrap();
    worker.ask(request(0));
    let stderr = |process: &str| std::fs::read_link(format!("/proc/{process}/fd/2")).unwrap();
    assert_eq!(stderr(&worker.id().to_string()), stderr("self"));
}

/// Would be wrong: a parent that waits, for ever, for a worker to read.
#[test]
fn a_task_larger_than_a_pipe_while_the_worker_dies_or_does_not_read() {
    let large = |id| Request { url: "x".repeat(200_000), ..request(id) };
    for (script, outcome) in [("exit 0", Outcome::Failed), ("exec sleep 600", Outcome::TimedOut)] {
        let tasks = checked(serve(1, 1, 0, |name| start(name, script), large).unwrap());
        assert_eq!(tasks[0].outcome, outcome);
    }
    // And one that reads gets it whole.
    let tasks =
        checked(serve(1, 2, 0, |name| start(name, &self::script("answer 2")), large).unwrap());
    assert!(tasks.iter().all(|task| task.outcome == Outcome::Done));
}

/// Would be wrong: a program that starts workers for ever, or a report of tasks that no worker began.
#[test]
fn dies_at_every_start() {
    let starts = AtomicUsize::new(0);
    let counted = |name: &str| {
        starts.fetch_add(1, Relaxed);
        start(name, "exit 7")
    };
    let error = serve(2, 1_000, 5, counted, request).err().unwrap().to_string();
    // A worker that was started before the other place gave up is the last.
    let started = starts.load(Relaxed);
    assert!((6..=7).contains(&started), "{started} starts");
    assert!(error.contains("no worker lived to answer"), "{error}");
    assert!(error.contains("exited with code 7 and no answer"), "{error}");
}

/// Would be wrong: a task that is lost with a worker that had not begun with it, or done twice.
#[test]
fn a_worker_that_could_not_start_gives_its_task_back() {
    let first = AtomicUsize::new(0);
    let start = |name: &str| match first.fetch_add(1, Relaxed) {
        0 => start(name, "exit 3"),
        _ => start(name, &script("answer 2")),
    };
    let tasks = checked(serve(1, TASKS, 0, start, request).unwrap());
    assert_eq!(tasks.len(), TASKS);
    assert!(tasks.iter().all(|task| task.error.is_none()), "{tasks:?}");
    // In mid-run, after an answer, it is a death like any other, and so it is where the task does it.
    let tasks = served("exit 3", 0);
    assert!(tasks.iter().all(|task| task.error.is_some() == (task.id == VICTIM)));
    let dies = script("exit 3");
    let tasks = checked(serve(1, TASKS, 0, |name| self::start(name, &dies), request).unwrap());
    let why = tasks[VICTIM].error.as_deref();
    assert_eq!(why, Some("its worker exited with code 3 and no answer"));
    assert_eq!(tasks.iter().filter(|task| task.error.is_some()).count(), 1);
}

/// Would be wrong: a pool that cannot start a worker, and says that nothing was to be done.
#[test]
fn no_worker_can_be_started() {
    let refused = |_: &str| anyhow::bail!("no room");
    let error = serve(2, 4, 0, refused, request).err().unwrap();
    assert!(error.to_string().contains("no room"), "{error}");
}

/// Would be wrong: the memory of a pool without that of workers that were replaced, or twice.
#[test]
fn the_memory_of_each_worker_counts_once() {
    let kib = |fault: &str| {
        let script = script(fault);
        let served = serve(1, TASKS, 0, |name| start(name, &script), request).unwrap();
        served.peak_rss_kib
    };
    assert_eq!(kib("answer 2"), 1000);
    assert_eq!(kib("kill -9 $$"), 2000);
}

/// Would be wrong: a task that is tried for ever, or that takes others with it.
#[test]
fn a_task_that_kills_every_worker_fails_after_two_tries() {
    let directory = std::env::temp_dir().join(format!("tries-{}", std::process::id()));
    let fault = format!("echo x >>{}; kill -9 $$", directory.display());
    let tasks = served(&fault, 1);
    let tries = std::fs::read_to_string(&directory).unwrap();
    std::fs::remove_file(&directory).unwrap();
    assert_eq!(tries.lines().count(), 2);
    for task in tasks {
        assert_eq!(task.outcome == Outcome::Done, task.id != VICTIM);
    }
}

/// Would be wrong: a task that is lost although a second try was asked for and went well.
#[test]
fn a_task_that_is_struck_once_is_done_where_a_retry_was_asked_for() {
    let mark = std::env::temp_dir().join(format!("struck-{}", std::process::id()));
    let mark = mark.display();
    let fault =
        format!("if [ -e {mark} ]; then rm {mark}; answer 2; else : >{mark}; kill -9 $$; fi");
    assert!(served(&fault, 1).iter().all(|task| task.outcome == Outcome::Done));
}

/// Would be wrong: a worker that goes on although it was to be killed.
#[test]
fn a_worker_ends_when_it_is_killed() {
    let mut busy = start("busy", "exec sleep 600").unwrap();
    busy.kill();
    assert_eq!(busy.wait().unwrap(), End::Signal(9));
}

/// Would be wrong: children that are left when we panic, which dropping a `Child` would do.
#[test]
fn panic_in_the_parent_while_children_run() {
    let mut pids = HashSet::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let workers = [0, 1].map(|_| start("left", "exec sleep 600").unwrap());
        pids.extend(workers.iter().map(Worker::id));
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err() && pids.len() == 2);
    assert!(pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
}

/// Would be wrong: a panic between two tasks that takes the whole pool with it.
#[test]
fn a_minder_that_panics_loses_its_own_task_only() {
    let ask = |id| match id {
        VICTIM => std::panic::resume_unwind(Box::new("on purpose")),
        _ => request(id),
    };
    let script = script("answer 2");
    let tasks = checked(serve(2, TASKS, 0, |name| start(name, &script), ask).unwrap());
    let lost: Vec<_> = tasks.iter().filter(|task| task.outcome != Outcome::Done).collect();
    assert_eq!((lost.len(), lost[0].id), (1, VICTIM));
}
