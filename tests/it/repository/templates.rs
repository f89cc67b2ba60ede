//! The programs that are made to be copied: built from README's commands alone, each in a package of
//! its own, they lose no task.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use shared::os::child::{ChildExit, ChildOutput};

use crate::support::copies::{WorkspaceCopy, follow};
use crate::support::demo::{DEADLINE, DEMOS, finish, run};
use crate::support::fault_server::{Fault, always};
use crate::support::processes::{assert_ended, children, is_running, signal};
use crate::support::servers::{HoldingServer, listen, read_request, refused};
use crate::support::workspace::{read, scratch, target};

/// README's commands that make a package of the program `name`, one a line. The first makes the
/// package of `fetch`; for the others, a list says what to use in place of what.
fn commands(name: &str) -> Vec<String> {
    let readme = read("README.md");
    let section = readme.split("\n## Start your own").nth(1).unwrap();
    let block = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let [new, add, http] = block.lines().collect::<Vec<_>>()[..] else { panic!("{block}") };
    let (path, add) = if name == "fetch" {
        ("async-demo/examples/fetch.rs", add)
    } else {
        let is_row = |row: &&str| row.starts_with("- `") && row.contains(&format!("/{name}.rs"));
        let row: Vec<&str> = section.lines().find(is_row).unwrap().split('`').collect();
        (row[1], row[3])
    };
    let new = new.replace("async-demo/examples/fetch.rs", path).replace("my-fetch", &my(name));
    let mut commands = vec![new, add.to_string()];
    if name == "fetch" || section.contains(&format!("so {name}.rs needs it, too")) {
        commands.push(http.to_string());
    }
    assert!(commands[0].starts_with("cargo new ") && commands[1].starts_with("cargo add "));
    commands
}

/// Each package has a name of its own, because they share a target directory.
fn my(name: &str) -> String {
    format!("my-{name}")
}

/// Follows README in a copy of the workspace, lets `change` edit the program, and builds it without a
/// warning. Returns the program.
fn build(name: &str, change: impl Fn(&str) -> String) -> PathBuf {
    let copy = WorkspaceCopy::new(&format!("template {name}"));
    let mut commands = commands(name);
    // The versions of the workspace, which are all that is there without a network.
    commands.insert(1, "cp ../workspace/Cargo.lock .".into());
    follow(&copy.path, &commands.join("\n"));
    let package = copy.path.parent().unwrap().join(my(name));
    let main = package.join("src/main.rs");
    let original = fs::read_to_string(&main).unwrap();
    let changed = change(&original);
    assert_ne!(changed, original);
    fs::write(main, changed).unwrap();
    follow(&package, "cargo rustc --quiet -- -D warnings");
    for demo in DEMOS {
        // The notebook's cells that need no other crates than this program.
        if (name, demo) == ("fetch", "async-demo")
            || name == "pool" && ["threads-demo", "process-demo"].contains(&demo)
        {
            fs::create_dir_all(package.join("src/bin")).unwrap();
            let cell = copy.path.join(demo).join("examples/cell.rs");
            fs::copy(cell, package.join(format!("src/bin/{demo}-cell.rs"))).unwrap();
            follow(&package, &format!("cargo rustc --quiet --bin {demo}-cell -- -D warnings"));
        }
    }
    target().join("debug").join(my(name))
}

/// A cell makes ten requests, and prints the notebook's lines.
fn runs_like_the_notebook(demo: &str, line: &str) {
    let server = HoldingServer::start(0, 0);
    let cell = target().join("debug").join(format!("{demo}-cell"));
    let output = run(Command::new(cell).arg(&server.url));
    assert_eq!(output.exit, ChildExit::Code(0), "{}", output.stderr);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!((lines.len(), server.arrived()), (11, 10), "{}", output.stdout);
    assert!(lines[..10].iter().all(|found| found.starts_with(line)), "{}", output.stdout);
    let time = lines[10].trim_start();
    assert!(time.starts_with("Time: ") && time.ends_with(" seconds"), "{time}");
}

/// Starts a program with these words, and writes `input` to its stdin.
fn start(program: &PathBuf, words: &[&str], input: &[u8], stdout: Stdio) -> Child {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(program).args(words);
    command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
    command.env_remove("RUST_BACKTRACE"); // A panic would take seconds.
    let mut child = command.spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    thread::spawn(move || stdin.write_all(&input));
    child
}

/// Waits until a program handles Ctrl-C.
fn wait_for_handler(child: &Child) {
    while is_running(child.id()) {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if caught.is_some_and(|mask| mask & 1 << (Signal::SIGINT as u64 - 1) != 0) {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The lines of JSON that a program printed, by the task in `field`: of each task, its errors or "".
fn lines(output: &ChildOutput, field: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in output.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let task = line[field].as_str().unwrap().to_string();
        found.entry(task).or_default().push(line["error"].as_str().unwrap_or_default().into());
    }
    found
}

/// What holds for bad input, an empty one, a full disk and a reader that leaves.
fn keeps_the_rules(program: &PathBuf, bad: &[u8], tasks: &str) {
    for (words, input) in [(&[][..], bad), (&[], b"\xff\xfe"), (&["--limit", "0"], b"")] {
        let output = finish(start(program, words, input, Stdio::piped()));
        assert_eq!((output.exit, &*output.stdout), (ChildExit::Code(2), ""), "{words:?}");
        assert!(!output.stderr.is_empty());
    }
    // More threads or workers than any machine can start, if all were started.
    for words in [&[][..], &["--limit", "4000000000"]] {
        let output = finish(start(program, words, b"", Stdio::piped()));
        assert_eq!((output.exit, &*output.stdout, &*output.stderr), (ChildExit::Code(0), "", ""));
    }

    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = finish(start(program, &[], tasks.as_bytes(), full.into()));
    assert_eq!(output.exit, ChildExit::Code(4), "{}", output.stderr);
    assert!(output.stderr.contains("No space left"), "{}", output.stderr);

    let mut child = start(program, &["--limit", "2"], tasks.as_bytes(), Stdio::piped());
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let output = finish(child);
    assert_eq!((output.exit, &*output.stderr), (ChildExit::Code(0), ""));
}

/// A server that answers every request with this status, and counts them.
fn answering(status: &'static str) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let address = listen(move |mut stream| {
        if read_request(&mut stream) {
            counted.fetch_add(1, Relaxed);
            let close = "content-length: 0\r\nconnection: close";
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{close}\r\n\r\n");
        }
    });
    (format!("http://{address}/"), count)
}

/// 200 URLs of which most are lost in some way, and Ctrl-C while all threads or tasks are busy.
fn fetches_what_it_can(program: &PathBuf) {
    let (good, _) = answering("200 OK");
    let (missing, asked_in_vain) = answering("404 Not Found");
    let (busy, asked_again) = answering("503 Service Unavailable");
    let (hangs, closes) = (always(Fault::Hangs), always(Fault::EndsAtOnce));
    let (endless, refused) = (always(Fault::DripsBody), refused());
    let kinds = [
        (&*good, ""),
        (&*missing, "404"),
        (&*busy, "503"),
        (&*hangs, "timed out"),
        (&*endless, "timed out"),
        (&*closes, "connection"),
        (&*refused, "refused"),
        ("http://panic/", "panicked"),
    ];
    let urls: String = (0..25).flat_map(|_| kinds.map(|(url, _)| format!("{url}\n"))).collect();
    let words = ["--limit", "100", "--timeout", "1", "--retries", "1"];
    let output = finish(start(program, &words, urls.as_bytes(), Stdio::piped()));
    assert_eq!(output.exit, ChildExit::Code(1), "{}", output.stderr);
    let lines = lines(&output, "url");
    assert_eq!(lines.len(), kinds.len());
    for (url, error) in kinds {
        assert_eq!(lines[url].len(), 25, "{url}");
        for found in &lines[url] {
            assert_eq!(found.is_empty(), error.is_empty(), "{url}: {found}");
            assert!(found.contains(error), "{url}: {found}");
        }
    }
    // Only what may pass is tried again.
    assert_eq!((asked_in_vain.load(Relaxed), asked_again.load(Relaxed)), (25, 50));
}

/// Ctrl-C while ten of 200 requests wait. With `release`, they are answered in time.
fn stops_at_ctrl_c(program: &PathBuf, release: bool) {
    let server = HoldingServer::start(0, 10);
    let urls: String = (0..200).map(|task| format!("{}{task}\n", server.url)).collect();
    let child = start(program, &["--limit", "10"], urls.as_bytes(), Stdio::piped());
    server.wait_until_held();
    wait_for_handler(&child);
    assert!(signal(Signal::SIGINT, child.id()));
    if release {
        thread::sleep(Duration::from_millis(300));
        server.release();
    } else {
        assert!(signal(Signal::SIGINT, child.id()));
    }
    let output = finish(child);
    assert_eq!((output.exit, &*output.stderr), (ChildExit::Code(130), ""));
    let lines = lines(&output, "url");
    let done = lines.values().filter(|errors| errors[..] == [""]).count();
    assert_eq!((lines.len(), output.stdout.lines().count()), (200, 200));
    assert_eq!((done, server.arrived()), (if release { 10 } else { 0 }, 10));
}

/// Both read URLs.
fn check_fetcher(name: &str, call: &str) {
    let panics = format!(r#"assert!(!url.contains("panic"), "on purpose"); match {call} {{"#);
    let program = build(name, |source| source.replace(&format!("match {call} {{"), &panics));
    let many = "http://127.0.0.1:9/\n".repeat(2000);
    keeps_the_rules(&program, b"http://127.0.0.1:9/\nno url\n", &many);
    fetches_what_it_can(&program);
    stops_at_ctrl_c(&program, true);
    stops_at_ctrl_c(&program, false);
}

#[test]
fn copied_fetch_loses_no_url() {
    check_fetcher("fetch", "get(&client, &url).await");
    runs_like_the_notebook("async-demo", "Status: 200");
}

#[test]
fn copied_pool_loses_no_url() {
    check_fetcher("pool", "get(client, url, Duration::from_secs(args.timeout.into()))");
    runs_like_the_notebook("threads-demo", " Process ");
    runs_like_the_notebook("process-demo", "Process ID: ");
}

/// Waits until a supervisor has started its two workers.
fn two_workers(child: &Child) -> HashSet<u32> {
    let give_up = Instant::now() + DEADLINE;
    loop {
        let workers = children(child.id());
        if workers.len() == 2 {
            return workers;
        }
        assert!(Instant::now() < give_up, "{} workers", workers.len());
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn copied_supervisor_loses_no_task() {
    let program = build("supervise", |source| {
        let (before, rest) = source.split_once("fn work(").unwrap();
        let after = rest.split_once("\n}\n").unwrap().1;
        let work = r#"fn work(task: &str) -> Result<usize, String> {
            match task {
                "hang" => loop { thread::park() },
                "panic" => panic!("on purpose"),
                "abort" => std::process::abort(),
                "fail" => Err("failed".into()),
                task => { thread::sleep(Duration::from_millis(500 * u64::from(task == "slow"))); Ok(1) }
            }
        }"#;
        format!("{before}{work}\n{after}")
    });
    keeps_the_rules(&program, b"\xff", &"quick\n".repeat(2000));

    let kinds = [
        ("quick", 100, ""),
        ("fail", 50, "failed"),
        ("panic", 21, "exit status: 101"),
        ("abort", 21, "signal: 6"),
        ("hang", 8, "timed out"),
    ];
    let tasks: String =
        kinds.iter().map(|(task, count, _)| format!("{task}\n").repeat(*count)).collect();
    let words = ["--limit", "8", "--timeout", "3", "--retries", "0"];
    let output = finish(start(&program, &words, tasks.as_bytes(), Stdio::piped()));
    assert_eq!(output.exit, ChildExit::Code(1), "{}", output.stderr);
    let found = lines(&output, "task");
    for (task, count, error) in kinds {
        assert_eq!(found[task].len(), count, "{task}");
        assert!(found[task].iter().all(|found| found.contains(error)), "{:?}", found[task]);
    }

    // Workers that another program starts: the first of two hosts is down.
    let worker = "sh -c '[ {k} = 1 ] && exit 255; exec \"$0\" --worker'";
    let command = format!("{worker} '{}'", program.display());
    let words = ["--limit", "2", "--retries", "1", "--worker-command", &command];
    let output = finish(start(&program, &words, "quick\n".repeat(8).as_bytes(), Stdio::piped()));
    assert_eq!((output.exit, output.stdout.lines().count()), (ChildExit::Code(0), 8));

    // A worker that only echoes, and one that does not even read a task larger than a pipe.
    for (command, task, error) in [
        ("cat", "quick\n".into(), "was lost"),
        ("sleep 60", "x".repeat(300_000) + "\n", "timed out"),
    ] {
        let words = ["--timeout", "1", "--retries", "0", "--worker-command", command];
        let output = finish(start(&program, &words, task.as_bytes(), Stdio::piped()));
        assert_eq!(output.exit, ChildExit::Code(1), "{command}");
        assert!(output.stdout.contains(error) && output.stdout.lines().count() == 1, "{command}");
    }

    // The kill test of docs/promises.md: a worker, then the supervisor.
    let child = start(&program, &["--limit", "2"], "slow\n".repeat(8).as_bytes(), Stdio::piped());
    let workers = two_workers(&child);
    thread::sleep(Duration::from_millis(250));
    assert!(signal(Signal::SIGKILL, workers.into_iter().next().unwrap()));
    let output = finish(child);
    assert_eq!((output.exit, output.stdout.lines().count()), (ChildExit::Code(0), 8));
    let child = start(&program, &["--limit", "2"], b"hang\nhang\n", Stdio::piped());
    let workers = two_workers(&child);
    assert!(signal(Signal::SIGKILL, child.id()));
    finish(child);
    assert_ended(&workers);
}

#[test]
fn copied_render_saves_what_is_drawn() {
    let program = build("render", |source| {
        let start = "fn draw(y: u32, height: u32) -> Vec<u8> {\n";
        assert!(source.contains(start));
        let panics = r#"std::thread::sleep(std::time::Duration::from_millis(2));
            assert!(y % 10 != 3, "on purpose");"#;
        source.replace(start, &format!("{start}{panics}\n"))
    });
    let directory = scratch("render");
    let draw = |name: &str, words: &[&str]| {
        let file = directory.join(name);
        let words = [&[file.to_str().unwrap()], words].concat();
        (start(&program, &words, b"", Stdio::piped()), file)
    };
    let drawn = |output: &ChildOutput| {
        let line: Value = serde_json::from_str(&output.stdout).unwrap();
        line["drawn"].as_u64().unwrap()
    };
    let mut pictures = Vec::new();
    for threads in ["1", "2", "7"] {
        let (child, file) = draw(threads, &["--height", "60", "--threads", threads]);
        let output = finish(child);
        assert_eq!((output.exit, drawn(&output)), (ChildExit::Code(1), 54), "{}", output.stderr);
        pictures.push(fs::read(file).unwrap());
    }
    assert!(pictures.iter().all(|picture| *picture == pictures[0]));

    let (child, file) = draw("interrupted", &["--height", "4000", "--threads", "1"]);
    wait_for_handler(&child);
    thread::sleep(Duration::from_millis(100));
    assert!(signal(Signal::SIGINT, child.id()));
    let output = finish(child);
    assert_eq!(output.exit, ChildExit::Code(130), "{}", output.stderr);
    assert!((1..3600).contains(&drawn(&output)), "{}", output.stdout);
    let picture = fs::read(file).unwrap();
    assert!(
        picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.ends_with(b"IEND\xae\x42\x60\x82")
    );

    for (file, why) in [("/dev/full", "No space left"), ("/no/such/directory", "No such file")] {
        let output = run(Command::new(&program).args([file, "--height", "1"]));
        assert_eq!(output.exit, ChildExit::Code(4), "{}", output.stderr);
        assert!(output.stderr.contains(why) && output.stderr.lines().count() == 1);
    }
}
