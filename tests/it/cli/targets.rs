//! `--url`: real targets in place of the embedded server.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

use shared::http::Server;
use shared::os::child::ChildExit;
use shared::report::Verdict;

use crate::support::demo::{DEADLINE, HTTP_DEMOS, demo, lesson, report, run, run_of};
use crate::support::https::https;
use crate::support::servers;
use crate::support::workspace::scratch;

#[test]
fn unknown_figures_of_target_are_null() {
    let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
    for (name, at_once, pool) in HTTP_DEMOS {
        let url = server.url("/delay/200");
        let seen = server.reset_counters();
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
        assert_eq!(seen.hits.load(Relaxed), 12, "{name}");
        assert!(seen.peak_in_flight.load(Relaxed) > 1, "{name}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn https_needs_a_trusted_certificate() {
    let directory = scratch("https");
    let (url, authority) = https(&directory);
    for (name, at_once, pool) in HTTP_DEMOS {
        let words = ["-n", "3", "--url", &url];
        let trusting = report(demo(name, &words).env("SSL_CERT_FILE", &authority), 0);
        for model in ["sequential", at_once, pool] {
            assert_eq!(run_of(&trusting, model).done, 3, "{name} {model}");
        }
        // Certificates of another authority only.
        let (_, stranger) = https(&scratch(&format!("https stranger of {name}")));
        let distrusting = report(demo(name, &words).env("SSL_CERT_FILE", &stranger), 1);
        let error = run_of(&distrusting, at_once).tasks[0].error.clone().unwrap();
        assert!(error.contains("certificate"), "{error}");
        // No certificates at all are an error before anything starts.
        let mut none = demo(name, &words);
        let output =
            run(none.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent"));
        assert_eq!(output.exit, ChildExit::Code(3), "{}", output.stderr);
        assert!(output.stderr.contains("certificate"), "{}", output.stderr);
        // The embedded server needs none.
        let mut embedded = demo(name, &["-n", "2"]);
        report(
            embedded.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent"),
            0,
        );
    }
}

#[test]
fn proxy_variables_spare_the_embedded_server() {
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
        // Requests to other hosts go through the proxy.
        let mut command = demo(name, &["-n", "1", "--url", "http://192.0.2.1/"]);
        with_proxies(&mut command);
        let report = report(&mut command, 1);
        let error = run_of(&report, "sequential").tasks[0].error.clone().unwrap();
        assert!(error.contains("refused"), "{error}");
    }
}

#[test]
fn refused_connection_fails_with_its_cause() {
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

#[test]
fn error_names_redirect_or_proxy() {
    let nowhere = servers::refused();
    let host = nowhere.trim_start_matches("http://").trim_end_matches('/').to_string();
    let (http, ftp) = (format!("http://u:s3cret@{host}/"), format!("ftp://u:s3cret@{host}/"));
    for location in [&http, &ftp] {
        let answer =
            format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\nconnection: close\r\n\r\n");
        let address = servers::listen(move |mut stream| {
            let _ = servers::read_request(&mut stream);
            let _ = stream.write_all(answer.as_bytes());
        });
        let url = format!("http://{address}/");
        let place = format!("redirected to {}", location.replace("u:s3cret@", ""));
        for (name, ..) in HTTP_DEMOS {
            assert_fails_at(
                &mut demo(name, &["-n", "1", "--url", &url]),
                place.trim_end_matches('/'),
            );
        }
    }
    for (name, ..) in HTTP_DEMOS {
        let mut command = demo(name, &["-n", "1", "--url", "http://nobody.invalid/"]);
        let place = format!("through the proxy {host}");
        assert_fails_at(command.env("http_proxy", &http), &place);
    }
}

fn assert_fails_at(command: &mut Command, place: &str) {
    let output = run(command.args(["--format", "json"]));
    assert_eq!(output.exit, ChildExit::Code(1), "{}", output.stderr);
    assert!(output.stdout.contains(place), "{place}: {}", output.stdout);
    assert!(!output.stdout.contains("s3cret"), "{}", output.stdout);
}

#[test]
fn answer_400_fails_with_its_status() {
    let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "3", "--url", &server.url("/status/400")]), 1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!(run.failed, 3);
            assert!(run.tasks.iter().all(|task| task.status == Some(400)));
            assert_eq!(run.tasks[0].error.as_deref(), Some("answered 400 Bad Request"));
        }
        let output = run(&mut demo(name, &["-n", "3", "--url", &server.url("/status/204")]));
        assert_eq!(output.exit, ChildExit::Code(0), "any 2xx answer is done");
    }
}

#[test]
fn silent_target_is_timed_out() {
    for (name, at_once, pool) in HTTP_DEMOS {
        let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
        let url = server.url("/delay/3600000");
        let seen = server.reset_counters();
        let report = report(&mut demo(name, &["-n", "2", "--timeout", "300ms", "--url", &url]), 1);
        for model in ["sequential", at_once, pool] {
            assert_eq!(run_of(&report, model).timed_out, 2, "{name} {model}");
        }
        // Every client hung up, and the server noticed.
        assert!(seen.wait_until(DEADLINE, |seen| seen.waiting() == 0), "{name}");
        assert_eq!(seen.disconnects.load(Relaxed), seen.hits.load(Relaxed), "{name}");
    }
}

#[test]
fn stalled_body_is_timed_out() {
    let url = servers::stalling();
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "3", "--timeout", "300ms", "--url", &url]), 1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!(run.timed_out, 3, "{name} {model}: {:?}", run.tasks[0].error);
        }
    }
}

#[test]
fn named_host_refutes_no_claim() {
    let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
    let url = server.url("/delay/300").replace("127.0.0.1", "localhost");
    for (name, ..) in HTTP_DEMOS {
        let report = report(&mut demo(name, &["-n", "4", "--url", &url]), 0);
        assert!(lesson(&report).findings.iter().all(|finding| finding.verdict != Verdict::Fails));
    }
}

#[test]
fn text_names_each_cause_once() {
    for (name, ..) in HTTP_DEMOS {
        let output = run(&mut demo(name, &["-n", "10", "--url", &servers::refused()]));
        assert_eq!(output.exit, ChildExit::Code(1));
        let report = &output.stdout[output.stdout.rfind("\nsequential: ").unwrap()..];
        assert_eq!(report.matches("  10 failed: ").count(), 3, "{report}");
        assert!(report.contains(" not shown: "), "{report}");
    }
}

#[test]
fn password_is_sent_and_never_shown() {
    let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = requests.clone();
    let address = servers::listen(move |mut stream| {
        use std::io::{BufRead, BufReader, Write};
        let head = BufReader::new(&stream).lines().map_while(Result::ok);
        seen.lock().unwrap().extend(head.take_while(|line| !line.is_empty()));
        let _ =
            stream.write_all(b"HTTP/1.1 400 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
    // Basic authentication: user:password in base 64.
    for (user, basic) in [("u:s3cret", "dTpzM2NyZXQ="), (":s3cret", "OnMzY3JldA==")] {
        for (name, ..) in HTTP_DEMOS {
            let url = format!("http://{user}@{address}/");
            let words = ["-n", "1", "--url", &url];
            let text = run(&mut demo(name, &words));
            let json = run(demo(name, &words).args(["--format", "json"]));
            for output in [&text.stdout, &text.stderr, &json.stdout, &json.stderr] {
                assert!(!output.contains("s3cret"), "{name}: {output}");
            }
            assert!(json.stdout.contains(":***@"), "{}", json.stdout);
            let requests = std::mem::take(&mut *requests.lock().unwrap()).join("\n").to_lowercase();
            assert!(requests.contains(&format!("basic {basic}").to_lowercase()), "{requests}");
            assert!(requests.contains(&format!("user-agent: {name}/")), "{requests}");
        }
    }
    let refused = run(&mut demo("threads-demo", &["--url", "http://u:s3cret@a b/"]));
    assert_eq!(refused.exit, ChildExit::Code(2));
    assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
}
