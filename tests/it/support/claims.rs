//! The notebook's claims, and the lessons that list them.

use std::collections::HashSet;

use super::demo::{demo, run};

/// The ids of all claims by section: threads, processes, asyncio, GIL and summary.
pub fn claims() -> Vec<String> {
    let sections = [("T", 12), ("P", 11), ("A", 12), ("G", 10)];
    let ids = |(section, count)| (1..=count).map(move |number| format!("{section}{number}"));
    sections.into_iter().flat_map(ids).collect()
}

/// The lessons of a demo, each with the ids of its claims.
pub fn listed(name: &str) -> Vec<(String, HashSet<String>)> {
    read_list(&run(&mut demo(name, &["--list"])).stdout)
}

/// Reads what `--list` prints for each lesson: its name, the ids of its claims, a sentence.
pub fn read_list(list: &str) -> Vec<(String, HashSet<String>)> {
    let is_id = |word: &&str| {
        let number = word.strip_prefix(|c: char| c.is_ascii_uppercase());
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let listed = list.lines().map(|line| {
        let mut words = line.split_whitespace();
        let lesson = words.next().unwrap().to_string();
        (lesson, words.take_while(is_id).map(String::from).collect())
    });
    listed.collect()
}
