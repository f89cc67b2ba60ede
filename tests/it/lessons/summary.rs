//! summary-demo starts the other demos.

use std::process::Command;

use shared::os::child::ChildExit;

use crate::support::demo::run;
use crate::support::workspace::{binary, copy_program, scratch};

#[test]
fn missing_demos_are_exit_code_3() {
    let program = scratch("summary alone").join(binary("summary-demo").file_name().unwrap());
    copy_program(&binary("summary-demo"), &program);
    let mut alone = Command::new(program);
    let output = run(alone.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR"));
    assert_eq!(output.exit, ChildExit::Code(3));
    assert!(output.stderr.contains("threads-demo is not built"), "{}", output.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn demos_end_with_a_killed_summary() {
    use crate::support::demo::{DEADLINE, demo, spawn};
    use crate::support::processes::{assert_ended, children};
    use std::time::{Duration, Instant};
    let mut summary = spawn(&mut demo("summary-demo", &["--format", "json"]));
    let give_up = Instant::now() + DEADLINE;
    let demos = loop {
        let demos = children(summary.id());
        let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
        if demos.iter().any(|pid| name(pid).is_ok_and(|name| name.starts_with("threads-demo"))) {
            break demos;
        }
        assert!(Instant::now() < give_up, "no demo was started");
        std::thread::sleep(Duration::from_millis(5));
    };
    summary.kill().unwrap();
    summary.wait().unwrap();
    assert_ended(&demos);
}
