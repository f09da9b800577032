//! From the picture's bytes to what a level of the pyramid holds of them.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::level::{CHANNELS, Given};
use super::{CELL, Window};

/// The pixels of a window, each a cell of its own.
pub(super) fn pixels(colour: &RgbImage, alpha: &GrayImage, window: Window) -> Given {
    let width = alpha.width() as usize;
    let mut given = Given::new(window.right - window.left, window.bottom - window.top);
    for (y, from) in (window.top..window.bottom).enumerate() {
        let alpha = &alpha.as_raw()[from * width..][window.left..window.right];
        for (into, alpha) in given.alpha.inner_mut(y).iter_mut().zip(alpha) {
            *into = f32::from(*alpha) / 255.0;
        }
        let (colour, _) = colour.as_raw()[from * width * CHANNELS..].as_chunks::<CHANNELS>();
        for (channel, plane) in given.colour.iter_mut().enumerate() {
            for (into, pixel) in plane.inner_mut(y).iter_mut().zip(&colour[window.left..window.right]) {
                *into = f32::from(pixel[channel]) / 255.0;
            }
        }
        given.close(y);
    }
    given
}

/// What one cell holds: the means of alpha and colour, and how they vary with alpha.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    alpha: f32,
    variance: f32,
    colour: [f32; CHANNELS],
    covariance: [f32; CHANNELS],
}

/// The whole picture in cells of [`CELL`] pixels a side, smaller at the right and at the bottom where the
/// picture ends.
pub(super) fn cells(colour: &RgbImage, alpha: &GrayImage) -> Given {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let rows = height.div_ceil(CELL);
    let made: Vec<Vec<Cell>> = (0..rows)
        .into_par_iter()
        .map(|row| {
            let lines = row * CELL..(row * CELL + CELL).min(height);
            (0..width).step_by(CELL).map(|left| cell(colour, alpha, left, lines.clone())).collect()
        })
        .collect();
    let mut given = Given::new(width.div_ceil(CELL), rows);
    for (y, cells) in made.iter().enumerate() {
        fill(given.alpha.inner_mut(y), cells, |cell| cell.alpha);
        fill(given.variance.inner_mut(y), cells, |cell| cell.variance);
        for channel in 0..CHANNELS {
            fill(given.colour[channel].inner_mut(y), cells, |cell| cell.colour[channel]);
            fill(given.covariance[channel].inner_mut(y), cells, |cell| cell.covariance[channel]);
        }
        given.close(y);
    }
    given
}

fn fill(row: &mut [f32], cells: &[Cell], of: impl Fn(&Cell) -> f32) {
    for (into, cell) in row.iter_mut().zip(cells) {
        *into = of(cell);
    }
}

/// The cell of these lines that begins at `left`. The sums are whole numbers and thus exact.
fn cell(colour: &RgbImage, alpha: &GrayImage, left: usize, lines: std::ops::Range<usize>) -> Cell {
    let width = alpha.width() as usize;
    let right = (left + CELL).min(width);
    let count = (right - left) * lines.len();
    let (mut sum, mut squares) = (0_u32, 0_u32);
    let (mut colours, mut products) = ([0_u32; CHANNELS], [0_u32; CHANNELS]);
    for y in lines {
        let alpha = &alpha.as_raw()[y * width..][left..right];
        let (colour, _) = colour.as_raw()[(y * width + left) * CHANNELS..].as_chunks::<CHANNELS>();
        for (alpha, colour) in alpha.iter().zip(colour) {
            let alpha = u32::from(*alpha);
            sum += alpha;
            squares += alpha * alpha;
            for channel in 0..CHANNELS {
                let value = u32::from(colour[channel]);
                colours[channel] += value;
                products[channel] += alpha * value;
            }
        }
    }
    // Every sum is below 2^24, so an f32 holds it; the differences below are taken before it rounds.
    let count = count as u32;
    let once = 1.0 / (count as f32 * 255.0);
    let twice = once * once;
    Cell {
        alpha: sum as f32 * once,
        variance: (i64::from(squares * count) - i64::from(sum) * i64::from(sum)) as f32 * twice,
        colour: colours.map(|sum| sum as f32 * once),
        covariance: std::array::from_fn(|channel| {
            let product = i64::from(products[channel] * count);
            (product - i64::from(sum) * i64::from(colours[channel])) as f32 * twice
        }),
    }
}
