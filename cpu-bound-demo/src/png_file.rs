//! The picture in colour: as a file (`--png FILE`), and as a `data:` URL for pages.

use anyhow::Result;
use shared::demo::LessonOption;
use shared::os::atomic_file;

use crate::mandelbrot::{ITERATIONS, View};

/// Most rows of a picture on a page.
const PAGE_ROWS: usize = 800;

pub const OPTIONS: &[LessonOption] = &[LessonOption {
    name: "png",
    value: "FILE",
    help: "In notebook: save the picture",
    check: atomic_file::check,
    writes: true,
}];

/// Writes the picture. The old file stays until the new one is complete.
///
/// # Errors
/// [`ExitError::Output`](shared::ExitError::Output) with the cause.
pub fn write(path: &str, view: View, picture: &[u16]) -> Result<()> {
    Ok(atomic_file::write(path, &encode(view, picture)?)?)
}

/// The picture as a URL, in at most [`PAGE_ROWS`] rows: a larger one keeps every second, third or
/// further row and column.
///
/// # Errors
/// The encoder refuses it.
pub fn data_url(view: View, picture: &[u16]) -> Result<String> {
    let step = view.height.div_ceil(PAGE_ROWS);
    let rows = picture.chunks(view.width).step_by(step);
    let pixels: Vec<u16> = rows.flat_map(|row| row.iter().copied().step_by(step)).collect();
    let view = View { width: view.width.div_ceil(step), height: view.height.div_ceil(step) };
    Ok(format!("data:image/png;base64,{}", base64(&encode(view, &pixels)?)))
}

fn encode(view: View, picture: &[u16]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut png = png::Encoder::new(&mut file, view.width as u32, view.height as u32);
    png.set_color(png::ColorType::Indexed);
    png.set_palette((0..=255).flat_map(colour).collect::<Vec<u8>>());
    let mut png = png.write_header()?;
    let shades: Vec<u8> = picture.iter().map(|&iterations| shade(iterations)).collect();
    png.write_image_data(&shades)?;
    png.finish()?;
    Ok(file)
}

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

/// Base 64 by RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            // A group of n bytes has n + 1 digits.
            text.push(match digit <= group.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]),
                false => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff; 3]), "////");
    }
}
