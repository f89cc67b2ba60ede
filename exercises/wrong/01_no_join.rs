//! The function returns before its threads have ended.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    let answers = Arc::new(Mutex::new(Vec::new()));
    for id in 0..n {
        let (site, answers) = (site.clone(), answers.clone());
        thread::spawn(move || {
            let answer = site.ask(id);
            answers.lock().unwrap().push(answer);
        });
    }
    std::mem::take(&mut answers.lock().unwrap())
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
