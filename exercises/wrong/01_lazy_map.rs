//! An iterator is lazy: without `collect`, each handle is joined as soon as it is made.

use std::process::ExitCode;
use std::thread;

use exercises::{Answer, Site, threads};

fn ask_all(site: &Site, n: usize) -> Vec<Answer> {
    thread::scope(|scope| {
        let handles = (0..n).map(|id| scope.spawn(move || site.ask(id)));
        handles.map(|handle| handle.join().unwrap()).collect()
    })
}

pub fn main() -> ExitCode {
    threads::main(ask_all)
}
