//! A run whose workers are killed all the time.
#![cfg(target_os = "linux")]

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::report::{Outcome, Report};

use crate::support::demo::run_of;
use crate::support::processes::{children, is_running, signal};
use crate::support::rng::Rng;
use crate::support::trial::Trial;

/// Runs 1,000 tasks with 4 workers, and kills a random worker every 20 ms. Returns the report and how
/// many workers were killed.
fn chaos(retries: &str) -> (Report, usize) {
    let words = ["-n", "1000", "--workers", "4", "--delay", "5ms", "--timeout", "60s"];
    let words = [&words[..], &["--format", "json", "--retries", retries]].concat();
    let trial = Trial::start("process-demo", &words);
    let pid = trial.pid();
    let killer = thread::spawn(move || {
        let (mut rng, mut kills) = (Rng(20), 0);
        while is_running(pid) {
            let mut workers: Vec<u32> = children(pid).into_iter().collect();
            workers.sort_unstable();
            if !workers.is_empty() {
                let victim = workers[rng.below(workers.len() as u64) as usize];
                kills += usize::from(signal(Signal::SIGKILL, victim));
            }
            thread::sleep(Duration::from_millis(20));
        }
        kills
    });
    let report = trial.any_report();
    (report, killer.join().unwrap())
}

#[test]
fn chaos_accounts_for_every_task() {
    let (report, kills) = chaos("0");
    let (all, pool) = (run_of(&report, "processes"), run_of(&report, "process-pool"));
    let lost = all.lost() + pool.lost();
    assert!(kills > 0 && lost <= kills, "{lost} tasks lost by {kills} kills");
    for task in all.tasks.iter().chain(&pool.tasks).filter(|task| task.outcome != Outcome::Done) {
        assert_eq!(task.error.as_deref(), Some("worker was killed by signal 9"));
    }
    println!("{kills} kills: {} and {} of 1000 tasks lost", all.lost(), pool.lost());
}

#[test]
fn retries_survive_most_of_chaos() {
    let (report, kills) = chaos("3");
    let pool = run_of(&report, "process-pool");
    assert!(4 * pool.lost() <= kills, "{} lost, {kills} kills", pool.lost());
    println!("{kills} kills: {} of 1000 tasks lost in spite of three retries", pool.lost());
}
