//! The notebook's cell of each demo: what ran, and that it ran at once.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::scope;

use shared::http::Server;
use shared::report::{Outcome, Verdict};

use crate::support::demo::{DEMOS, HTTP_DEMOS, demo, lesson, report, run, run_of};
use crate::support::servers::get;

fn server() -> Server {
    Server::start([127, 0, 0, 1].into(), 0).unwrap()
}

#[test]
fn cells_do_all_and_refute_nothing() {
    for name in DEMOS {
        let report = report(&mut demo(name, &[]), 0);
        assert_eq!((report.version, report.demo.as_str()), (1, name));
        let lesson = lesson(&report);
        assert_eq!(lesson.name, "notebook");
        assert!(lesson.runs.len() >= 3 && lesson.runs[0].model == "sequential");
        for run in &lesson.runs {
            assert_eq!(run.done, lesson.settings.tasks, "{name} {}", run.model);
            for task in &run.tasks {
                assert!(task.outcome == Outcome::Done && task.error.is_none(), "{task:?}");
                assert!(0.0 <= task.start_ms && task.start_ms <= task.end_ms, "{task:?}");
                assert!(task.end_ms <= run.wall_ms, "{name} {}", run.model);
            }
        }
        for finding in &lesson.findings {
            assert_ne!(finding.verdict, Verdict::Fails, "{name} {finding:?}");
            assert!(!finding.because.is_empty());
        }
    }
}

#[test]
fn server_counts_one_many_and_k() {
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "6", "--workers", "3", "--delay", "500ms"]), 0);
        let settings = &lesson(&report).settings;
        assert!(settings.embedded && settings.delay_ms == Some(500.0) && settings.tasks == 6);
        let predicted = |model| run_of(&report, model).predicted_ms;
        let all = [predicted("sequential"), predicted(at_once), predicted(pool)];
        assert_eq!(all, [Some(3000.0), Some(500.0), Some(1000.0)], "{name}");
        // A busy machine may make it fewer than all and than k. The gate proves both.
        let peak = |model| run_of(&report, model).peak_in_flight.unwrap();
        assert_eq!(peak("sequential"), 1, "{name}");
        assert!((2..=6).contains(&peak(at_once)) && (2..=3).contains(&peak(pool)), "{name}");
        assert!(run_of(&report, at_once).connections.unwrap() >= peak(at_once));
        assert_eq!(lesson(&report).findings[0].verdict, Verdict::Holds);
    }
}

#[test]
fn only_concurrent_models_pass_the_gate() {
    scope(|scope| {
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

#[test]
fn gate_opens_for_its_number_only() {
    let server = server();
    scope(|scope| {
        let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| get(&server.url("/gate/3")))).collect();
        assert!(asked.into_iter().all(|status| status.join().unwrap() == 200));
    });
    assert_eq!(get(&server.url("/gate/1")), 200);
    assert_eq!(get(&server.url("/gate/2/100")), 504);
    assert_eq!(get(&server.url("/gate/2/100")), 504);
    let seen = server.reset_counters();
    assert_eq!((get(&server.url("/gate/0")), get(&server.url("/gate/x"))), (404, 404));
    assert_eq!((get(&server.url("/status/418")), get(&server.url("/status/99"))), (418, 404));
    assert_eq!(seen.hits.load(Relaxed), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn os_counts_threads_and_processes() {
    use crate::support::demo::{finish, parse, spawn};
    use crate::support::processes::{children, thread_count};
    use crate::support::servers::HoldingServer;
    use std::collections::HashSet;
    let n = 7;
    for (name, ..) in HTTP_DEMOS {
        let server = HoldingServer::start(n, n);
        let words = ["-n", "7", "--url", &server.url, "--timeout", "60s", "--format", "json"];
        let child = spawn(&mut demo(name, &words));
        server.wait_until_held();
        let (threads, workers) = (thread_count(child.id()), children(child.id()));
        server.release();
        let report = parse(&finish(child), 0);
        match name {
            "async-demo" => assert_eq!((threads, workers.len()), (1, 0)),
            "threads-demo" => assert_eq!((threads, workers.len()), (1 + n, 0)),
            _ => {
                let tasks = &run_of(&report, "processes").tasks;
                let pids: HashSet<u32> = tasks.iter().map(|task| task.pid).collect();
                assert_eq!((pids.len(), pids), (n, workers));
            }
        }
    }
}

#[test]
fn text_shows_runs_timelines_and_findings() {
    for name in DEMOS {
        let text = run(&mut demo(name, &[])).stdout;
        let runs = ["sequential: ", ", predicted ", " times as fast as sequential", "█"];
        let findings = [" holds: ", "  predicted ", "  measured ", "  because ", "\nNext: "];
        for part in runs.into_iter().chain(findings) {
            assert!(text.contains(part), "{name} lacks {part:?}:\n{text}");
        }
        if name != "cpu-bound-demo" {
            assert_eq!(text.matches("  #").count(), 30, "{name}");
            assert!(text.contains("the server saw 1 at once on "), "{text}");
        }
    }
}
