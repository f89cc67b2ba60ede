//! Answers to 01 that hang, crash or never stop. Each must be told in words.

use std::fs;
use std::process::{Command, Stdio, exit};
use std::sync::mpsc;
use std::thread;

use exercises::{Answer, Site};

/// It waits for a message that only it could send.
pub fn deadlock(_: &Site, _: usize) -> Vec<Answer> {
    let (_sender, receiver) = mpsc::channel();
    receiver.recv().into_iter().collect()
}

pub fn endless_loop(_: &Site, _: usize) -> Vec<Answer> {
    loop {
        std::hint::spin_loop();
    }
}

pub fn endless_requests(site: &Site, _: usize) -> Vec<Answer> {
    loop {
        site.ask(0);
    }
}

pub fn endless_output(_: &Site, _: usize) -> Vec<Answer> {
    loop {
        println!("still here");
        eprintln!("and here");
    }
}

pub fn exit_in_the_middle(_: &Site, _: usize) -> Vec<Answer> {
    exit(0)
}

pub fn panic_in_thread(site: &Site, n: usize) -> Vec<Answer> {
    thread::scope(|scope| {
        let ask = |id| if id == 3 { panic!("no answer for 3") } else { site.ask(id) };
        let handles: Vec<_> = (0..n).map(|id| scope.spawn(move || ask(id))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

pub fn stack_overflow(site: &Site, n: usize) -> Vec<Answer> {
    let mut answers = if n == 0 { vec![site.ask(0)] } else { stack_overflow(site, n + 1) };
    answers.reverse();
    answers
}

pub fn many_threads(site: &Site, n: usize) -> Vec<Answer> {
    thread::scope(|scope| {
        let handles: Vec<_> = (0..100_000).map(|id| scope.spawn(move || site.ask(id))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).take(n).collect()
    })
}

/// The process that it leaves behind must be killed.
pub fn process_left_behind(_: &Site, _: usize) -> Vec<Answer> {
    let started = Command::new("sleep").arg(MARK).stdin(Stdio::null()).spawn();
    std::mem::forget(started);
    Vec::new()
}

/// How to recognise that process.
const MARK: &str = "98.7654321";

/// The processes that [`process_left_behind`] has left, as far as /proc tells.
pub fn left_behind() -> Vec<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let commands = processes.map(|process| fs::read_to_string(process.path().join("cmdline")));
    commands.flatten().filter(|command| command.contains(MARK)).collect()
}
