//! A program to start from. It needs nothing else of this repository: see README, "Start your own".

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, Error, Result};
use clap::{Parser, value_parser};
use indicatif::ProgressBar;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use serde_json::json;

const ITERATIONS: u32 = 1000;
/// A row that was not drawn. No drawn pixel has this shade.
const BLANK: u8 = 255;

/// Draws the Mandelbrot set, a task for each row, and prints a line of JSON. Ctrl-C saves what is drawn.
/// Exit code: 0 all drawn, 1 not all, 2 wrong usage, 3 cannot start, 4 cannot write, 130 Ctrl-C.
#[derive(Parser)]
struct Args {
    /// The PNG file to write
    file: PathBuf,
    /// Rows of the picture
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=20_000))]
    height: u32,
    /// Threads to draw with; 0 is one for each core
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u16).range(..=1024))]
    threads: u16,
}

/// Set by Ctrl-C. From then on, no row is begun.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() {
    let args = Args::parse();
    let name = args.file.display();
    // Before the work, which would be in vain if the directory is missing.
    let file = File::create(&args.file).with_context(|| format!("cannot create {name}"));
    let file = file.unwrap_or_else(|error| fail(4, error));
    let rows = draw_rows(&args).unwrap_or_else(|error| fail(3, error));
    let drawn = rows.iter().flatten().count();
    let saved = save(&rows, args.height, file).with_context(|| format!("cannot write {name}"));
    saved.unwrap_or_else(|error| fail(4, error));
    let line = json!({ "file": name.to_string(), "rows": args.height, "drawn": drawn });
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            fail(4, Error::new(error).context("cannot write to stdout"))
        }
        _ if STOP.load(Relaxed) => exit(130),
        _ => exit((drawn < rows.len()).into()),
    }
}

fn fail(code: i32, error: Error) -> ! {
    let _ = writeln!(io::stderr(), "{}: {error:#}", env!("CARGO_CRATE_NAME"));
    exit(code)
}

/// Draws every row, at its place whichever thread draws it: any number of threads makes the same
/// picture. `None` is a row that panicked, or was not begun because of Ctrl-C.
fn draw_rows(args: &Args) -> Result<Vec<Option<Vec<u8>>>> {
    let pool = ThreadPoolBuilder::new().num_threads(args.threads.into()).build()?;
    // A second Ctrl-C does not wait for the rows that have begun.
    ctrlc::set_handler(|| {
        if STOP.swap(true, Relaxed) {
            exit(130);
        }
    })?;
    let bar = ProgressBar::new(args.height.into()); // On stderr, if that is a terminal.
    let task = |y| {
        if STOP.load(Relaxed) {
            return None;
        }
        let row = catch_unwind(|| draw(y, args.height)); // A panic is the failure of this row alone.
        bar.inc(1);
        row.ok()
    };
    let rows = pool.install(|| (0..args.height).into_par_iter().map(task).collect());
    bar.finish_and_clear();
    Ok(rows)
}

/// One row of the region from -2-i to 1+i. Your work stands here: it takes a task, and returns its result.
fn draw(y: u32, height: u32) -> Vec<u8> {
    let shade = |x| {
        let scale = 2.0 / f64::from(height);
        let (re, im) = (f64::from(x) * scale - 2.0, f64::from(y) * scale - 1.0);
        let (mut a, mut b, mut steps) = (0.0, 0.0, 0);
        while steps < ITERATIONS && a * a + b * b <= 4.0 {
            (a, b) = (a * a - b * b + re, 2.0 * a * b + im);
            steps += 1;
        }
        // Black inside the set, and lighter the longer a point outside took to escape.
        if steps == ITERATIONS { 0 } else { 40 + (steps.ilog2() * 20) as u8 }
    };
    (0..width(height)).map(shade).collect()
}

fn width(height: u32) -> u32 {
    height * 3 / 2
}

fn save(rows: &[Option<Vec<u8>>], height: u32, mut file: File) -> Result<()> {
    let blank = vec![BLANK; width(height) as usize];
    let pixels: Vec<u8> =
        rows.iter().flat_map(|row| row.as_ref().unwrap_or(&blank)).copied().collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width(height), height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file.write_all(&png)?)
}
