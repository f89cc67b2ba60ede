//! The notebook's cell "threading", as one writes it in Rust.
//! `cargo run -p threads-demo --example cell -- URL`

use std::thread::{self, Builder};
use std::{env, process, time::Instant};

use anyhow::Result;

fn activity(url: &str) -> Result<()> {
    reqwest::blocking::get(url)?;
    let pid = process::id();
    let name = thread::current().name().unwrap_or_default().to_string();
    println!(" Process {pid},name {name}");
    Ok(())
}

fn run(url: &str, threaded: bool) -> Result<()> {
    let start = Instant::now();
    if !threaded {
        (0..10).try_for_each(|_| activity(url))?;
    } else {
        thread::scope(|scope| -> Result<()> {
            let mut threads = Vec::new();
            for i in 1..=10 {
                let thread = Builder::new().name(format!("Thread-{i} (activity)"));
                threads.push(thread.spawn_scoped(scope, || activity(url))?); // Starts it.
            }
            threads.into_iter().try_for_each(|thread| thread.join().expect("a thread panicked"))
        })?;
    }
    println!(" Time: {} seconds", start.elapsed().as_secs_f64());
    Ok(())
}

fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // For https.
    run(&env::args().nth(1).unwrap_or("https://yandex.ru".into()), true)
}
