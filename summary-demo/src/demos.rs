//! The other demos as programs: builds them if necessary, runs them, and reads their reports.

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use shared::cli::ENDS_WITH_STDIN;
use shared::os::child::{self, ChildExit};
use shared::report::{LessonReport, Report, Settings, Verdict};
use shared::verdict::Check;

use crate::progress::Progress;

/// Far longer than any lesson takes for one round, in a debug build and on a busy machine.
const DEADLINE: Duration = Duration::from_secs(600);

/// Their programs, by name.
pub struct Demos(HashMap<String, PathBuf>);

impl Demos {
    /// Brings the demos up to date if cargo started this program; otherwise they must exist.
    ///
    /// # Errors
    /// They do not build, or they do not exist.
    pub fn build(names: &[&str], progress: &mut Progress) -> Result<Demos> {
        let this = env::current_exe()?;
        let directory = this.parent().context("this program is in no directory")?;
        let beside = |name: &str| directory.join(format!("{name}{}", env::consts::EXE_SUFFIX));
        let mut programs: HashMap<String, PathBuf> =
            names.iter().map(|name| (name.to_string(), beside(name))).collect();
        // cargo sets both variables for programs that it runs.
        let (cargo, package) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR"));
        if let (Some(cargo), Some(package)) = (cargo, package) {
            let profile = directory.file_name().unwrap_or_default().to_string_lossy();
            let profile = if profile == "debug" { "dev".into() } else { profile };
            let mut above = directory.parent().unwrap_or(directory);
            // cargo puts programs for a chosen target into a directory of its name.
            if env::var_os("CARGO_BUILD_TARGET").is_some_and(|it| above.file_name() == Some(&*it)) {
                above = above.parent().unwrap_or(above);
            }
            let mut build = Command::new(cargo);
            build.args(["build", "--profile", &profile]).current_dir(package);
            build.arg("--target-dir").arg(above);
            build.args(["--message-format", "json-render-diagnostics"]).stdout(Stdio::piped());
            build.args(names.iter().flat_map(|name| ["-p", name]));
            // A build script that watches one of these variables would run again.
            for (name, _) in env::vars_os().filter(|(name, _)| is_about_package(name)) {
                build.env_remove(name);
            }
            build.arg("--quiet"); // The progress says how far it is; errors are shown nevertheless.
            let mut build = child::spawn(&mut build).context("cannot start cargo")?;
            let messages = build.stdout.take().map(BufReader::new).into_iter();
            let messages = messages.flat_map(|messages| messages.lines().map_while(Result::ok));
            let mut left = names.to_vec();
            for message in messages {
                if let Some((name, program)) = built(&message) {
                    left.retain(|left| *left != name);
                    programs.insert(name, program);
                }
                progress.builds(&left);
            }
            if !build.wait()?.success() {
                bail!("the demos do not build");
            }
        }
        if let Some(name) = names.iter().find(|name| !programs[**name].exists()) {
            let this = env!("CARGO_PKG_NAME");
            bail!("{name} is not built: try cargo build, or cargo run -p {this}");
        }
        Ok(Demos(programs))
    }

    /// The lessons of the demo `name`.
    ///
    /// # Errors
    /// The demo does not list them.
    pub fn list(&self, name: &str) -> Result<Vec<Listed>> {
        let mut list = Command::new(self.0.get(name).context("an unknown demo")?);
        let output = child::run(list.arg("--list"), child::DEADLINE);
        let output = output.with_context(|| format!("cannot start {name}"))?;
        ensure!(output.exit == ChildExit::Code(0), "{name} --list {}", output.exit);
        Ok(output.stdout.lines().filter_map(|line| Listed::read(name, line)).collect())
    }

    /// Runs a lesson, so many `rounds` if that is said. If it cannot run, its claims are not shown.
    pub fn run(&self, lesson: &Listed, rounds: Option<u32>) -> Vec<LessonReport> {
        let reports = self.reports(&lesson.demo, &lesson.name, rounds);
        reports
            .unwrap_or_else(|error| lesson.not_shown(&format!("{error:#}")).into_iter().collect())
    }

    /// # Errors
    /// The lesson did not run to its end, or its output is not a report.
    fn reports(&self, name: &str, lesson: &str, rounds: Option<u32>) -> Result<Vec<LessonReport>> {
        let mut command = Command::new(self.0.get(name).context("an unknown demo")?);
        // We hold its stdin while we wait, so it ends when we do, however we end.
        command.args([lesson, "--format", "json", ENDS_WITH_STDIN]);
        if let Some(rounds) = rounds {
            command.args(["--repeat", &rounds.to_string()]);
        }
        let output = child::run_tethered(&mut command, DEADLINE * rounds.unwrap_or(1));
        let output = output.with_context(|| format!("cannot start {name}"))?;
        let report = serde_json::from_str::<Report>(&output.stdout);
        let (Ok(report), ChildExit::Code(code @ 0..=1)) = (report, output.exit) else {
            bail!("{name} {}: {}", output.exit, output.stderr.lines().last().unwrap_or_default());
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

/// A lesson as its demo lists it.
pub struct Listed {
    demo: String,
    name: String,
    claims: Vec<String>,
    about: String,
}

impl Listed {
    /// `line` has the name of a lesson, its claims, and what it is about.
    fn read(demo: &str, line: &str) -> Option<Listed> {
        let is_claim = |word: &&str| {
            let number = word.strip_prefix(['T', 'P', 'A', 'G']);
            number.is_some_and(|number| number.parse::<u8>().is_ok())
        };
        let mut words = line.split_whitespace();
        let name = words.next()?.to_string();
        let claims: Vec<String> = words.clone().take_while(is_claim).map(String::from).collect();
        let about = words.skip(claims.len()).collect::<Vec<_>>().join(" ");
        Some(Listed { demo: demo.into(), name, claims, about })
    }

    /// The lesson's name in the summary.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.demo, self.name)
    }

    /// The report of a lesson that could not run. `None` for one without claims.
    fn not_shown(&self, why: &str) -> Option<LessonReport> {
        let check =
            || Check::new("unknown", "the lesson cannot run here", (Verdict::NotShown, why));
        let findings: Vec<_> =
            self.claims.iter().map(|claim| check().on(claim, &self.about)).collect();
        (!findings.is_empty()).then(|| LessonReport {
            name: self.full_name(),
            about: self.about.clone(),
            settings: Settings::default(),
            runs: Vec::new(),
            figures: Vec::new(),
            picture: None,
            findings,
        })
    }
}

/// The program that cargo has built, by its message in JSON, and its name.
fn built(message: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let program = message["executable"].as_str()?;
    Some((message["target"]["name"].as_str()?.into(), program.into()))
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
