//! Proves the exercises: every stub and every wrong answer is red with a message of its own, every
//! solution is green. With `CI` set, the learner's files equal the stubs.
//!
//! ```text
//! cargo test -p tests --test prove -- solutions/ --times 50
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use shared::os::child::{self, ChildExit};

mod answers;
mod hostile;

use answers::{ANSWERS, Answer, GREEN};

/// Far longer than a check takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A red answer waits most of its time.
const AT_ONCE: usize = 12;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    // The judge starts this program again, with the same words.
    if let [run, name] = &words[..]
        && run == "run"
    {
        let answer = ANSWERS.iter().find(|answer| answer.0 == name);
        return answer.map_or(ExitCode::from(2), |answer| (answer.1)());
    }
    let times = words.iter().skip_while(|word| *word != "--times").nth(1);
    let times = times.and_then(|times| times.parse().ok()).unwrap_or(1);
    let part = words.first().filter(|word| !word.starts_with("--"));
    let is_wanted = |name: &str| part.is_none_or(|part| name.contains(part));

    let queue: Vec<&Answer> = ANSWERS.iter().filter(|answer| is_wanted(answer.0)).collect();
    let queue = queue.repeat(times);
    let checks = queue.len();
    let queue = Mutex::new(queue.into_iter());
    let faults = Mutex::new(check_files());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(answer) = { lock(&queue).next() } {
                    let fault = prove(answer).err(); // Not while the lock is held.
                    lock(&faults).extend(fault);
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.extend(hostile::left_behind());
    for fault in &faults {
        println!("{fault}");
    }
    println!("{checks} answers checked, {} faults", faults.len());
    ExitCode::from(u8::from(!faults.is_empty()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks one answer as a learner would, in a process of its own.
fn prove(Answer(name, _, message): &Answer) -> Result<(), String> {
    let mut command = std::process::Command::new(env::current_exe().unwrap());
    let output = child::run(command.args(["run", name]), DEADLINE).unwrap();
    let (code, wanted) = match *message {
        GREEN => (0, ": passed\n"),
        message => (1, message),
    };
    let told = |name| output.stdout.lines().find_map(|line| line.trim().strip_prefix(name));
    let fits = output.exit == ChildExit::Code(code)
        && output.stdout.contains(wanted)
        && told("measured") != told("wanted");
    if fits { Ok(()) } else { Err(format!("{name}: wanted {wanted:?}\n{output:?}\n")) }
}

/// Checks that each file has a row and each row a message of its own, that the learner's files are
/// stubs, short, and that no hint gives away a line of a solution.
fn check_files() -> Vec<String> {
    let mut faults = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exercises");
    let names = |directory: &str| -> BTreeSet<String> {
        let files = fs::read_dir(root.join(directory)).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let rust = names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_string()));
        rust.map(|name| format!("{directory}/{name}")).collect()
    };
    let files: BTreeSet<String> =
        ["stubs", "solutions", "wrong"].into_iter().flat_map(names).collect();
    let rows = ANSWERS.iter().map(|answer| answer.0.to_string());
    let rows: BTreeSet<String> = rows.filter(|name| !name.starts_with("hostile/")).collect();
    for name in files.symmetric_difference(&rows) {
        faults.push(format!("{name} is not both a file and a row of answers.rs"));
    }
    let mut messages: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for exercise in exercises::ALL {
        let file = exercises::progress::file(exercise);
        let text = fs::read_to_string(&file).unwrap_or_default();
        if env::var_os("CI").is_some() && text != exercise.stub {
            faults.push(format!("{} is not its stub", file.display()));
        }
        if exercise.stub.lines().count() > 50 {
            faults.push(format!("the stub of {} is longer than 50 lines", exercise.name));
        }
        // The head of a loop gives nothing away.
        let solution = exercise.solution.lines().map(str::trim);
        let told = solution.filter(|line| line.len() > 12 && line.ends_with([';', ')', ',']));
        for line in told.filter(|line| !line.starts_with("use ") && !exercise.stub.contains(line)) {
            if exercise.hints.iter().any(|hint| hint.contains(line)) {
                faults.push(format!("a hint of {} gives away {line}", exercise.name));
            }
        }
    }
    for Answer(name, _, message) in ANSWERS.iter().filter(|answer| answer.2 != GREEN) {
        let number = name.split('/').nth(1).and_then(|name| name.get(..2)).unwrap_or_default();
        if let Some(other) = messages.insert((number, message), name) {
            faults.push(format!("{name} and {other} get the same message"));
        }
    }
    faults
}
