//! The other demos as programs: builds them if necessary, runs them, and reads their reports.

use std::env;
use std::ffi::OsStr;
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shared::cli::ENDS_WITH_STDIN;
use shared::os::child::{self, ChildExit};
use shared::report::{LessonReport, Report};

/// Far longer than any demo takes, in a debug build and on a busy machine.
const DEADLINE: Duration = Duration::from_secs(600);

/// The directory of their programs, which is our own.
pub struct Demos(PathBuf);

impl Demos {
    /// Brings the demos up to date if cargo started this program; otherwise they must exist.
    ///
    /// # Errors
    /// They do not build, or they do not exist.
    pub fn build(names: &[&str]) -> Result<Demos> {
        let this = env::current_exe()?;
        let directory = this.parent().context("this program is in no directory")?;
        let demos = Demos(directory.to_path_buf());
        // cargo sets both variables for programs that it runs.
        let (cargo, package) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR"));
        if let (Some(cargo), Some(package)) = (cargo, package) {
            let profile = directory.file_name().unwrap_or_default().to_string_lossy();
            let profile = if profile == "debug" { "dev".into() } else { profile };
            let mut build = Command::new(cargo);
            build.args(["build", "--profile", &profile]).current_dir(package);
            build.arg("--target-dir").arg(directory.parent().unwrap_or(directory));
            build.args(names.iter().flat_map(|name| ["-p", name]));
            // A build script that watches one of these variables would run again.
            for (name, _) in env::vars_os().filter(|(name, _)| is_about_package(name)) {
                build.env_remove(name);
            }
            if !stderr().is_terminal() {
                build.arg("--quiet");
            }
            let status = child::spawn(&mut build).and_then(|mut build| build.wait());
            if !status.context("cannot start cargo")?.success() {
                bail!("the demos do not build");
            }
        }
        match names.iter().find(|name| !demos.path(name).exists()) {
            Some(name) => {
                let this = env!("CARGO_PKG_NAME");
                bail!("{name} is not built: try cargo build, or cargo run -p {this}")
            }
            None => Ok(demos),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Runs all lessons of the demo `name`.
    ///
    /// # Errors
    /// It did not run to its end, or its output is not a report.
    pub fn run(&self, name: &str) -> Result<Vec<LessonReport>> {
        let mut command = Command::new(self.path(name));
        // We hold its stdin while we wait, so it ends when we do, however we end.
        command.args(["all", "--format", "json", ENDS_WITH_STDIN]);
        let output = child::run_tethered(&mut command, DEADLINE);
        let output = output.with_context(|| format!("cannot start {name}"))?;
        let report = serde_json::from_str::<Report>(&output.stdout);
        let (Ok(report), ChildExit::Code(code @ 0..=1)) = (report, output.exit) else {
            let last = output.stderr.lines().last().unwrap_or_default();
            bail!("{name} {}: {last}", output.exit);
        };
        let mut lessons = report.lessons;
        for lesson in &mut lessons {
            lesson.name = format!("{name}/{}", lesson.name);
            for run in &mut lesson.runs {
                // Code 0 says that the demo expected every loss.
                run.expected_losses = if code == 0 { run.lost() } else { 0 };
            }
        }
        Ok(lessons)
    }
}

/// Whether cargo sets the environment variable `name` to describe the package that it runs, and not
/// to configure itself.
fn is_about_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_")
        || matches!(
            &*name,
            "CARGO"
                | "CARGO_BIN_NAME"
                | "CARGO_CRATE_NAME"
                | "CARGO_MANIFEST_DIR"
                | "CARGO_MANIFEST_PATH"
                | "CARGO_PRIMARY_PACKAGE"
        )
}
