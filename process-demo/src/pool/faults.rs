//! The pool with workers that go wrong on purpose. They are shell scripts that speak the workers'
//! language, so the program itself needs no way to misbehave.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use shared::Task;
use shared::http::{Target, target::parse_url};
use shared::os::{child::ChildExit, host::host_name, usage};
use shared::progress::Show;
use shared::report::{Outcome, Run, Verdict};
use shared::verdict::process_each;

use crate::notebook::process_per_task;
use crate::pool::worker::{PROGRAM, Request, Worker};
use crate::pool::{self, launcher::Launcher};

/// In no order, and not from 0.
const IDS: [usize; 8] = [10, 2, 5, 11, 7, 4, 8, 0];

/// The task at which a worker goes wrong.
const VICTIM: usize = 2;

/// A worker that answers every task at once, except that it does `fault` for the task [`VICTIM`]. In
/// `fault`, `answer N` answers for task N.
pub fn script(fault: &str) -> String {
    let answer = r#"{"task":{"id":%s,"pid":1,"thread":"?","status":200,"outcome":"done","error":null,"start_ms":0,"end_ms":1},"peak_rss_kib":'$kib'}"#;
    format!(
        r#"kib=1
        answer() {{ printf '{answer}\n' "$1"; }}
        while read -r line; do
            id=${{line#*:}} id=${{id%%,*}}
            if [ "$id" = {VICTIM} ]; then {fault}
            else answer "$id"; fi
        done"#
    )
}

pub fn start(name: &str, script: &str) -> Result<Worker> {
    start_silent(name, &format!("{}\n{script}", greeting()))
}

/// The part of a script that greets from this machine.
fn greeting() -> String {
    let host = host_name();
    format!(r#"printf '{{"worker":"%s","host":"{host}","pid":%s}}\n' '{PROGRAM}' $$"#)
}

/// A script that does not greet by itself.
fn start_silent(name: &str, script: &str) -> Result<Worker> {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Worker::launch(name, command)
}

pub fn request(id: usize) -> Request {
    Request { id, url: "http://127.0.0.1/".into(), timeout_ms: 100, show: Show::Nothing }
}

/// Runs all tasks on two workers.
fn run(fault: &str, retries: usize) -> Vec<Task> {
    let script = script(fault);
    checked(&IDS, pool::run(2, &IDS, retries, |name, _| start(name, &script), request))
}

/// Checks that each task has one outcome, and that no worker is left.
fn checked(ids: &[usize], tasks: Result<Vec<Task>>) -> Vec<Task> {
    let tasks = tasks.unwrap();
    assert_eq!(tasks.len(), ids.len());
    assert!(ids.iter().all(|&id| tasks.iter().any(|task| task.id == id)));
    // A task that no worker got has our own pid.
    for task in tasks.iter().filter(|task| task.pid != std::process::id()) {
        assert!(!exists(task.pid));
    }
    tasks
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The one task that is not done.
fn lost(tasks: &[Task]) -> &Task {
    let lost: Vec<&Task> = tasks.iter().filter(|task| task.outcome != Outcome::Done).collect();
    assert!(lost.len() == 1 && lost[0].id == VICTIM, "{lost:?}");
    lost[0]
}

/// The fault loses its own task and no other. Returns the error.
#[track_caller]
fn loses_only_its_task(fault: &str, outcome: Outcome) -> String {
    let tasks = run(fault, 0);
    let lost = lost(&tasks);
    assert_eq!(lost.outcome, outcome);
    assert!(lost.pid != std::process::id() && lost.thread.starts_with("Worker-"));
    assert!(lost.start_ms < lost.end_ms);
    lost.error.clone().unwrap()
}

#[test]
fn dead_worker_is_reported_with_signal() {
    for signal in [9, 6, 11] {
        let why = loses_only_its_task(&format!("kill -{signal} $$"), Outcome::Failed);
        assert_eq!(why, format!("worker was killed by signal {signal}"));
    }
}

#[test]
fn exit_without_whole_line_loses_task() {
    let half = r#"printf '{"task":{"id":2'; exit 0"#;
    for fault in ["exit 0", half, r#"printf %s "$(answer 2)"; exit 0"#] {
        let why = loses_only_its_task(fault, Outcome::Failed);
        assert_eq!(why, "worker exited with code 0 without an answer");
    }
}

#[test]
fn garbage_is_no_answer() {
    let deep = r"head -c 100000 /dev/zero | tr '\0' '['; echo";
    for fault in ["echo garbage", r"printf '\377\376\n'", deep, "echo", "echo null"] {
        let why = loses_only_its_task(fault, Outcome::Failed);
        assert!(why.starts_with("worker wrote something else than an answer: "), "{why}");
    }
    assert_eq!(loses_only_its_task("answer 7", Outcome::Failed), "worker answered for task 7");
}

#[test]
fn second_answer_never_counts() {
    for fault in ["both=$(answer 2; answer 2); echo \"$both\"", "answer 2; answer 5"] {
        for task in run(fault, 0) {
            // If it comes after the next task was handed out, that one is lost with the worker.
            let stray = |why: String| why.contains("answered for") || why.contains("before it was");
            assert!(task.error.is_none_or(|why| task.id != VICTIM && stray(why)));
        }
    }
}

#[test]
fn endless_line_does_not_fill_memory() {
    let before = usage::rss_kib().unwrap();
    let why = loses_only_its_task(r"exec tr '\0' x </dev/zero", Outcome::Failed);
    assert_eq!(why, "worker's answer is longer than 1 MiB");
    let more = usage::rss_kib().unwrap().saturating_sub(before);
    assert!(more < 16 * 1024, "{more} KiB more");
}

#[test]
fn worker_without_answer_times_out() {
    let silent = "worker was silent for 5.1s, 5 s longer than the timeout";
    std::thread::scope(|scope| {
        for (fault, expected) in [
            ("exec sleep 600", silent),
            ("kill -STOP $$", silent),
            ("exec >&-; exec sleep 600", "worker closed stdout but kept running"),
        ] {
            scope.spawn(move || {
                let why = loses_only_its_task(fault, Outcome::TimedOut);
                assert_eq!(why, expected);
            });
        }
    });
}

#[test]
fn large_request_never_blocks_the_pool() {
    let large = |id| Request { url: "x".repeat(200_000), ..request(id) };
    let reads = script("answer 2");
    for (script, outcome) in [
        ("exit 0", Outcome::Failed),
        ("exec sleep 600", Outcome::TimedOut),
        (&reads, Outcome::Done),
    ] {
        let tasks = pool::run(1, &[VICTIM], 0, |name, _| start(name, script), large);
        assert_eq!(checked(&[VICTIM], tasks)[0].outcome, outcome);
    }
}

#[test]
fn pool_stops_replacing_useless_workers() {
    let starts = AtomicUsize::new(0);
    let counted = |name: &str, _| {
        starts.fetch_add(1, Relaxed);
        start(name, "exit 7")
    };
    let ids: Vec<usize> = (0..1_000).collect();
    let error = pool::run(2, &ids, 5, counted, request).unwrap_err().to_string();
    // The first worker of each place may have died before it was asked, and the other place may have
    // started a worker before this one gave up.
    let started = starts.load(Relaxed);
    assert!((6..=9).contains(&started), "{started} starts");
    let why = "workers died before answering: worker exited with code 7 without an answer";
    assert!(error.starts_with("all ") && error.ends_with(why), "{error}");
}

#[test]
fn refused_worker_refuses_the_tasks() {
    let tasks = pool::run(2, &IDS, 0, |_, _| bail!("no room"), request);
    let why = Some("no worker was left for this task: no room");
    let refused = |task: &Task| task.refused && task.error.as_deref() == why;
    assert!(checked(&IDS, tasks).iter().all(refused));
}

#[test]
fn worker_that_cannot_start_loses_nothing() {
    let first = AtomicUsize::new(0);
    let start_second = |name: &str, _| match first.fetch_add(1, Relaxed) {
        0 => start(name, "exit 3"),
        _ => start(name, &script("answer 2")),
    };
    let tasks = checked(&IDS, pool::run(1, &IDS, 0, start_second, request));
    assert!(tasks.iter().all(|task| task.error.is_none()), "{tasks:?}");
    let mut worker = start("alone", "read -r line; exit 3").unwrap();
    worker.ask(&request(5));
    let task = worker.answer();
    assert!(task.refused && task.id == 5, "{task:?}");
}

#[test]
fn exit_3_after_answers_loses_task() {
    // With a single worker, the task that is at fault comes after an answer.
    let dies = script("exit 3");
    let tasks = checked(&IDS, pool::run(1, &IDS, 0, |name, _| start(name, &dies), request));
    let why = lost(&tasks).error.as_deref();
    assert_eq!(why, Some("worker exited with code 3 without an answer"));
}

#[test]
fn memory_of_each_worker_counts_once() {
    // So much that the workers of other tests, with a KiB each, do not matter.
    const KIB: u64 = 1 << 30;
    let added_by = |script: String| {
        let before = usage::workers_peak_kib();
        checked(&IDS, pool::run(1, &IDS, 0, |name, _| start_silent(name, &script), request));
        (usage::workers_peak_kib() - before) / KIB
    };
    let greets = |kib: u64, fault: &str| {
        format!("{}\n{}", greeting(), script(fault).replace("kib=1", &format!("kib={kib}")))
    };
    let added = |kib, fault| added_by(greets(kib, fault));
    assert_eq!([added(KIB, "answer 2"), added(KIB, "kill -9 $$")], [1, 2]);
    let far = greets(KIB, "answer 2").replace(&host_name(), "elsewhere");
    assert_eq!(added_by(far), 0, "another host's memory is not this one's");
    assert!(added(u64::MAX, "answer 2") <= 4, "a sum of such figures would overflow");
}

#[test]
fn deadly_task_fails_after_its_retries() {
    let directory = std::env::temp_dir().join(format!("tries-{}", std::process::id()));
    let tasks = run(&format!("echo x >>{}; kill -9 $$", directory.display()), 1);
    let tries = std::fs::read_to_string(&directory).unwrap();
    std::fs::remove_file(&directory).unwrap();
    assert_eq!(tries.lines().count(), 2);
    lost(&tasks);
}

#[test]
fn task_waits_for_a_greeting() {
    // The first place never greets, and the second does all tasks.
    let silent = ["echo Welcome; exec sleep 600", "echo no route >&2; exit 255", "exec sleep 600"];
    for fault in silent {
        let start = |name: &str, place| match place {
            1 => start_silent(name, fault),
            _ => start(name, &script("answer 2")),
        };
        let tasks = checked(&IDS, pool::run(2, &IDS, 0, start, request));
        assert!(tasks.iter().all(|task| task.error.is_none()), "{tasks:?}");
    }
}

#[test]
fn pool_without_greeting_says_why() {
    let greeting = r#"{"worker":"process-demo 9.9.9","host":"far","pid":1}"#;
    for (script, why) in [
        ("echo Welcome to far", "worker wrote something else than a greeting: Welcome to far"),
        (
            "echo first >&2; echo 'no route' >&2; exit 255",
            "worker exited with code 255 before it greeted: no route",
        ),
        (&format!("echo '{greeting}'"), "worker is process-demo 9.9.9, and this is "),
    ] {
        let error = pool::run(2, &IDS, 0, |name, _| start_silent(name, script), request);
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(&format!("the pool has no worker: {why}")), "{error}");
    }
}

#[test]
fn long_words_are_cut_in_errors() {
    let long = "x".repeat(3_000);
    let greeting = format!(r#"{{"worker":"{long}","host":"far","pid":1}}"#);
    for script in [format!("echo '{greeting}'"), format!("echo {long} >&2; exit 255"), long] {
        let start = |name: &str, _| start_silent(name, &script);
        let error = pool::run(1, &IDS, 0, start, request).unwrap_err().to_string();
        assert!(error.len() < 300, "{error}");
    }
}

#[test]
fn lost_place_loses_no_finished_task() {
    // Once the only worker has died, none greets any more.
    let first = AtomicUsize::new(0);
    let start_once = |name: &str, _| match first.fetch_add(1, Relaxed) {
        0 => start(name, &script("exit 7")),
        _ => start_silent(name, "exit 255"),
    };
    let tasks = checked(&IDS, pool::run(1, &IDS, 0, start_once, request));
    // Ten is answered before the victim, 2.
    assert_eq!(tasks.iter().filter(|task| task.outcome == Outcome::Done).count(), 1);
    assert!(!tasks.iter().any(|task| task.refused), "{tasks:?}");
}

#[test]
fn patience_starts_with_the_replacement() {
    // The victim takes longer than a worker may take to start.
    let first = AtomicUsize::new(0);
    let start = |name: &str, _| match first.fetch_add(1, Relaxed) {
        0 => start(name, &script("sleep 3.5; kill -9 $$")),
        _ => start_silent(name, &format!("sleep 0.2; {}\n{}", greeting(), script("answer 2"))),
    };
    let tasks =
        super::supervisor::run_patiently(Duration::from_secs(3), 1, &IDS, 1, start, request);
    let tasks = checked(&IDS, tasks);
    assert!(tasks.iter().all(|task| task.error.is_none()), "{tasks:?}");
}

#[test]
fn idle_worker_takes_retried_task() {
    // The first place dies for good with its only task. The other has begun later, and has nothing
    // left to do by then.
    let taken = std::env::temp_dir().join(format!("taken-{}", std::process::id()));
    let at = taken.display();
    let first = AtomicUsize::new(0);
    let start = |name: &str, place| match (place, first.fetch_add(usize::from(place == 1), Relaxed))
    {
        (1, 0) => start(name, &format!("read -r line; touch {at}; sleep 1; exit 7")),
        (1, _) => start_silent(name, "exit 255"),
        _ => {
            let late = format!("while [ ! -e {at} ]; do sleep 0.01; done");
            start_silent(name, &format!("{late}\n{}\n{}", greeting(), script("answer 2")))
        }
    };
    let ids = [5, 4];
    let tasks = checked(&ids, pool::run(2, &ids, 1, start, request));
    std::fs::remove_file(&taken).unwrap();
    assert!(tasks.iter().all(|task| task.error.is_none()), "{tasks:?}");
}

#[test]
fn shared_worker_is_no_process_each() {
    let script = script("answer 2");
    let each = IDS.map(|id| {
        let mut worker = start("each", &script).unwrap();
        worker.ask(&request(id));
        worker.answer()
    });
    let shared = pool::run(1, &IDS, 0, |name, _| start(name, &script), request).unwrap();
    let ours = IDS.map(|id| Task::done(id, 0.0));
    for (tasks, verdict) in
        [(each.to_vec(), Verdict::Holds), (shared, Verdict::Fails), (ours.to_vec(), Verdict::Fails)]
    {
        assert_eq!(process_each(&Run::new("sample", 1.0, tasks)).verdict, verdict);
    }
}

#[test]
fn closed_worker_says_how_it_ended() {
    let end = |script: &str| start("ends", script).unwrap().close().unwrap();
    assert_eq!(end("exec cat"), ChildExit::Code(0));
    assert_eq!(end("exec sleep 600"), ChildExit::TimedOut);
    let mut killed = start("busy", "exec sleep 600").unwrap();
    killed.kill();
    assert_eq!(killed.close().unwrap(), ChildExit::Signal(9));
}

#[test]
fn lingering_launchers_end_together() {
    let url = parse_url("http://127.0.0.1/").unwrap();
    let timeout = Duration::from_millis(100);
    let target = Target { url, timeout, show: Show::Nothing, embedded: false };
    // Some are silent, the others answer; none ends with its stdin.
    let script = format!("{}\n{}\nexec sleep 600", greeting(), script("exec sleep 600"));
    let script = script.replace("while", "n=0; while [ $n = 0 ] && n=1 &&");
    let mut launcher = Launcher::default();
    launcher.words = ["sh", "-c", &script].map(String::from).into();
    let ids: Vec<usize> = std::iter::repeat_n(VICTIM, 10).chain(10..20).collect();
    let begun = Instant::now();
    let tasks = process_per_task(&launcher, &target, &ids).unwrap();
    // The silent ones have 5.1 s to answer. One after another, they would take 20 s more.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let silent = tasks.iter().filter(|task| task.outcome == Outcome::TimedOut);
    // Each lost its task at its deadline, and not when the launcher was waited for.
    let longest = silent.map(|task| (task.end_ms - task.start_ms) as u64).max();
    assert!((5_100..10_000).contains(&longest.unwrap()), "{longest:?}");
    assert!(!tasks.iter().any(|task| exists(task.pid)));
}

#[test]
fn panicking_parent_leaves_no_worker() {
    let mut pids = HashSet::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let workers = [0, 1].map(|_| start("left", "exec sleep 600").unwrap());
        pids.extend(workers.iter().map(Worker::pid));
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err() && pids.len() == 2);
    assert!(!pids.into_iter().any(exists));
}

#[test]
fn panicking_supervisor_loses_only_its_task() {
    let request = |id| match id {
        VICTIM => std::panic::resume_unwind(Box::new("on purpose")),
        _ => request(id),
    };
    let script = script("answer 2");
    let tasks = checked(&IDS, pool::run(2, &IDS, 0, |name, _| start(name, &script), request));
    lost(&tasks);
}
