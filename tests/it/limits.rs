//! Less than enough of what the system has to give: descriptors, threads, processes, cores, space.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::child::End;

use super::demo::{DEMOS, HTTP_DEMOS, binary, copy_program, demo, lesson, parse, run, scratch};
use super::faults::{Trial, skipped};
use super::servers::get;

/// Would be wrong: tasks that fail because all wanted a connection at the same time.
#[test]
fn a_thousand_tasks_with_64_descriptors_are_done_with_less_at_once_which_is_said_once() {
    for (name, ..) in HTTP_DEMOS {
        let words = [
            "notebook",
            "-n",
            "1000",
            "--delay",
            "1ms",
            "--workers",
            "50",
            "--timeout",
            "60s",
            "--format",
            "json",
        ];
        let ended = Trial::start_under(&["prlimit", "--nofile=64"], name, &words).finish();
        assert_eq!(ended.stderr.lines().count(), 1, "{name}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(" of 1000 tasks at once: only 64 open files are allowed"),
            "{}",
            ended.stderr
        );
        // So many tasks of a millisecond may well show that nothing overlaps.
        let End::Exit(code) = ended.end else { panic!("{name}: {}", ended.end) };
        for run in &lesson(&parse(&ended, code)).runs {
            assert_eq!(run.done, 1000, "{name} {}", run.model);
            assert!(run.peak_in_flight.unwrap() <= 16, "{name} {}", run.model);
        }
    }
}

/// Would be wrong: fewer at once than the system would allow if it were asked.
#[test]
fn the_limit_of_descriptors_is_raised_as_far_as_it_may_be() {
    for (name, ..) in HTTP_DEMOS {
        let words =
            ["notebook", "-n", "40", "--workers", "40", "--delay", "50ms", "--format", "json"];
        let ended = Trial::start_under(&["prlimit", "--nofile=64:1024"], name, &words).finish();
        assert_eq!(ended.stderr, "", "{name}");
        let End::Exit(code @ (0 | 1)) = ended.end else { panic!("{name}: {}", ended.end) };
        let report = parse(&ended, code);
        assert!(lesson(&report).runs.iter().all(|run| run.done == 40), "{name}");
    }
}

/// Would be wrong: a server that spins when it can accept no more, or that forgets who waited.
#[test]
fn the_server_of_serve_backs_off_without_descriptors_and_then_goes_on() {
    use std::io::{BufRead, BufReader};
    let mut command =
        super::demo::demo_under(&["prlimit", "--nofile=20"], "async-demo", &["serve"]);
    let mut server = super::demo::spawn(&mut command);
    let mut lines = BufReader::new(server.stdout.as_mut().unwrap()).lines();
    let url = lines.nth(1).unwrap().unwrap().trim().to_string();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..60).map(|_| scope.spawn(|| get(&url))).collect();
        assert!(asked.into_iter().all(|status| status.join().unwrap() == 200));
    });
    // Several rounds of a tenth of a second, in which it had nothing to do but to wait.
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    assert!(ticks < 25, "{ticks} hundredths of a second of CPU");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// A directory where an ordinary user may start the demos, if we can be one; else why not.
fn for_anybody(name: &str) -> Result<PathBuf, &'static str> {
    let able =
        Command::new("setpriv").args(["--reuid", "23456", "--clear-groups", "true"]).status();
    if !able.is_ok_and(|status| status.success()) {
        return Err("a user who is not root takes the right to become one");
    }
    let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    for (name, ..) in HTTP_DEMOS {
        copy_program(&binary(name), &directory.join(name));
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    Ok(directory)
}

/// The demo in `directory`, run by a user who may have so many threads and processes in all.
fn with_threads(count: usize, directory: &Path, name: &str) -> Trial {
    with_words(count, directory, name, &["--format", "json", "--timeout", "60s"])
}

fn with_words(count: usize, directory: &Path, name: &str, words: &[&str]) -> Trial {
    let limit = format!("--nproc={count}");
    let mut command = Command::new("setsid");
    command.args(["prlimit", &limit, "setpriv", "--reuid", "23456", "--clear-groups"]);
    command.arg(directory.join(name)).args(words);
    Trial::of(&mut command)
}

/// Would be wrong: a thread or a process that cannot be had is a panic, or tasks that fail for it.
#[test]
fn few_threads_or_processes_allowed_go_on_with_those_obtained_and_none_is_code_3() {
    let directory = match for_anybody("few-threads") {
        Ok(directory) => directory,
        Err(why) => return skipped(why),
    };
    for (name, ..) in HTTP_DEMOS {
        // With ten, some models come to no more than one task at a time: that is no claim refuted.
        for count in [20, 10] {
            let report = with_threads(count, &directory, name).report(0);
            assert!(lesson(&report).runs.iter().all(|run| run.done == 10), "{name}");
        }
        let ended = with_threads(1, &directory, name).finish();
        assert_eq!(ended.end, End::Exit(3), "{name}: {}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("cannot start the server's thread: Resource temporarily unavailable"),
            "{}",
            ended.stderr
        );
    }
    let report = with_threads(5, &directory, "threads-demo").report(0);
    assert!(lesson(&report).runs.iter().all(|run| run.done == 10));
    // A lesson in which none may be missing says so, and does not wait for it.
    let ended = with_words(5, &directory, "threads-demo", &["race"]).finish();
    assert_eq!(ended.end, End::Exit(3));
    assert!(ended.stderr.contains("cannot start a thread"), "{}", ended.stderr);
    // A thread for the server and one for the client, but none for a task.
    for name in ["threads-demo", "process-demo"] {
        let ended = with_threads(3, &directory, name).finish();
        assert_eq!(ended.end, End::Exit(3), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("Resource temporarily unavailable"), "{}", ended.stderr);
    }
    fs::remove_dir_all(directory).unwrap();
}

/// Would be wrong: memory that is asked for first and refused then.
#[test]
fn more_tasks_than_a_model_can_hold_are_refused_at_once() {
    for name in DEMOS {
        let help = run(&mut demo(name, &["--help"])).stdout;
        let most = help.split("How many activities, at most ").nth(1).unwrap();
        let most: usize = most.split_whitespace().next().unwrap().parse().unwrap();
        for count in [most + 1, 1_000_000_000] {
            let tight = ["prlimit", "--as=200000000", "--nproc=1"];
            let ended = Trial::start_under(&tight, name, &["-n", &count.to_string()]).finish();
            assert_eq!((ended.end, ended.stdout.as_str()), (End::Exit(2), ""));
            assert!(ended.stderr.contains(&format!("from 1 to {most}")), "{}", ended.stderr);
        }
    }
}

/// Would be wrong: half a picture in place of a whole one, because the disk was full or the program
/// was killed while it wrote.
#[test]
fn disk_full_or_killed_while_writing_a_file() {
    let directory = scratch("file-kept");
    let file = directory.join("old.png");
    fs::write(&file, "as it was").unwrap();
    let words = ["-n", "200", "--png", file.to_str().unwrap()];
    // The system kills whoever writes more than allowed: here, after 4 KiB of the picture.
    let ended =
        run(&mut super::demo::demo_under(&["prlimit", "--fsize=4096"], "cpu-bound-demo", &words));
    assert!(matches!(ended.end, End::Signal(_)), "{}", ended.end);
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");

    // A disk of our own, with room for the old file and little else.
    let disk = scratch("small-disk");
    let script = r#"mount -t tmpfs -o size=8k none "$1" || exit 77
        echo as it was >"$1/old.png"; "$2" -n 200 --png "$1/old.png"; echo "code $?"; cat "$1/old.png"; ls "$1" | wc -l"#;
    let mut mount = Command::new("unshare");
    mount.args(["--mount", "sh", "-c", script, "sh"]).arg(&disk).arg(binary("cpu-bound-demo"));
    let ended = run(&mut mount);
    if ended.end == End::Exit(77) || ended.stderr.contains("unshare") {
        return skipped("a disk of one's own takes the right to mount it");
    }
    assert!(ended.stdout.ends_with("code 4\nas it was\n1\n"), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("No space left"), "{}", ended.stderr);
}
