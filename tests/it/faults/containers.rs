//! A container's limits: a part of a core, little memory.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};

use shared::os::child::ChildExit;
use shared::report::{Finding, Report, Run, Verdict};

use crate::support::demo::{demo_under, parse_any, run};
use crate::support::trial::{Trial, skipped};

/// A control group with a limit. It is removed at the end.
struct Group {
    directory: PathBuf,
}

impl Group {
    /// `limits` are a file and its text, first of version 1, then of version 2. `None`, and says so,
    /// without the right to make one.
    fn new(controller: &str, limits: [(&str, &str); 2]) -> Option<Group> {
        let root = Path::new("/sys/fs/cgroup");
        let version1 = root.join(controller).is_dir();
        let (parent, limit) = match version1 {
            true => (root.join(controller), limits[0]),
            false => (root.to_path_buf(), limits[1]),
        };
        let _ = fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"));
        let directory = parent.join(format!("demo-{controller}-{}", std::process::id()));
        let group = Group { directory };
        let made = fs::create_dir(&group.directory)
            .and_then(|()| fs::write(group.directory.join(limit.0), limit.1));
        match made {
            Ok(()) => Some(group),
            Err(error) => {
                skipped(&format!("making a control group: {error}"));
                None
            }
        }
    }

    fn report(&self, name: &str, words: &[&str]) -> Report {
        let join = format!("echo $$ > '{}/cgroup.procs' && exec \"$@\"", self.directory.display());
        let words = [words, &["--format", "json"]].concat();
        Trial::start_under(&["sh", "-c", &join, "sh"], name, &words).report(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.directory);
    }
}

#[test]
fn cpu_quota_refutes_no_claim() {
    let limits = [("cpu.cfs_quota_us", "150000"), ("cpu.max", "150000 100000")];
    let Some(group) = Group::new("cpu", limits) else { return };
    let report = group.report("cpu-bound-demo", &["scheduler"]);
    assert_eq!((report.machine.cores, report.machine.cpu_quota), (1, Some(1.5)));
    let finding = &report.lessons[0].findings[0];
    assert_eq!(finding.verdict, Verdict::NotShown);
    assert!(finding.because.contains("a CPU quota of 1.5"), "{finding:?}");
}

fn assert_lacks_memory(report: &Report) {
    let finding = &report.lessons[0].findings[0];
    assert_eq!(finding.verdict, Verdict::NotShown);
    assert!(finding.because.contains("MiB of memory"), "{finding:?}");
}

#[test]
fn memory_limit_stops_large_lessons() {
    let limits = [("memory.limit_in_bytes", "300M"), ("memory.max", "300M")];
    let Some(group) = Group::new("memory", limits) else { return };
    for lesson in ["cost", "scale"] {
        assert_lacks_memory(&group.report("async-demo", &[lesson]));
    }
}

#[test]
fn address_space_limit_stops_large_lessons() {
    let limit = ["prlimit", "--as=400000000"];
    for lesson in ["cost", "scale"] {
        let words = [lesson, "--format", "json"];
        assert_lacks_memory(&Trial::start_under(&limit, "async-demo", &words).report(0));
    }
    // The compiler has too little, too.
    let words = ["refused", "--format", "json"];
    Trial::start_under(&limit, "threads-demo", &words).report(0);
}

#[test]
fn processes_start_without_proc() {
    let unmount = "umount --lazy /proc || exit 77; exec \"$@\"";
    let starter = ["unshare", "--mount", "sh", "-c", unmount, "sh"];
    let lessons = [
        ("process-demo", "notebook"),
        ("process-demo", "file-race"),
        ("async-demo", "scale"),
        ("cpu-bound-demo", "notebook"),
    ];
    for (name, lesson) in lessons {
        let words = [lesson, "-n", "20", "--format", "json"];
        let output = run(&mut demo_under(&starter, name, &words));
        if output.exit == ChildExit::Code(77) || output.stderr.contains("unshare") {
            return skipped("unmounting /proc needs root");
        }
        let report = &parse_any(&output).lessons[0];
        let lost = report.runs.iter().map(Run::lost).sum::<usize>();
        assert_eq!(lost, 0, "{name}: {}", output.stderr);
        let started = |finding: &Finding| !finding.because.contains("child");
        assert!(report.findings.iter().all(started), "{:?}", report.findings);
    }
}

#[test]
fn process_limit_loses_no_other_lesson() {
    // Enough threads for one embedded server, too few for scale's server process.
    let Some(group) = Group::new("pids", [("pids.max", "3"), ("pids.max", "3")]) else { return };
    let report = group.report("async-demo", &["scale"]);
    let finding = &report.lessons[0].findings[0];
    assert_eq!(finding.verdict, Verdict::NotShown);
    assert!(finding.because.starts_with("lesson scale: "), "{finding:?}");
}
