//! README and docs say what is so: claims have commands, promises have tests, commands work.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use exercises::ALL;
use shared::os::child::ChildExit;

use crate::support::claims::{claims, listed};
use crate::support::demo::{DEMOS, demo, run};
use crate::support::workspace::{files, read, root};

/// What a demo lists: its lessons, each with the ids of its claims.
pub type List = Vec<(String, HashSet<String>)>;

/// What the demos list, by their names.
pub fn lists() -> HashMap<String, List> {
    let demos = DEMOS.into_iter().chain(["summary-demo"]);
    demos.map(|name| (name.to_string(), listed(name))).collect()
}

/// What is wrong with the table of claims: a row must name a command that lists its claim, and each
/// of the 45 claims needs a row for every lesson that lists it. Other claims need none.
pub fn wrong_with_claims(page: &str, lists: &HashMap<String, List>) -> Vec<String> {
    let mut commands: HashMap<String, &HashSet<String>> = HashMap::new();
    for (name, list) in lists {
        for (lesson, claims) in list {
            let is_default = ["notebook", "ledger"].contains(&lesson.as_str());
            let lesson = if is_default { String::new() } else { format!(" -- {lesson}") };
            commands.insert(format!("cargo run -p {name}{lesson}"), claims);
        }
    }
    let mut wrong = Vec::new();
    let mut rows = HashSet::new();
    for line in page.lines().filter(|line| line.contains("`cargo run -p ") && line.starts_with('|'))
    {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [claim, _, command, _] = cells[..] else {
            wrong.push(format!("a row with other columns: {line}"));
            continue;
        };
        let command = command.trim_matches('`');
        if !commands.get(command).is_some_and(|claims| claims.contains(claim)) {
            wrong.push(format!("{command} does not list {claim}"));
        }
        rows.insert((claim, command));
    }
    for known in claims() {
        let lesson = |(_, claims): &(&String, &&HashSet<String>)| claims.contains(&known);
        let lessons: Vec<_> = commands.iter().filter(lesson).collect();
        if lessons.is_empty() {
            wrong.push(format!("no lesson lists {known}"));
        }
        for (command, _) in lessons {
            if !rows.contains(&(&*known, &**command)) {
                wrong.push(format!("no row for {known} by {command}"));
            }
        }
    }
    wrong
}

#[test]
fn claims_page_has_every_claim() {
    assert_eq!(wrong_with_claims(&read("docs/claims.md"), &lists()), [""; 0]);
}

#[test]
fn promises_page_names_existing_tests() {
    let page = read("docs/promises.md");
    let places = ["tests/it", "process-demo/src", "shared/src"];
    let files = places.map(|place| files(&root().join(place), ".rs"));
    let names: Vec<&str> = page.split('`').filter(|word| word.contains("::")).collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        // Another path than the test's own would run no test, and succeed.
        let (module, test) = name.rsplit_once("::").unwrap();
        let file = format!("{}.rs", module.trim_end_matches("::tests").replace("::", "/"));
        let is_there = |path: &PathBuf| {
            let text = || read(path.to_str().unwrap());
            path.ends_with(&file) && text().contains(&format!("fn {test}("))
        };
        assert!(files.iter().flatten().any(is_there), "no test {name}");
    }
}

#[test]
fn documented_files_exist() {
    for page in files(root(), ".md") {
        let text = read(page.to_str().unwrap());
        let links = text.split("](").skip(1).filter_map(|link| link.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            assert!(page.parent().unwrap().join(link).exists(), "{link} in {page:?}");
        }
        // Paths such as `src/main.rs` are those of any demo.
        let paths = text
            .split('`')
            .filter(|word| word.ends_with(".rs") && word.contains('/') && !word.contains(' '));
        for path in paths.filter(|path| !path.starts_with("src/")) {
            assert!(root().join(path).exists(), "{path} in {page:?}");
        }
    }
}

#[test]
fn documented_commands_are_understood() {
    let pages = files(root(), ".md");
    let text: String = pages.iter().map(|file| read(file.to_str().unwrap())).collect();
    let lines = text.lines().map(|line| line.replace("--release ", ""));
    let commands: Vec<String> = lines
        .filter_map(|line| line.trim().strip_prefix("cargo run -p ").map(String::from))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "#").collect();
        let rest: Vec<&str> =
            words[1..].iter().copied().skip_while(|word| *word != "--").skip(1).collect();
        let name = match words[0] {
            // A copy that README tells the user to make.
            "my-demo" => continue,
            "shared" => "serve",
            name => name,
        };
        // With --help at its end, a command line is read and not carried out.
        let output = run(demo(name, &rest).arg("--help"));
        assert_eq!(output.exit, ChildExit::Code(0), "cargo run -p {command}: {}", output.stderr);
    }
}

#[test]
fn workshop_page_names_existing_things() {
    let page = read("docs/workshop.md");
    let help = run(&mut demo("exercises", &["help"])).stdout;
    let starts = page.match_indices("cargo ex").map(|(at, start)| &page[at + start.len()..]);
    let words: HashSet<&str> = starts
        .filter_map(|rest| rest.strip_prefix(' '))
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next())
        .collect();
    assert!(words.len() >= 6, "{words:?}");
    for word in words {
        let is_exercise = ALL.iter().any(|exercise| exercise.number() == word);
        assert!(is_exercise || help.contains(&format!("cargo ex {word} ")), "cargo ex {word}");
    }
    for option in ["--host", "--port", "--give-up"] {
        assert!(page.contains(option) && help.contains(option), "{option}");
    }
    // "01 threads" and the like, wherever the page names an exercise.
    for exercise in ALL.iter().filter(|exercise| exercise.starred) {
        assert!(page.contains(&exercise.title()), "{}", exercise.title());
    }
}

/// Each part of a message that `tests/prove` demands of a wrong answer has a row for its exercise.
#[test]
fn workshop_pages_have_every_wrong_answer() {
    let pages = ["docs/workshop.md", "docs/workshop.ru.md"].map(read);
    let answers = read("tests/prove/answers.rs");
    let mut missing = Vec::new();
    let mut count = 0;
    for answer in answers.split("Answer(") {
        let [name, message] = [1, 3].map(|place| answer.split('"').nth(place).unwrap_or_default());
        let Some((_, file)) =
            name.split_once('/').filter(|(kind, _)| ["stubs", "wrong"].contains(kind))
        else {
            continue;
        };
        count += 1;
        let has_it = |row: &str| row.contains(&file[..2]) && row.contains(message);
        let has_row = |page: &String| page.lines().filter(|line| line.starts_with('|')).any(has_it);
        if !pages.iter().all(has_row) {
            missing.push((file, message));
        }
    }
    assert!(count >= 60, "{count} answers");
    assert!(missing.is_empty(), "no row: {missing:#?}");
}

/// Times and pids differ from run to run; the words do not.
#[test]
#[cfg(target_os = "linux")]
fn session_in_readme_is_real() {
    let readme = read("README.md");
    let session = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let command = session.lines().next().unwrap().strip_prefix("$ cargo run ").unwrap();
    let command = command.trim_start_matches("--release ").strip_prefix("-p ").unwrap();
    let (name, words) = command.split_once(" -- ").unwrap_or((command, ""));
    let real = run(&mut demo(name, &words.split_whitespace().collect::<Vec<_>>())).stdout;
    let words = |text: &str| -> HashSet<String> {
        let letters = text.replace(|c: char| !c.is_alphabetic(), " ");
        letters.split_whitespace().map(String::from).collect()
    };
    let printed = words(&real);
    for line in session.lines().skip(1) {
        let strange: Vec<_> =
            words(line).into_iter().filter(|word| !printed.contains(word)).collect();
        assert!(strange.is_empty(), "not printed: {strange:?} of {line:?}\n{real}");
    }
}
