//! From the picture's bytes to what a level of the pyramid holds of them.

use std::ops::Range;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::level::{CHANNELS, Given};
use super::{CELL, Window};

/// The pixels of a window, each a cell of its own.
pub(super) fn pixels(colour: &RgbImage, alpha: &GrayImage, window: Window) -> Given {
    let width = alpha.width() as usize;
    let mut given = Given::of_pixels(window.right - window.left, window.bottom - window.top);
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

/// The whole picture in cells of so many pixels a side, smaller at the right and at the bottom where the picture ends.
/// At most 8.
pub(super) fn cells(colour: &RgbImage, alpha: &GrayImage, side: usize) -> Given {
    let rows = (alpha.height() as usize).div_ceil(side);
    let made: Vec<_> =
        (0..rows).into_par_iter().map(|row| row_of_cells(colour, alpha, side, row, 0..usize::MAX)).collect();
    of_rows((alpha.width() as usize).div_ceil(side), made.len(), made.into_iter())
}

/// The same of a window, which begins at whole cells.
pub(super) fn cells_of(colour: &RgbImage, alpha: &GrayImage, side: usize, window: Window) -> Given {
    let (width, height) = window.size(side);
    let columns = window.left..window.right;
    let rows = (0..height).map(|row| row_of_cells(colour, alpha, side, window.top / side + row, columns.clone()));
    of_rows(width, height, rows)
}

fn row_of_cells(colour: &RgbImage, alpha: &GrayImage, side: usize, row: usize, columns: Range<usize>) -> Vec<Cell> {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let lines = row * side..(row * side + side).min(height);
    let right = columns.end.min(width);
    let cells = (columns.start..right).step_by(side);
    cells.map(|left| cell(colour, alpha, left..(left + side).min(right), lines.clone())).collect()
}

fn of_rows(width: usize, height: usize, rows: impl Iterator<Item = Vec<Cell>>) -> Given {
    let (mut given, mut within) = Given::of_cells(width, height);
    for (y, cells) in rows.enumerate() {
        fill(given.alpha.inner_mut(y), &cells, |cell| cell.alpha);
        fill(within.variance.inner_mut(y), &cells, |cell| cell.variance);
        for channel in 0..CHANNELS {
            fill(given.colour[channel].inner_mut(y), &cells, |cell| cell.colour[channel]);
            fill(within.covariance[channel].inner_mut(y), &cells, |cell| cell.covariance[channel]);
        }
        given.close(y);
        within.close(y);
    }
    given.within = Some(within);
    given
}

fn fill(row: &mut [f32], cells: &[Cell], of: impl Fn(&Cell) -> f32) {
    for (into, cell) in row.iter_mut().zip(cells) {
        *into = of(cell);
    }
}

/// The cell of these columns and lines, at most [`CELL`] of each. The sums are whole numbers and thus exact.
#[inline]
fn cell(colour: &RgbImage, alpha: &GrayImage, columns: Range<usize>, lines: Range<usize>) -> Cell {
    let width = alpha.width() as usize;
    let Range { start: left, end: right } = columns;
    let count = ((right - left) * lines.len()) as u32;
    let shares = |y: usize| &alpha.as_raw()[y * width..][left..right];
    let bytes = |y: usize| &colour.as_raw()[y * width * CHANNELS..][left * CHANNELS..right * CHANNELS];
    let once = 1.0 / (count as f32 * 255.0);

    // In most cells alpha is the same throughout, and then nothing varies with it.
    let first = shares(lines.start)[0];
    if lines.clone().all(|y| shares(y).iter().all(|share| *share == first)) {
        // No column's sum exceeds 8 times 255.
        let mut sums = [0_u16; CELL * CHANNELS];
        for y in lines {
            for (sum, value) in sums.iter_mut().zip(bytes(y)) {
                *sum += u16::from(*value);
            }
        }
        let sum = |channel: usize| sums.iter().skip(channel).step_by(CHANNELS).map(|sum| u32::from(*sum)).sum::<u32>();
        return Cell {
            alpha: (u32::from(first) * count) as f32 * once,
            colour: std::array::from_fn(|channel| sum(channel) as f32 * once),
            ..Cell::default()
        };
    }

    let (mut sum, mut squares) = (0_u32, 0_u32);
    let (mut colours, mut products) = ([0_u32; CHANNELS], [0_u32; CHANNELS]);
    for y in lines {
        let (pixels, _) = bytes(y).as_chunks::<CHANNELS>();
        for (alpha, colour) in shares(y).iter().zip(pixels) {
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
