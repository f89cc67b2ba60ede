//! The notebook's cell "multiprocessing", as one writes it in Rust: a process is this program again.
//! `cargo run -p process-demo --example cell -- URL`

use std::process::{self, Command};
use std::{env, time::Instant};

use anyhow::{Result, ensure};

fn activity(url: &str, process_name: &str) -> Result<()> {
    reqwest::blocking::get(url)?;
    println!("Process ID: {}, Process Name: {process_name}", process::id());
    Ok(())
}

fn run(url: &str, processed: bool) -> Result<()> {
    let start = Instant::now();
    if !processed {
        (0..10).try_for_each(|_| activity(url, "MainProcess"))?;
    } else {
        let mut processes = Vec::new();
        for i in 1..=10 {
            let name = format!("Process-{i}"); // Its arguments, which Python would pickle.
            processes.push(Command::new(env::current_exe()?).args([url, &name]).spawn()?);
        }
        for mut process in processes {
            ensure!(process.wait()?.success(), "a process failed");
        }
    }
    println!(" Time: {} seconds", start.elapsed().as_secs_f64());
    Ok(())
}

fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // For https.
    let url = env::args().nth(1).unwrap_or("https://yandex.ru".into());
    match env::args().nth(2) {
        Some(name) => activity(&url, &name),
        None => run(&url, true),
    }
}
