//! A thread with an event loop for each request.

use std::process::ExitCode;
use std::thread;

use tokio::runtime::Builder;

use exercises::{Answer, AsyncSite, gather};

async fn ask_all(site: AsyncSite, n: usize) -> Vec<Answer> {
    let mut handles = Vec::new();
    for id in 0..n {
        let site = site.clone();
        handles.push(thread::spawn(move || {
            let event_loop = Builder::new_current_thread().enable_all().build().unwrap();
            event_loop.block_on(site.ask(id))
        }));
    }
    handles.into_iter().map(|handle| handle.join().unwrap()).collect()
}

pub fn main() -> ExitCode {
    gather::main(ask_all)
}
