//! The default lesson of each demo, as the notebook's cells: what ran, and that it ran at once.

use std::collections::HashSet;

use shared::report::{Outcome, Verdict};
use shared::server::Server;

use super::demo::{DEMOS, HTTP_DEMOS, demo, lesson, report, run, run_of};
use super::servers::{HoldingServer, get};

fn server() -> Server {
    Server::start([127, 0, 0, 1].into(), 0).unwrap()
}

/// Would be wrong: a section that loses a task, or one of whose claims fails.
#[test]
fn every_default_lesson_does_all_its_tasks_and_nothing_fails() {
    for name in DEMOS {
        let report = report(&mut demo(name, &[]), 0);
        assert_eq!((report.version, report.demo.as_str()), (1, name));
        let lesson = lesson(&report);
        assert_eq!(lesson.name, "notebook");
        assert!(lesson.runs.len() >= 3 && lesson.runs[0].model == "sequential");
        for run in &lesson.runs {
            assert_eq!(run.done, lesson.settings.tasks, "{name} {}", run.model);
            assert!(
                run.tasks.iter().all(|task| task.outcome == Outcome::Done && task.error.is_none())
            );
            assert!(
                run.tasks.iter().all(|task| 0.0 <= task.start_ms && task.start_ms <= task.end_ms)
            );
            assert!(
                run.tasks.iter().all(|task| task.end_ms <= run.wall_ms),
                "{name} {}",
                run.model
            );
        }
        for finding in &lesson.findings {
            assert_ne!(finding.verdict, Verdict::Fails, "{name} {finding:?}");
            assert!(!finding.because.is_empty());
        }
    }
}

/// Would be wrong: a run that is called concurrent and is not, or a pool that lets too many through.
#[test]
fn the_embedded_server_sees_one_then_many_then_no_more_than_k_at_once() {
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "6", "--workers", "3", "--delay", "500ms"]), 0);
        let settings = &lesson(&report).settings;
        assert!(settings.embedded && settings.delay_ms == Some(500.0) && settings.tasks == 6);
        let predicted = |model| run_of(&report, model).predicted_ms;
        let all = [predicted("sequential"), predicted(at_once), predicted(pool)];
        assert_eq!(all, [Some(3000.0), Some(500.0), Some(1000.0)], "{name}");
        // That it is all and k is for the gate to prove: here a busy machine may make it fewer.
        let peak = |model| run_of(&report, model).peak_in_flight.unwrap();
        assert_eq!(peak("sequential"), 1, "{name}");
        assert!((2..=6).contains(&peak(at_once)) && (2..=3).contains(&peak(pool)), "{name}");
        assert!(run_of(&report, at_once).connections.unwrap() >= peak(at_once));
        assert_eq!(lesson(&report).findings[0].verdict, Verdict::Holds);
    }
}

/// Would be wrong: concurrency that only looks like it. Through a gate for two, nobody gets alone.
#[test]
fn only_concurrent_models_pass_the_gate() {
    std::thread::scope(|scope| {
        for (name, at_once, pool) in HTTP_DEMOS {
            scope.spawn(move || {
                // A gate of its own: requests of another demo must not open it.
                let url = server().url("/gate/2");
                let words = ["-n", "2", "--workers", "2", "--url", &url, "--timeout", "60s"];
                let report = report(&mut demo(name, &words), 1);
                let alone = run_of(&report, "sequential");
                assert_eq!((alone.done, alone.failed), (0, 2), "{name}");
                assert!(alone.tasks.iter().all(|task| task.status == Some(504)), "{name}");
                for model in [at_once, pool] {
                    assert_eq!(run_of(&report, model).done, 2, "{name} {model}");
                }
                assert_eq!(lesson(&report).findings[0].verdict, Verdict::NotShown);
            });
        }
    });
}

/// Would be wrong: a gate that opens for one client after another, or not for those who are there.
#[test]
fn the_gate_opens_for_the_number_it_names() {
    let server = server();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| get(&server.url("/gate/3")))).collect();
        assert!(asked.into_iter().all(|status| status.join().unwrap() == 200));
    });
    assert_eq!(get(&server.url("/gate/1")), 200);
    assert_eq!(get(&server.url("/gate/2/100")), 504);
    assert_eq!(get(&server.url("/gate/2/100")), 504);
    let seen = server.observe();
    assert_eq!((get(&server.url("/gate/0")), get(&server.url("/gate/x"))), (404, 404));
    assert_eq!((get(&server.url("/status/418")), get(&server.url("/status/99"))), (418, 404));
    assert_eq!(seen.hits.load(std::sync::atomic::Ordering::Relaxed), 4);
}

/// Would be wrong: async tasks on several threads, threads that are none, or processes that are.
/// While the server holds all requests, the operating system is asked.
#[test]
#[cfg(target_os = "linux")]
fn the_operating_system_counts_one_thread_n_threads_and_n_processes() {
    let n = 7;
    for (name, ..) in HTTP_DEMOS {
        let server = HoldingServer::start(n, n);
        let words = ["-n", "7", "--url", &server.url, "--timeout", "60s", "--format", "json"];
        let child = super::demo::spawn(&mut demo(name, &words));
        server.wait_until_held();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        let threads: usize = threads.trim().parse().unwrap();
        let workers = super::process_demo::children(child.id());
        server.release();
        let report = super::demo::parse(&super::demo::finish(child), 0);
        match name {
            "async-demo" => assert_eq!((threads, workers.len()), (1, 0)),
            // Itself, and the one that the blocking client runs its requests on.
            "threads-demo" => assert_eq!((threads, workers.len()), (1 + 1 + n, 0)),
            _ => {
                let pids: HashSet<u32> =
                    run_of(&report, "processes").tasks.iter().map(|t| t.pid).collect();
                assert_eq!(pids, workers);
                assert_eq!(pids.len(), n);
            }
        }
    }
}

/// Would be wrong: a text without what the section promises to show.
#[test]
fn the_text_shows_lines_runs_timelines_findings_and_what_comes_next() {
    for name in DEMOS {
        let text = run(&mut demo(name, &[])).stdout;
        let holds = |part: &str| assert!(text.contains(part), "{name} lacks {part:?}:\n{text}");
        for part in
            ["sequential: ", ", predicted ", " times as fast as sequential", "█", "\nNext: "]
        {
            holds(part);
        }
        for part in [" holds: ", "  predicted ", "  measured ", "  because "] {
            holds(part);
        }
        if name != "cpu-bound-demo" {
            assert_eq!(text.matches(": status 200\n").count(), 30, "{name}");
            holds("the server saw 1 at once on ");
        }
    }
}
