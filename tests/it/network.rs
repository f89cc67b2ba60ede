//! What goes wrong in the network: each fault hits one task of three, and the others are done.
#![cfg(target_os = "linux")]

use std::net::TcpListener;

use shared::child::End;
use shared::report::{Outcome, Report, Task};
use shared::server::Server;

use super::demo::{HTTP_DEMOS, lesson, parse, run_of};
use super::fault_server::{Fault, always, closes_idle_connections, first_of_three};
use super::faults::{Trial, skipped};

/// Runs every demo against the fault. One task of each run must come out as `outcome`, with all of
/// these words in its error, and the others be done.
fn one_of_three(fault: Fault, outcome: Outcome, words: &[&str]) {
    for (name, at_once, pool) in HTTP_DEMOS {
        let timeout = if outcome == Outcome::TimedOut { "2s" } else { "60s" };
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

/// With a timeout that only what hangs reaches, however busy the machine is.
fn report(name: &str, url: &str, timeout: &str, code: i32) -> Report {
    let words = ["notebook", "-n", "3", "--timeout", timeout, "--format", "json", "--url", url];
    Trial::start(name, &words).report(code)
}

/// Would be wrong: one server that hangs, and tasks that it does not concern wait with it.
#[test]
fn accepts_and_never_answers() {
    one_of_three(Fault::Hangs, Outcome::TimedOut, &["timed out"]);
}

/// Would be wrong: a deadline that each byte puts off.
#[test]
fn one_byte_a_second_of_the_head_or_of_the_body() {
    one_of_three(Fault::DripsHead, Outcome::TimedOut, &["timed out"]);
    one_of_three(Fault::DripsBody, Outcome::TimedOut, &["timed out"]);
}

/// Would be wrong: a connection that the system made and nobody accepted counts as an answer.
#[test]
fn never_accepts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for (name, at_once, pool) in HTTP_DEMOS {
        let report = report(name, &url, "300ms", 1);
        for model in ["sequential", at_once, pool] {
            assert_eq!(run_of(&report, model).timed_out, 3, "{name} {model}");
        }
    }
}

/// Would be wrong: half an answer that counts as a whole one.
#[test]
fn reset_or_end_in_mid_body() {
    one_of_three(Fault::Resets, Outcome::Failed, &["reset"]);
    one_of_three(Fault::Ends, Outcome::Failed, &["end of file before message length reached"]);
    one_of_three(
        Fault::EndsAtOnce,
        Outcome::Failed,
        &["connection closed before message completed"],
    );
}

/// Would be wrong: what is no HTTP counts as an answer.
#[test]
fn bad_chunks_and_a_garbage_status_line() {
    one_of_three(Fault::BadChunks, Outcome::Failed, &["chunk"]);
    one_of_three(Fault::Garbage, Outcome::Failed, &["invalid HTTP"]);
}

/// Would be wrong: a client that follows for ever, or says only that something went wrong.
#[test]
fn endless_redirects() {
    for (name, ..) in HTTP_DEMOS {
        for run in &lesson(&report(name, &always(Fault::RedirectsForEver), "60s", 1)).runs {
            assert_eq!(run.failed, 3, "{name} {}", run.model);
            let error = run.tasks[0].error.as_ref().unwrap();
            assert!(error.contains("too many redirects"), "{error}");
        }
    }
}

/// Would be wrong: memory that fills with what a server sends, or a task that never ends.
#[test]
fn endless_body_and_content_length_of_10_gb() {
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

/// Would be wrong: a connection that the server closed behind an answer, and with it an answer that is
/// lost or counted twice. A request that meets the close on its way is failed, as nobody can tell
/// whether the server had read it.
#[test]
fn closes_idle_connections_between_two_requests() {
    for (name, ..) in HTTP_DEMOS {
        let words = ["-n", "9", "--format", "json", "--url", &closes_idle_connections()];
        let ended = Trial::start(name, &words).finish();
        let End::Exit(code @ (0 | 1)) = ended.end else { panic!("{}", ended.end) };
        let report = parse(&ended, code);
        let runs = &lesson(&report).runs;
        assert_eq!(code == 0, runs.iter().all(|run| run.lost() == 0));
        for run in runs {
            for task in run.tasks.iter().filter(|task| task.outcome != Outcome::Done) {
                let error = task.error.as_ref().unwrap();
                let closed = ["connection closed before message completed", "reset", "Broken pipe"];
                assert!(closed.iter().any(|word| error.contains(word)), "{error}");
            }
        }
    }
}

/// Would be wrong: a cause that is cut short, or a wait for what cannot come.
#[test]
fn unknown_host() {
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

/// Would be wrong: as above, on a machine that is not connected to anything.
#[test]
fn no_network_at_all() {
    let alone = ["unshare", "--net"];
    let possible = std::process::Command::new("unshare").args(["--net", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        return skipped("a network without routes takes the right to make one");
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

/// Would be wrong: a server that paints the reader's terminal, or runs a script in a browser.
#[test]
fn a_server_sends_escape_sequences_in_header_status_text_and_body() {
    let url = first_of_three(Fault::Escapes);
    for (name, ..) in HTTP_DEMOS {
        let ended = Trial::start(name, &["-n", "3", "--url", &url]).finish();
        assert_eq!(ended.end, End::Exit(1));
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(['\u{1b}', '\r', '<']), "{name}: {text}");
        }
    }
}
