//! A run in which workers are killed all the time.
#![cfg(target_os = "linux")]

use std::thread;
use std::time::Duration;

use shared::child::End;
use shared::report::{Outcome, Report};

use super::demo::{parse, run_of};
use super::dice::Dice;
use super::faults::{Trial, is_running, signal};
use super::process_demo::children;

/// 1,000 tasks and 4 workers, and every 20 ms a worker is killed, whoever it is. Returns the report and
/// how many were killed.
fn chaos(retries: &str) -> (Report, usize) {
    let words = [
        "notebook",
        "-n",
        "1000",
        "--workers",
        "4",
        "--delay",
        "5ms",
        "--timeout",
        "60s",
        "--format",
        "json",
        "--retries",
        retries,
    ];
    let trial = Trial::start("process-demo", &words);
    let pid = trial.pid();
    let killer = thread::spawn(move || {
        let (mut dice, mut kills) = (Dice(20), 0);
        while is_running(pid) {
            let mut workers: Vec<u32> = children(pid).into_iter().collect();
            workers.sort_unstable();
            if !workers.is_empty() {
                let victim = workers[dice.throw(workers.len() as u64) as usize];
                kills += usize::from(signal(9, victim.into()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        kills
    });
    let ended = trial.finish();
    let kills = killer.join().unwrap();
    let End::Exit(code @ (0 | 1)) = ended.end else {
        panic!("{}\n{}", ended.end, ended.stderr);
    };
    (parse(&ended, code), kills)
}

/// Would be wrong: a task that is lost count of, or lost without having been struck.
#[test]
fn a_thousand_tasks_are_accounted_for_while_a_worker_is_killed_every_20_ms() {
    let (report, kills) = chaos("0");
    let (all, pool) = (run_of(&report, "processes"), run_of(&report, "process-pool"));
    assert!(
        kills > 0 && all.lost() + pool.lost() <= kills,
        "{} and {} of {kills}",
        all.lost(),
        pool.lost()
    );
    for task in all.tasks.iter().chain(&pool.tasks).filter(|task| task.outcome != Outcome::Done) {
        assert_eq!(task.error.as_deref(), Some("its worker was killed by signal 9"));
    }
    println!("{kills} kills: {} and {} of 1000 tasks lost", all.lost(), pool.lost());
}

/// Would be wrong: a task that is lost although it was struck less often than it may be.
#[test]
fn with_retries_all_are_done_unless_struck_each_time() {
    let (report, kills) = chaos("3");
    let pool = run_of(&report, "process-pool");
    assert!(4 * pool.lost() <= kills, "{} lost, {kills} kills", pool.lost());
    println!("{kills} kills: {} of 1000 tasks lost in spite of three retries", pool.lost());
}
