//! `--png FILE`: saves the picture in colour.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::cli::{Opt, Stop};
use shared::mandelbrot::{ITERATIONS, View};

pub const OPTIONS: &[Opt] = &[Opt {
    name: "png",
    value: "FILE",
    help: "Saves the picture",
    check,
}];

/// Says whether a file can be written at `path`, without writing it.
fn check(path: &str) -> Result<(), String> {
    let path = Path::new(path);
    if path.file_name().is_none() || path.is_dir() {
        return Err("not a file".into());
    }
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => return Err("not a regular file".into()),
        Ok(file) if file.permissions().readonly() => return Err("the file is read-only".into()),
        _ => {}
    }
    let beside = beside(path);
    File::create(&beside).map_err(|error| format!("cannot write there: {error}"))?;
    let _ = fs::remove_file(beside);
    Ok(())
}

/// Writes the picture. The old file stays until the new one is whole.
///
/// # Errors
/// [`Stop::Output`] with the cause.
pub fn write(path: &str, view: View, picture: &[u16]) -> Result<()> {
    // What a link points to is replaced, and not the link.
    let path = fs::canonicalize(path).unwrap_or(path.into());
    let beside = beside(&path);
    let written = encode(&beside, view, picture).and_then(|()| Ok(fs::rename(&beside, &path)?));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        Stop::Output(format!("cannot write {}: {error:#}", path.display())).into()
    })
}

/// A name in the same directory that no other run uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn encode(path: &Path, view: View, picture: &[u16]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut png = png::Encoder::new(&mut file, view.width as u32, view.height as u32);
    png.set_color(png::ColorType::Rgb);
    let mut png = png.write_header()?;
    let colours: Vec<u8> = picture
        .iter()
        .flat_map(|&iterations| colour(iterations))
        .collect();
    png.write_image_data(&colours)?;
    png.finish()?;
    file.flush().context("the disk did not take it all")
}

/// Black inside the set; outside, blue to gold with the logarithm of the iterations.
fn colour(iterations: u16) -> [u8; 3] {
    if iterations == ITERATIONS {
        return [0, 0, 0];
    }
    let t = f64::from(iterations.max(1)).ln() / f64::from(ITERATIONS).ln();
    let channel = |low: f64, high: f64| (low + (high - low) * t) as u8;
    [
        channel(10.0, 255.0),
        channel(20.0, 210.0),
        channel(90.0, 60.0),
    ]
}
