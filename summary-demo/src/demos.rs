//! The other demos as programs: builds them if necessary, runs them, and reads their reports.

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, stderr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shared::cli::ENDS_WITH_STDIN;
use shared::os::child::{self, ChildExit};
use shared::report::{LessonReport, Report, Settings, Verdict};
use shared::verdict::Check;

/// Far longer than any demo takes for one round, in a debug build and on a busy machine.
const DEADLINE: Duration = Duration::from_secs(600);

/// Their programs, by name.
pub struct Demos(HashMap<String, PathBuf>);

impl Demos {
    /// Brings the demos up to date if cargo started this program; otherwise they must exist.
    ///
    /// # Errors
    /// They do not build, or they do not exist.
    pub fn build(names: &[&str]) -> Result<Demos> {
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
            if !stderr().is_terminal() {
                build.arg("--quiet");
            }
            let mut build = child::spawn(&mut build).context("cannot start cargo")?;
            let messages = build.stdout.take().map(BufReader::new).into_iter();
            let messages = messages.flat_map(|messages| messages.lines().map_while(Result::ok));
            programs.extend(messages.filter_map(|message| built(&message)));
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

    /// Runs all lessons of the demo `name`, so many `rounds` if that is said.
    ///
    /// # Errors
    /// It did not run to its end, or its output is not a report.
    pub fn run(&self, name: &str, rounds: Option<u32>) -> Result<Vec<LessonReport>> {
        let mut command = Command::new(self.0.get(name).context("an unknown demo")?);
        // We hold its stdin while we wait, so it ends when we do, however we end.
        command.args(["all", "--format", "json", ENDS_WITH_STDIN]);
        if let Some(rounds) = rounds {
            command.args(["--repeat", &rounds.to_string()]);
        }
        let output = child::run_tethered(&mut command, DEADLINE * rounds.unwrap_or(1));
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

    /// The lessons of the demo `name`, which could not run: each of their claims is not shown.
    ///
    /// # Errors
    /// The demo does not even list its lessons.
    pub fn not_shown(&self, name: &str, why: &str) -> Result<Vec<LessonReport>> {
        let mut list = Command::new(self.0.get(name).context("an unknown demo")?);
        let output = child::run(list.arg("--list"), child::DEADLINE);
        let list = output.ok().filter(|output| output.exit == ChildExit::Code(0));
        let list = list.with_context(|| why.to_string())?.stdout;
        Ok(list.lines().filter_map(|line| lesson_not_shown(name, line, why)).collect())
    }
}

/// `line` has the name of a lesson, its claims, and what it is about. `None` for one without claims.
fn lesson_not_shown(demo: &str, line: &str, why: &str) -> Option<LessonReport> {
    let is_claim = |word: &&str| {
        word.strip_prefix(['T', 'P', 'A', 'G']).is_some_and(|number| number.parse::<u8>().is_ok())
    };
    let mut words = line.split_whitespace();
    let name = format!("{demo}/{}", words.next()?);
    let claims: Vec<&str> = words.clone().take_while(is_claim).collect();
    let about = words.skip(claims.len()).collect::<Vec<_>>().join(" ");
    let not_shown = || Check::new("unknown", "the demo cannot run here", (Verdict::NotShown, why));
    let findings: Vec<_> = claims.into_iter().map(|claim| not_shown().on(claim, &about)).collect();
    (!findings.is_empty()).then(|| LessonReport {
        name,
        about: about.clone(),
        settings: Settings::default(),
        runs: Vec::new(),
        figures: Vec::new(),
        picture: None,
        findings,
    })
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
