//! Faults of the network: each hits one task of three, and the others are done.
#![cfg(target_os = "linux")]

use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

use shared::http::Server;
use shared::os::child::ChildExit;
use shared::report::{Outcome, Report, Task};

use crate::support::demo::{HTTP_DEMOS, lesson, run_of};
use crate::support::fault_server::{Fault, HangUp, always, first_of_three, hangs_up};
use crate::support::trial::{Trial, skipped};
use crate::support::workspace::scratch;

/// Runs every demo against the fault. In each run, one task must end as `outcome`, with all of these
/// words in its error, and the others be done.
fn one_of_three(fault: Fault, outcome: Outcome, words: &[&str]) {
    for (name, at_once, pool) in HTTP_DEMOS {
        let timeout = if outcome == Outcome::TimedOut { "5s" } else { "60s" };
        let report = report(name, &first_of_three(fault), timeout, 1);
        for model in ["sequential", at_once, pool] {
            let tasks = &run_of(&report, model).tasks;
            let lost: Vec<&Task> =
                tasks.iter().filter(|task| task.outcome != Outcome::Done).collect();
            assert_eq!(lost.len(), 1, "{name} {model} {fault:?}: {lost:?}");
            assert_eq!(lost[0].outcome, outcome, "{name} {model} {fault:?}: {lost:?}");
            let error = lost[0].error.as_ref().unwrap();
            assert!(
                words.iter().all(|word| error.contains(word)),
                "{name} {model} {fault:?}: {error}"
            );
        }
    }
}

/// The report on three tasks. Only a request that hangs should reach the timeout, however busy the
/// machine is.
fn report(name: &str, url: &str, timeout: &str, code: i32) -> Report {
    let words = ["notebook", "-n", "3", "--timeout", timeout, "--format", "json", "--url", url];
    Trial::start(name, &words).report(code)
}

#[test]
fn silent_server_is_timed_out() {
    one_of_three(Fault::Hangs, Outcome::TimedOut, &["timed out"]);
}

#[test]
fn dripping_answer_is_timed_out() {
    one_of_three(Fault::DripsHead, Outcome::TimedOut, &["timed out"]);
    one_of_three(Fault::DripsBody, Outcome::TimedOut, &["timed out"]);
}

#[test]
fn unaccepted_connections_are_timed_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(name, &url, "300ms", 1);
        for model in ["sequential", at_once, pool] {
            assert_eq!(run_of(&report, model).timed_out, 3, "{name} {model}");
        }
    }
}

#[test]
fn broken_body_fails_its_task() {
    one_of_three(Fault::Resets, Outcome::Failed, &["reset"]);
    one_of_three(Fault::Ends, Outcome::Failed, &["end of file before message length reached"]);
    one_of_three(
        Fault::EndsAtOnce,
        Outcome::Failed,
        &["connection closed before message completed"],
    );
}

#[test]
fn garbage_answer_fails_its_task() {
    one_of_three(Fault::BadChunks, Outcome::Failed, &["chunk"]);
    one_of_three(Fault::Garbage, Outcome::Failed, &["invalid HTTP"]);
}

#[test]
fn endless_redirects_fail() {
    for (name, ..) in HTTP_DEMOS {
        for run in &lesson(&report(name, &always(Fault::RedirectsForEver), "60s", 1)).runs {
            assert_eq!(run.failed, 3, "{name} {}", run.model);
            let error = run.tasks[0].error.as_ref().unwrap();
            assert!(error.contains("too many redirects"), "{error}");
        }
    }
}

#[test]
fn endless_answer_is_capped() {
    let peaks = |name, url: &str, code| -> Vec<u64> {
        let report = report(name, url, "60s", code);
        let runs = &lesson(&report).runs;
        runs.iter().map(|run| run.peak_rss_kib.unwrap()).collect()
    };
    for (name, ..) in HTTP_DEMOS {
        let server = Server::start([127, 0, 0, 1].into(), 0).unwrap();
        let usual = peaks(name, &server.url("/status/200"), 0);
        for fault in [Fault::EndlessBody, Fault::EndlessChunks, Fault::TenGigabytes] {
            let peaks = peaks(name, &first_of_three(fault), 1);
            for (usual, peak) in usual.iter().zip(peaks) {
                assert!(peak < usual + 16 * 1024, "{name} {fault:?}: {peak} KiB after {usual}");
            }
        }
    }
    let cap = ["longer than 8 MiB"];
    one_of_three(Fault::EndlessBody, Outcome::Failed, &cap);
    one_of_three(Fault::EndlessChunks, Outcome::Failed, &cap);
    one_of_three(Fault::TenGigabytes, Outcome::Failed, &cap);
    one_of_three(Fault::EndlessHeader, Outcome::Failed, &["too large"]);
}

/// hyper parses 50 MB of them before timers get a turn.
#[test]
fn endless_interim_answers_are_timed_out() {
    for (name, ..) in HTTP_DEMOS {
        let url = always(Fault::EndlessHints);
        let words = ["-n", "1", "--timeout", "300ms", "--format", "json", "--url", &url];
        for run in &lesson(&Trial::start(name, &words).report(1)).runs {
            assert_eq!(run.timed_out, 1, "{name} {}: {:?}", run.model, run.tasks);
            let cpu_ms = run.cpu_ms.unwrap();
            assert!(cpu_ms < 2_000.0, "{name} {}: {cpu_ms} ms of CPU", run.model);
        }
    }
}

/// Runs four tasks in each model against a server that hangs up. Returns the report, and the
/// number of requests that the server read.
fn hung_up(name: &str, place: HangUp) -> (Report, usize) {
    let (url, requests) = hangs_up(place);
    let words = ["-n", "4", "--format", "json", "--timeout", "60s", "--url", &url];
    (Trial::start(name, &words).any_report(), requests.load(Relaxed))
}

#[test]
fn dead_reused_connection_is_replaced() {
    for (name, ..) in HTTP_DEMOS {
        for place in [
            HangUp::AfterAnswer,
            HangUp::AfterEarlyHints,
            HangUp::AfterRedirect,
            HangUp::AtNextRequest,
            HangUp::ResetsAtNextRequest,
        ] {
            let (report, requests) = hung_up(name, place);
            for run in &lesson(&report).runs {
                assert_eq!(run.done, 4, "{name} {} {place:?}: {:?}", run.model, run.tasks);
            }
            // Each task sends its request twice at most; a redirect doubles that.
            let most = if place == HangUp::AfterRedirect { 48 } else { 24 };
            assert!((12..=most).contains(&requests), "{name} {place:?}: {requests} requests");
        }
    }
}

#[test]
fn dead_fresh_connection_fails_its_task() {
    for (name, ..) in HTTP_DEMOS {
        let (report, requests) = hung_up(name, HangUp::AtFirstRequest);
        assert!(lesson(&report).runs.iter().all(|run| run.failed == 4), "{name}");
        assert_eq!(requests, 12, "{name}: no request is sent twice");
    }
}

#[test]
fn started_answer_is_not_repeated() {
    for (name, ..) in HTTP_DEMOS {
        let (report, requests) = hung_up(name, HangUp::AfterNextHead);
        assert_eq!(run_of(&report, "sequential").failed, 2, "{name}");
        assert_eq!(requests, 12, "{name}: no request is sent twice");
    }
}

#[test]
fn unknown_host_fails_with_its_cause() {
    for (name, at_once, pool) in HTTP_DEMOS {
        let words = ["-n", "2", "--format", "json", "--url", "http://nobody.invalid/"];
        let report = Trial::start(name, &words).report(1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!(run.failed, 2, "{name} {model}: {:?}", run.tasks[0].error);
            let error = run.tasks[0].error.as_ref().unwrap();
            assert!(error.contains("failed to lookup address"), "{error}");
        }
    }
}

/// A resolver thread waits for two and a half minutes, which is longer than a demo may take.
#[test]
fn silent_name_server_delays_no_end() {
    let Ok(_silent) = UdpSocket::bind("127.53.53.53:53") else {
        return skipped("the port of a name server needs root");
    };
    let directory = scratch("name server");
    let (servers, sources) = (directory.join("resolv.conf"), directory.join("nsswitch.conf"));
    std::fs::write(&servers, "nameserver 127.53.53.53\noptions timeout:30 attempts:5\n").unwrap();
    std::fs::write(&sources, "hosts: dns\n").unwrap();
    let mount = r#"mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf &&
        shift 2 && exec "$@""#;
    let (servers, sources) = (servers.to_str().unwrap(), sources.to_str().unwrap());
    let starter = ["unshare", "--mount", "sh", "-c", mount, "sh", servers, sources];
    let possible = Command::new(starter[0]).args(&starter[1..]).arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        return skipped("another name server needs root");
    }
    let notebooks = HTTP_DEMOS.map(|(name, ..)| (name, "notebook"));
    let others = [("async-demo", "ranking"), ("async-demo", "scale")];
    for (name, lesson_name) in notebooks.iter().chain(&others) {
        let words = [lesson_name, "-n", "2", "--timeout", "300ms", "--format", "json"];
        let words = [&words[..], &["--url", "http://nobody.example/"]].concat();
        let report = Trial::start_under(&starter, name, &words).report(1);
        for run in &lesson(&report).runs {
            assert_eq!(run.timed_out, 2, "{name} {lesson_name}: {:?}", run.tasks);
        }
    }
}

#[test]
fn missing_network_fails_with_its_cause() {
    let alone = ["unshare", "--net"];
    let possible = Command::new("unshare").args(["--net", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        return skipped("a network without routes needs root");
    }
    for (name, at_once, pool) in HTTP_DEMOS {
        let words = ["-n", "2", "--format", "json", "--url", "http://192.0.2.1/"];
        let report = Trial::start_under(&alone, name, &words).report(1);
        for model in ["sequential", at_once, pool] {
            let run = run_of(&report, model);
            assert_eq!(run.failed, 2, "{name} {model}");
            let error = run.tasks[0].error.as_ref().unwrap();
            assert!(error.contains("Network is unreachable"), "{error}");
        }
    }
}

#[test]
fn escapes_from_server_stay_inert() {
    let url = first_of_three(Fault::Escapes);
    for (name, ..) in HTTP_DEMOS {
        let output = Trial::start(name, &["-n", "3", "--url", &url]).finish();
        assert_eq!(output.exit, ChildExit::Code(1));
        for text in [&output.stdout, &output.stderr] {
            assert!(!text.contains(['\u{1b}', '\r', '<']), "{name}: {text}");
        }
    }
}
