//! `--png FILE`: saves the picture in colour.

use anyhow::Result;
use shared::cli::Opt;
use shared::mandelbrot::{ITERATIONS, View};
use shared::{data_uri, output_file};

/// The picture of a page is no higher than this.
const PAGE_ROWS: usize = 800;

pub const OPTIONS: &[Opt] = &[Opt {
    name: "png",
    value: "FILE",
    help: "In notebook: saves the picture",
    check: output_file::check,
    writes: true,
}];

/// Writes the picture. The old file stays until the new one is whole.
///
/// # Errors
/// [`Stop::Output`](shared::cli::Stop::Output) with the cause.
pub fn write(path: &str, view: View, picture: &[u16]) -> Result<()> {
    Ok(output_file::write(path, &encode(view, picture)?)?)
}

/// The picture for a page, in at most [`PAGE_ROWS`] rows: it leaves out every other row and column,
/// or more.
///
/// # Errors
/// The encoder refuses it.
pub fn for_page(view: View, picture: &[u16]) -> Result<String> {
    let step = view.height.div_ceil(PAGE_ROWS);
    let rows = picture.chunks(view.width).step_by(step);
    let pixels: Vec<u16> = rows.flat_map(|row| row.iter().copied().step_by(step)).collect();
    let view = View { width: view.width.div_ceil(step), height: view.height.div_ceil(step) };
    Ok(data_uri::png(&encode(view, &pixels)?))
}

fn encode(view: View, picture: &[u16]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut png = png::Encoder::new(&mut file, view.width as u32, view.height as u32);
    png.set_color(png::ColorType::Indexed);
    png.set_palette((0..=255).flat_map(colour).collect::<Vec<u8>>());
    let mut png = png.write_header()?;
    let colours: Vec<u8> = picture.iter().map(|&iterations| shade(iterations)).collect();
    png.write_image_data(&colours)?;
    png.finish()?;
    Ok(file)
}

/// The place of its colour in the palette.
fn shade(iterations: u16) -> u8 {
    if iterations == ITERATIONS {
        return 0;
    }
    let t = f64::from(iterations.max(1)).ln() / f64::from(ITERATIONS).ln();
    1 + (t * 254.0) as u8
}

/// Black inside the set; outside, blue to gold with the logarithm of the iterations.
fn colour(shade: u8) -> [u8; 3] {
    if shade == 0 {
        return [0, 0, 0];
    }
    let t = f64::from(shade - 1) / 254.0;
    let channel = |low: f64, high: f64| (low + (high - low) * t) as u8;
    [channel(10.0, 255.0), channel(20.0, 210.0), channel(90.0, 60.0)]
}
