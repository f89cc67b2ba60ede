//! Workers and parents that are killed from outside. Workers that misbehave by themselves are tested
//! in process-demo, with its pool and workers made for that.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use shared::child::End;
use shared::report::Outcome;

use super::demo::{HTTP_DEMOS, binary, copy_program, demo_under, lesson, root, run_of, scratch};
use super::dice::Dice;
use super::faults::{Trial, assert_nobody_left, is_running, signal};
use super::servers::HoldingServer;

/// process-demo with four tasks and a pool of two, once the server holds `hold` requests after `skip`.
fn held(words: &[&str], skip: usize, hold: usize) -> (HoldingServer, Trial) {
    let server = HoldingServer::start(skip, hold);
    let common = [
        "notebook",
        "-n",
        "4",
        "--workers",
        "2",
        "--timeout",
        "60s",
        "--format",
        "json",
        "--url",
        &server.url,
    ];
    let trial = Trial::start("process-demo", &[&common, words].concat());
    server.wait_until_held();
    (server, trial)
}

/// Would be wrong: a death that is not told, or that takes other tasks with it.
#[test]
fn killed_aborted_or_segmentation_fault_in_mid_task_in_either_run() {
    for number in [6, 9, 11] {
        // The first two tasks of the pool, then all four processes.
        for (skip, hold, model) in [(8, 2, "process-pool"), (4, 4, "processes")] {
            let (server, trial) = held(&[], skip, hold);
            let victim = *trial.workers().iter().next().unwrap();
            // Rust's own handler of SIGSEGV lets the first one pass if no stack has overflowed.
            while is_running(victim) {
                signal(number, victim.into());
            }
            server.release();
            let report = trial.report(1);
            let run = run_of(&report, model);
            assert_eq!((run.done, run.failed), (3, 1), "{model}");
            let lost = run.tasks.iter().find(|task| task.outcome == Outcome::Failed).unwrap();
            let why = format!("its worker was killed by signal {number}");
            assert_eq!((lost.pid, lost.error.as_ref()), (victim, Some(&why)));
        }
    }
}

/// Would be wrong: an option that does nothing.
#[test]
fn with_retries_a_task_whose_worker_was_killed_is_done_by_another() {
    let (server, trial) = held(&["--retries", "1"], 8, 2);
    let victims = trial.workers();
    for victim in &victims {
        assert!(signal(9, (*victim).into()));
    }
    server.release();
    let report = trial.tasks();
    let pool = run_of(&report, "process-pool");
    assert_eq!(pool.done, 4);
    assert!(pool.tasks.iter().all(|task| !victims.contains(&task.pid)));
    for bad in ["11", "-1", "x", ""] {
        let ended = Trial::start("process-demo", &["--retries", bad]).finish();
        assert_eq!(ended.end, End::Exit(2));
        assert!(ended.stderr.contains("from 0 to 10"), "{}", ended.stderr);
    }
}

/// Would be wrong: a program that cannot start its workers any more, because it has been rebuilt.
#[test]
fn the_programs_file_is_replaced_or_deleted_during_the_run() {
    for replaced in [true, false] {
        let directory = scratch(&format!("file-{replaced}"));
        let file = directory.join("process-demo");
        copy_program(&binary("process-demo"), &file);
        // The processes are held, so that the pool is yet to be started.
        let server = HoldingServer::start(2, 2);
        let mut command = Command::new("setsid");
        command.arg(&file).args([
            "-n",
            "2",
            "--timeout",
            "60s",
            "--format",
            "json",
            "--url",
            &server.url,
        ]);
        let trial = Trial::of(&mut command);
        server.wait_until_held();
        fs::remove_file(&file).unwrap();
        if replaced {
            copy_program("/bin/false".as_ref(), &file);
        }
        server.release();
        let report = trial.tasks();
        assert!(lesson(&report).runs.iter().all(|run| run.done == 2));
    }
}

/// Would be wrong: a worker that outlives its parent, wherever in a run that was killed. The figure to
/// be reached is 0 survivors in 100.
#[test]
fn a_hundred_kills_of_the_parent_leave_no_survivor() {
    let mut dice = Dice(4);
    let mut worst = Duration::ZERO;
    for _ in 0..100 {
        let words = ["notebook", "-n", "6", "--workers", "3", "--delay", "15ms"];
        let trial = Trial::start("process-demo", &words);
        std::thread::sleep(Duration::from_millis(dice.throw(200)));
        signal(9, trial.pid().into());
        let (session, killed) = (trial.pid(), Instant::now());
        assert_nobody_left(session, true);
        worst = worst.max(killed.elapsed());
        let end = trial.finish().end;
        assert!(matches!(end, End::Signal(9) | End::Exit(0 | 1)), "{end}");
    }
    println!("the last worker had ended {} ms after its parent at most", worst.as_millis());
}

/// Would be wrong: as above, while all workers are sure to wait for HTTP, or to have nothing to do.
#[test]
fn parent_killed_while_workers_wait_for_http_or_are_idle() {
    let (_server, trial) = held(&[], 4, 4);
    assert!(signal(9, trial.pid().into()));
    assert_eq!(trial.finish().end, End::Signal(9));
    // One worker of the pool waits for an answer, the other has nothing more to do.
    let (_server, trial) = held(&[], 11, 1);
    assert!(signal(9, trial.pid().into()));
    assert_eq!(trial.finish().end, End::Signal(9));
}

/// Would be wrong: as above, while the workers compute.
#[test]
fn parent_killed_while_workers_compute() {
    let mut found = 0;
    let mut dice = Dice(5);
    // Until it has been met at it often enough; each time is a moment of its own.
    while found < 5 {
        let trial = Trial::start("cpu-bound-demo", &["notebook", "-n", "800", "--workers", "2"]);
        let give_up = Instant::now() + Duration::from_secs(60);
        while trial.workers().is_empty() && trial.runs() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(dice.throw(30)));
        found += usize::from(!trial.workers().is_empty());
        signal(9, trial.pid().into());
        assert!(matches!(trial.finish().end, End::Signal(9) | End::Exit(0 | 1)));
    }
}

/// Would be wrong: a port, a file or a name that two runs have in common.
#[test]
fn twenty_runs_side_by_side() {
    for (name, ..) in HTTP_DEMOS {
        let words =
            ["notebook", "-n", "3", "--delay", "100ms", "--timeout", "60s", "--format", "json"];
        let trials: Vec<_> = (0..20).map(|_| Trial::start(name, &words)).collect();
        for trial in trials {
            let ended = trial.finish();
            let End::Exit(code @ (0 | 1)) = ended.end else { panic!("{}", ended.end) };
            let report = super::demo::parse(&ended, code);
            assert!(lesson(&report).runs.iter().all(|run| run.done == 3), "{name}");
        }
    }
}

/// Would be wrong: a duration that changes with the wall clock. It cannot be set back here without
/// doing so to all others on this machine, so nobody may ask for it at all.
#[test]
fn the_wall_clock_set_back() {
    for directory in
        ["shared", "threads-demo", "process-demo", "async-demo", "cpu-bound-demo", "summary-demo"]
    {
        for entry in fs::read_dir(root().join(directory).join("src")).unwrap() {
            let file = entry.unwrap().path();
            // Folders hold tests.
            let text = fs::read_to_string(&file).unwrap_or_default();
            assert!(!text.contains("SystemTime") && !text.contains("UNIX_EPOCH"), "{file:?}");
        }
    }
}

/// Would be wrong: a hang where nobody reads what workers say on stderr, or where all is inherited closed.
#[test]
fn without_a_reader_of_stderr_or_with_closed_streams_it_still_ends() {
    let script = r#"exec 0<&- 2>&-; exec "$0" notebook -n 2 --delay 10ms --format json"#;
    let mut command = demo_under(&["setsid", "sh", "-c", script], "process-demo", &[]);
    let ended = Trial::of(&mut command).finish();
    assert!(matches!(ended.end, End::Exit(0 | 1)), "{}", ended.end);
    let stderr = Command::new("sh")
        .args(["-c", r#""$0" -n 2 --delay 10ms 2>&1 >/dev/null | true; echo ended"#])
        .arg(binary("process-demo"))
        .output()
        .unwrap();
    assert_eq!(stderr.stdout, b"ended\n");
}
