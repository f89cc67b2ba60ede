//! `--url`: real targets in place of the embedded server.

use std::process::Command;

use shared::child::End;
use shared::report::Verdict;
use shared::server::Server;

use super::demo::{HTTP_DEMOS, demo, lesson, parse, report, run, run_of, scratch};
use super::servers::{self, https};

/// Would be wrong: figures that nobody measured, because the server was not ours.
#[test]
fn behind_an_address_what_is_unknown_is_null_and_the_rest_is_the_same() {
    let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
    for (name, at_once, pool) in HTTP_DEMOS {
        let url = server.url("/delay/200");
        let seen = server.observe();
        let report = report(&mut demo(name, &["-n", "4", "--workers", "2", "--url", &url]), 0);
        let settings = &lesson(&report).settings;
        assert_eq!(
            (settings.url.as_ref(), settings.embedded, settings.delay_ms),
            (Some(&url), false, None)
        );
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!((run.done, run.peak_in_flight, run.connections), (4, None, None), "{name}");
        }
        assert_eq!(run_of(&report, "sequential").predicted_ms, None);
        assert!(run_of(&report, at_once).predicted_ms.is_some_and(|ms| ms >= 200.0));
        let overlap = &lesson(&report).findings[0];
        assert_eq!(overlap.verdict, Verdict::Holds);
        assert!(overlap.because.contains("this program's clock"), "{}", overlap.because);
        let order = std::sync::atomic::Ordering::Relaxed;
        assert_eq!(seen.hits.load(order), 12, "{name}");
        assert!(seen.peak_in_flight.load(order) > 1, "{name}");
    }
}

/// Would be wrong: https that does not work with the system's certificates, or works without.
#[test]
#[cfg(target_os = "linux")]
fn https_is_trusted_by_the_systems_certificates_and_by_no_others() {
    let directory = scratch("https");
    let (url, authority) = https(&directory);
    for (name, at_once, pool) in HTTP_DEMOS {
        let words = ["-n", "3", "--url", &url];
        let trusting = report(demo(name, &words).env("SSL_CERT_FILE", &authority), 0);
        for model in ["sequential", at_once, pool] {
            assert_eq!(run_of(&trusting, model).done, 3, "{name} {model}");
        }
        // Another authority, so that there are certificates, but not the right one.
        let (_, stranger) = https(&scratch(&format!("https-stranger-{name}")));
        let distrusting = report(demo(name, &words).env("SSL_CERT_FILE", &stranger), 1);
        let error = run_of(&distrusting, at_once).tasks[0].error.clone().unwrap();
        assert!(error.contains("certificate"), "{error}");
        // None at all: said before anything starts.
        let mut none = demo(name, &words);
        let ended =
            run(none.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent"));
        assert_eq!(ended.end, End::Exit(3), "{}", ended.stderr);
        assert!(ended.stderr.contains("certificate"), "{}", ended.stderr);
        // The embedded server does not need them.
        let mut embedded = demo(name, &["-n", "2"]);
        report(
            embedded.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent"),
            0,
        );
    }
}

/// Would be wrong: a proxy of the workshop's network between a demo and itself.
#[test]
fn proxy_variables_do_not_touch_the_embedded_server() {
    let dead = servers::refused();
    let with_proxies = |command: &mut Command| {
        for variable in
            ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
        {
            command.env(variable, &dead);
        }
    };
    for (name, ..) in HTTP_DEMOS {
        let mut command = demo(name, &["-n", "2"]);
        with_proxies(&mut command);
        report(&mut command, 0);
        // But they are used for what is elsewhere, as everywhere.
        let mut command = demo(name, &["-n", "1", "--url", "http://192.0.2.1/"]);
        with_proxies(&mut command);
        let report = report(&mut command, 1);
        let error = run_of(&report, "sequential").tasks[0].error.clone().unwrap();
        assert!(error.contains("refused"), "{error}");
    }
}

/// Would be wrong: a target that is not there counts as done, or hides why it failed.
#[test]
fn a_refused_connection_is_failed_with_its_cause() {
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "3", "--url", &servers::refused()]), 1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!((run.failed, run.done), (3, 0), "{name} {model}");
            let error = run.tasks[0].error.as_ref().unwrap();
            assert!(error.contains("refused") && error.matches(": ").count() >= 2, "{error}");
        }
    }
}

/// Would be wrong: an answer of 400 that counts as done, as it did in the notebook.
#[test]
fn an_answer_of_400_is_failed_with_its_status() {
    let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "3", "--url", &server.url("/status/400")]), 1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!(run.failed, 3);
            assert!(run.tasks.iter().all(|task| task.status == Some(400)));
            assert_eq!(run.tasks[0].error.as_deref(), Some("answered 400 Bad Request"));
        }
        let ended = run(&mut demo(name, &["-n", "3", "--url", &server.url("/status/204")]));
        assert_eq!(ended.end, End::Exit(0), "any answer of 2xx is one");
    }
}

/// Would be wrong: a target that never answers is waited for, or its task counts as failed.
#[test]
fn a_target_that_does_not_answer_is_timed_out() {
    for (name, at_once, pool) in HTTP_DEMOS {
        let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
        let url = server.url("/delay/3600000");
        let seen = server.observe();
        let report = report(&mut demo(name, &["-n", "2", "--timeout", "300ms", "--url", &url]), 1);
        for model in ["sequential", at_once, pool] {
            assert_eq!(run_of(&report, model).timed_out, 2, "{name} {model}");
        }
        let order = std::sync::atomic::Ordering::Relaxed;
        // Every client hung up: once the server has noticed, nothing is in flight.
        let give_up = std::time::Instant::now() + super::demo::DEADLINE;
        while seen.in_flight.load(order) > 0 && std::time::Instant::now() < give_up {
            std::thread::yield_now();
        }
        assert_eq!(
            (seen.in_flight.load(order), seen.disconnects.load(order)),
            (0, seen.hits.load(order)),
            "{name}"
        );
    }
}

/// Would be wrong: half an answer counts as done, or as failed where it was the time that ran out.
#[test]
fn a_body_that_stalls_is_timed_out() {
    let url = servers::stalling();
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "3", "--timeout", "300ms", "--url", &url]), 1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!(run.timed_out, 3, "{name} {model}: {:?}", run.tasks[0].error);
        }
    }
}

/// Would be wrong: "one thread" fails because a name has to be looked up, which threads do.
#[test]
fn a_host_by_name_is_no_reason_to_fail() {
    let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
    let url = server.url("/delay/100").replace("127.0.0.1", "localhost");
    for (name, ..) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "4", "--url", &url]), 0);
        assert!(lesson(&report).findings.iter().all(|finding| finding.verdict != Verdict::Fails));
    }
}

/// Would be wrong: a report that cannot be read when everything failed.
#[test]
fn the_text_names_each_cause_once() {
    for (name, ..) in HTTP_DEMOS {
        let ended = run(&mut demo(name, &["-n", "30", "--url", &servers::refused()]));
        assert_eq!(ended.end, End::Exit(1));
        let report = &ended.stdout[ended.stdout.rfind("\nsequential: ").unwrap()..];
        assert_eq!(report.matches("  30 failed: ").count(), 3, "{report}");
        assert!(report.contains(" not shown: "), "{report}");
    }
    parse(&run(&mut demo("async-demo", &["-n", "1", "--format", "json"])), 0);
}
