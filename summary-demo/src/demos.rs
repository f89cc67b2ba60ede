//! The other demos as programs: built if need be, run, and their reports read.

use std::env;
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shared::child::{self, End};
use shared::cli::ENDS_WITH_STDIN;
use shared::report::{Lesson, Report};

/// Far longer than any demo takes, in a debug build and on a busy machine.
const DEADLINE: Duration = Duration::from_secs(600);

/// The directory that their programs are in: our own.
pub struct Demos(PathBuf);

impl Demos {
    /// Builds them like this program if cargo has started it, so that they are up to date; else they
    /// must be there.
    ///
    /// # Errors
    /// They do not build, or they are not there.
    pub fn build(names: &[&str]) -> Result<Demos> {
        let this = env::current_exe()?;
        let directory = this.parent().context("this program is in no directory")?;
        let demos = Demos(directory.to_path_buf());
        // cargo(1): it names itself and the package's directory to what it runs.
        let (cargo, package) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR"));
        if let (Some(cargo), Some(package)) = (cargo, package) {
            let profile = directory.file_name().unwrap_or_default().to_string_lossy();
            let profile = if profile == "debug" { "dev".into() } else { profile };
            let mut build = Command::new(cargo);
            build.args(["build", "--profile", &profile]).current_dir(package);
            build.arg("--target-dir").arg(directory.parent().unwrap_or(directory));
            build.args(names.iter().flat_map(|name| ["-p", name]));
            if !stderr().is_terminal() {
                build.arg("--quiet");
            }
            if !build.status().context("cannot start cargo")?.success() {
                bail!("the demos do not build");
            }
        }
        match names.iter().find(|name| !demos.path(name).exists()) {
            Some(name) => {
                bail!("{name} is not built: try cargo build, or cargo run -p for this program")
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
    /// It did not run to its end, or what it said is not a report.
    pub fn run(&self, name: &str) -> Result<Vec<Lesson>> {
        let mut command = Command::new(self.path(name));
        command.args(["all", "--format", "json", ENDS_WITH_STDIN]);
        // A pipe that we hold while we wait: the demo does not outlive us, however we end.
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::piped()).spawn();
        let ended = child::wait(child.with_context(|| format!("cannot start {name}"))?, DEADLINE)?;
        let report = serde_json::from_str::<Report>(&ended.stdout);
        let (Ok(report), End::Exit(code @ 0..=1)) = (report, ended.end) else {
            let last = ended.stderr.lines().last().unwrap_or_default();
            bail!("{name} {}: {last}", ended.end);
        };
        let mut lessons = report.lessons;
        for lesson in &mut lessons {
            lesson.name = format!("{name}/{}", lesson.name);
            for run in &mut lesson.runs {
                // It knows which tasks it meant to lose, and would not have ended with 0 otherwise.
                run.lost_on_purpose = if code == 0 { run.lost() } else { 0 };
            }
        }
        Ok(lessons)
    }
}
