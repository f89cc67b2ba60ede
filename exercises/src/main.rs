//! The workshop's guide: which exercise is next, checks, hints, solutions.

use std::env;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use exercises::{ALL, Exercise, class, join, progress};
use shared::ExitError;
use shared::http::target::parse_url;
use shared::os::child::ChildExit;
use shared::os::{atomic_file, fd_limit, stdout};

const USAGE: &str = "\
cargo ex                lists the exercises and checks the first that is not passed,
                        those with a star first
cargo ex NN             checks exercise NN, such as 01
cargo ex all            checks all
cargo ex list           lists the exercises
cargo ex watch          checks the next one, again whenever its file is saved
cargo ex hint [NN]      shows the next of three hints
cargo ex solution [NN]  shows a solution once NN is passed, or with --give-up
cargo ex reset NN       puts the file back as it was, and keeps yours beside it
cargo ex class [--host IP] [--port PORT]
                        serves a class: on 127.0.0.1 and port 8080, or with
                        --host 0.0.0.0 for other machines
cargo ex join URL NAME  shows your checks on the board of the class at URL
";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    run(&words).unwrap_or_else(|error| {
        eprintln!("exercises: {error:#}");
        ExitCode::from(ExitError::code(&error))
    })
}

fn run(words: &[&str]) -> Result<ExitCode> {
    if words.iter().any(|word| ["-h", "--help"].contains(word)) {
        return print(USAGE);
    }
    match words {
        [] => {
            list()?;
            match next() {
                Some(exercise) => check(exercise),
                None => Ok(ExitCode::SUCCESS),
            }
        }
        ["all"] => check_all(),
        ["list"] => list(),
        ["watch"] => watch(),
        ["hint"] => hint(next_or_last()),
        ["hint", which] => hint(find(which)?),
        ["solution"] => solution(next_or_last(), false),
        ["solution", "--give-up"] => solution(next_or_last(), true),
        ["solution", which] => solution(find(which)?, false),
        ["solution", which, "--give-up"] | ["solution", "--give-up", which] => {
            solution(find(which)?, true)
        }
        ["reset", which] => reset(find(which)?),
        ["join", url, name] => join(url, name),
        ["class", options @ ..] => class(options),
        ["help"] => print(USAGE),
        ["reset"] => Err(usage("reset needs the exercise: cargo ex reset NN")),
        ["join", ..] => {
            Err(usage("join needs two words, a NAME with spaces in quotes: cargo ex join URL NAME"))
        }
        [which] => check(find(which)?),
        _ => Err(usage("too many words")),
    }
}

fn usage(what: &str) -> anyhow::Error {
    ExitError::Usage(format!("{what}; cargo ex help lists the commands")).into()
}

/// The exercise with this number or name.
fn find(which: &str) -> Result<&'static Exercise> {
    let is_it = |exercise: &&&Exercise| {
        which.parse().is_ok_and(|number: u32| exercise.number().parse() == Ok(number))
            || exercise.name == which
            || exercise.title() == format!("{} {which}", exercise.number())
    };
    ALL.iter().find(is_it).copied().ok_or_else(|| usage(&format!("no exercise {which}")))
}

/// The first that is not passed. The 90-minute set comes first.
fn next() -> Option<&'static Exercise> {
    let open = |exercise: &&&Exercise| !progress::is_passed(exercise);
    ALL.iter().filter(open).min_by_key(|exercise| !exercise.starred).copied()
}

fn next_or_last() -> &'static Exercise {
    next().unwrap_or(ALL[ALL.len() - 1])
}

fn list() -> Result<ExitCode> {
    let mut text = String::new();
    for exercise in ALL {
        let passed = if progress::is_passed(exercise) { "passed" } else { "" };
        let star = if exercise.starred { "*" } else { " " };
        let (title, minutes, about) = (exercise.title(), exercise.minutes, exercise.about);
        text += &format!("{passed:6} {star} {title:13} {minutes:2} min  {about}\n");
    }
    text += match next() {
        Some(_) => "* the 90-minute set; `cargo ex help` lists the commands\n\n",
        None => "All are passed.\n",
    };
    print(&text)
}

/// Builds and runs the learner's file. The compiler's errors go to the terminal.
fn check(exercise: &Exercise) -> Result<ExitCode> {
    let number = exercise.number();
    if !progress::file(exercise).exists() {
        let name = exercise.name;
        return not_yet(&format!(
            "exercises/src/bin/{name}.rs is missing: cargo ex reset {number} restores it\n"
        ));
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["run", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--bin", exercise.name]);
    cargo.current_dir(progress::directory());
    // A build script that watches one of these variables would run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            cargo.env_remove(&name);
        }
    }
    let status = cargo.status().context("cannot start cargo")?;
    match status.code() {
        Some(0) => match next() {
            Some(next) => {
                print(&format!("  next: exercises/src/bin/{}.rs, then cargo ex\n", next.name))
            }
            None => Ok(ExitCode::SUCCESS),
        },
        // Not yet; or it has told why it cannot be checked.
        Some(code @ (1 | 3 | 4)) => Ok(ExitCode::from(code as u8)),
        // Cargo's own code: the file does not compile.
        Some(101) => not_yet(&format!(
            "{}: does not compile yet; the compiler's error is above\n  cargo ex hint {number}\n",
            exercise.title()
        )),
        _ => bail!("cannot check {}: it {}", exercise.title(), ChildExit::from(status)),
    }
}

fn check_all() -> Result<ExitCode> {
    let mut all = ExitCode::SUCCESS;
    for exercise in ALL {
        let code = check(exercise)?;
        if code != ExitCode::SUCCESS {
            all = code;
        }
    }
    Ok(all)
}

/// Checks the next exercise again whenever its file is saved, until all are passed.
fn watch() -> Result<ExitCode> {
    let saved =
        |exercise| fs::metadata(progress::file(exercise)).and_then(|file| file.modified()).ok();
    while let Some(exercise) = next() {
        // Taken before the check, so that nothing saved during it is missed.
        let checked = saved(exercise);
        check(exercise)?;
        if !progress::is_passed(exercise) {
            print(&format!(
                "  checks again when you save exercises/src/bin/{}.rs\n\n",
                exercise.name
            ))?;
            while saved(exercise) == checked {
                thread::sleep(Duration::from_millis(200));
            }
        }
    }
    print("All are passed.\n")
}

fn hint(exercise: &Exercise) -> Result<ExitCode> {
    // On a full disk, the first hint is better than none.
    if let Err(error) = progress::add_hint(exercise) {
        eprintln!("exercises: cannot count hints in exercises/.progress: {error}");
    }
    let shown = progress::hints(exercise).clamp(1, exercise.hints.len());
    let mut text = format!("{}\n", exercise.title());
    for (number, hint) in (1..).zip(&exercise.hints[..shown]) {
        text += &format!("\nHint {number} of 3: {hint}\n");
    }
    if progress::hints(exercise) > exercise.hints.len() {
        text += &format!("\nNo more: cargo ex solution {} --give-up\n", exercise.number());
    }
    print(&text)
}

fn solution(exercise: &Exercise, give_up: bool) -> Result<ExitCode> {
    if give_up || progress::is_passed(exercise) {
        return print(exercise.solution);
    }
    let number = exercise.number();
    not_yet(&format!(
        "{} is not passed yet: try cargo ex hint {number}, or cargo ex solution {number} --give-up\n",
        exercise.title()
    ))
}

fn reset(exercise: &Exercise) -> Result<ExitCode> {
    let file = progress::file(exercise);
    let mut text = format!("{} is as it was\n", exercise.title());
    if fs::read_to_string(&file).is_ok_and(|yours| yours != exercise.stub) {
        let names = (1..).map(|number| file.with_extension(format!("rs.{number}")));
        let kept = names.into_iter().find(|name| !name.exists()).context("no free name")?;
        fs::rename(&file, &kept)
            .map_err(|error| cannot_write(&kept.display().to_string(), &error))?;
        text += &format!("  your version is in {}\n", kept.display());
    }
    atomic_file::write(&file.to_string_lossy(), exercise.stub.as_bytes())?;
    progress::forget(exercise).map_err(|error| cannot_write("exercises/.progress", &error))?;
    print(&text)
}

fn join(url: &str, name: &str) -> Result<ExitCode> {
    if !class::is_name(name) {
        return Err(usage(&format!("a name has 1 to {} printable characters", class::MAX_NAME)));
    }
    let cannot = |why: &str| usage(&format!("cannot join {url}: {why}"));
    if parse_url(url).map_err(|why| cannot(&why))?.scheme() != "http" {
        return Err(cannot("expected http://"));
    }
    if !join::join(url, name).map_err(|error| cannot_write("exercises/.class", &error))? {
        bail!("cannot join {url}: its board does not answer, or is full; a firewall may stop it");
    }
    print(&format!("Each check is shown as {name} at {url} from now on.\n"))
}

/// Serves until Ctrl-C.
fn class(options: &[&str]) -> Result<ExitCode> {
    let (mut host, mut port) = (IpAddr::from(Ipv4Addr::LOCALHOST), 8080);
    for option in options.chunks(2) {
        match option {
            ["--host", ip] => host = ip.parse().map_err(|_| usage(&format!("no address: {ip}")))?,
            ["--port", number] => {
                port = number.parse().map_err(|_| usage(&format!("no port: {number}")))?;
            }
            other => return Err(usage(&format!("cannot read {}", other.join(" ")))),
        }
    }
    fd_limit::raise_limit();
    let server = class::start(host, port)?;
    let mut text = String::from("The class's board, until Ctrl-C:\n");
    for address in server.addresses() {
        text += &format!("  http://{address}/\n");
    }
    let address = server.addresses().first().map(ToString::to_string).unwrap_or_default();
    text += &match host.is_loopback() {
        true => "Only this machine reaches it. For laptops: cargo ex class --host 0.0.0.0\n".into(),
        false => format!("On each laptop: cargo ex join http://{address} NAME\n"),
    };
    text += &format!("For bars: cargo run -p threads-demo -- --url http://{address}/delay/500\n");
    print(&text)?;
    loop {
        thread::park();
    }
}

fn print(text: &str) -> Result<ExitCode> {
    stdout::write(text).map_err(|error| cannot_write("to stdout", &error))?;
    Ok(ExitCode::SUCCESS)
}

fn not_yet(text: &str) -> Result<ExitCode> {
    print(text)?;
    Ok(ExitCode::from(1))
}

fn cannot_write(what: &str, error: &io::Error) -> ExitError {
    ExitError::Output(format!("cannot write {what}: {error}"))
}
