//! The notebook's section "GIL" has no cell: this is one sum, by the four models.
//! `cargo run -p cpu-bound-demo --example cell`

use std::process::{Command, Stdio};
use std::{env, thread, time::Instant};

use anyhow::Result;
use rayon::prelude::*;
use tokio::{runtime::Builder, task::JoinSet};

/// Half of a sum: the odd or the even terms.
fn activity(half: u64) -> u64 {
    (half + 1..400_000_000).step_by(2).map(|n| 1_000_000_007 % n).sum()
}

fn main() -> Result<()> {
    if let Some(half) = env::args().nth(1) {
        print!("{}", activity(half.parse()?)); // This is one of the processes below.
        return Ok(());
    }
    let mut start = Instant::now();
    let mut show = |model: &str, sum: u64| {
        println!("{model}: {sum}, Time: {} seconds", start.elapsed().as_secs_f64());
        start = Instant::now();
    };
    let threads = [0, 1].map(|half| thread::spawn(move || activity(half)));
    show("Threads", threads.map(|thread| thread.join().expect("a thread panicked")).iter().sum());
    let program = env::current_exe()?;
    let spawn = |half: &str| Command::new(&program).arg(half).stdout(Stdio::piped()).spawn();
    let mut sum = 0;
    for process in [spawn("0")?, spawn("1")?] {
        sum += String::from_utf8(process.wait_with_output()?.stdout)?.parse::<u64>()?;
    }
    show("Processes", sum);
    let tasks = (0..2).map(async |half| activity(half));
    let tasks = async { JoinSet::from_iter(tasks).join_all().await };
    show("Async", Builder::new_current_thread().build()?.block_on(tasks).iter().sum());
    show("Rayon", (0..2).into_par_iter().map(activity).sum());
    Ok(())
}
