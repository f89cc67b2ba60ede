//! What each task computes: one row of the Mandelbrot set. Every model must draw the same picture.

/// Iterations after which a point counts as inside the set.
pub const ITERATIONS: u16 = 1000;

/// Pixels computed in step. The compiler turns loops over such arrays into vector instructions. Four
/// lanes measured best (two: half as fast).
const LANES: usize = 4;

/// Steps between two checks whether all lanes have escaped: a check costs as much as a step.
const STEPS: u16 = 8;

/// The region from -2-i to 1+i, cut into pixels.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub width: usize,
    pub height: usize,
}

impl View {
    /// A picture of this many rows in the region's own proportions, 3 to 2.
    pub fn of_height(height: usize) -> View {
        View { width: height * 3 / 2, height }
    }

    /// For each pixel of row `y`, the iterations until it escaped, at most [`ITERATIONS`].
    pub fn row(&self, y: usize) -> Vec<u16> {
        let im = -1.0 + 2.0 * (y as f64 + 0.5) / self.height as f64;
        let mut row = vec![0; self.width];
        for (group, pixels) in row.chunks_mut(LANES).enumerate() {
            let re = std::array::from_fn(|lane| {
                -2.0 + 3.0 * ((group * LANES + lane) as f64 + 0.5) / self.width as f64
            });
            pixels.copy_from_slice(&escape_times(re, im)[..pixels.len()]);
        }
        row
    }
}

/// Iterates z = z*z + c for all lanes at once. An escaped lane goes on (to infinity) beside the others
/// but is no longer counted, so the result is that of one pixel at a time.
fn escape_times(re: [f64; LANES], im: f64) -> [u16; LANES] {
    let (mut x, mut y) = ([0.0f64; LANES], [0.0f64; LANES]);
    // Counted in f64, so that all lanes of the loop are of one width.
    let mut count = [0.0f64; LANES];
    for _ in 0..ITERATIONS / STEPS {
        let before = count;
        for _ in 0..STEPS {
            for lane in 0..LANES {
                let (xx, yy) = (x[lane] * x[lane], y[lane] * y[lane]);
                count[lane] += if xx + yy <= 4.0 { 1.0 } else { 0.0 };
                y[lane] = 2.0 * x[lane] * y[lane] + im;
                x[lane] = xx - yy + re[lane];
            }
        }
        if count == before {
            break;
        }
    }
    count.map(|count| count as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, one pixel at a time.
    fn by_definition(re: f64, im: f64) -> u16 {
        let (mut x, mut y, mut count) = (0.0f64, 0.0f64, 0);
        while count < ITERATIONS && x * x + y * y <= 4.0 {
            (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
            count += 1;
        }
        count
    }

    #[test]
    fn lanes_match_the_definition() {
        for view in
            [View::of_height(100), View { width: 61, height: 37 }, View { width: 1, height: 1 }]
        {
            for row in 0..view.height {
                let im = -1.0 + 2.0 * (row as f64 + 0.5) / view.height as f64;
                let expected: Vec<u16> = (0..view.width)
                    .map(|column| {
                        by_definition(-2.0 + 3.0 * (column as f64 + 0.5) / view.width as f64, im)
                    })
                    .collect();
                assert_eq!(view.row(row), expected, "row {row} of {view:?}");
            }
        }
        assert_eq!(ITERATIONS % STEPS, 0);
    }
}
