//! From the picture's bytes to what a level of the pyramid holds of them.

use std::ops::Range;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::level::{CHANNELS, Given};
use super::{CELL, Window};

/// The pixels of a window, each a cell of its own, as far as `spans` names them for each of its rows. All others are
/// left empty.
pub(super) fn pixels(color: &RgbImage, alpha: &GrayImage, window: Window, spans: &[Range<usize>]) -> Given {
    let width = alpha.width() as usize;
    let mut given = Given::of_pixels(window.right - window.left, window.bottom - window.top);
    for ((y, from), span) in (window.top..window.bottom).enumerate().zip(spans) {
        let columns = window.left + span.start..window.left + span.end;
        let alpha = &alpha.as_raw()[from * width..][columns.clone()];
        for (into, alpha) in given.alpha.inner_mut(y)[span.clone()].iter_mut().zip(alpha) {
            *into = f32::from(*alpha) / 255.0;
        }
        let (color, _) = color.as_raw()[from * width * CHANNELS..].as_chunks::<CHANNELS>();
        for (channel, plane) in given.color.iter_mut().enumerate() {
            for (into, pixel) in plane.inner_mut(y)[span.clone()].iter_mut().zip(&color[columns.clone()]) {
                *into = f32::from(pixel[channel]) / 255.0;
            }
        }
        given.close(y);
    }
    given
}

/// The cells of two pixels a side of a window, which begins at whole ones, as far as `spans` names them for each of its
/// rows. All others are left empty.
pub(super) fn pairs(color: &RgbImage, alpha: &GrayImage, window: Window, spans: &[Range<usize>]) -> Given {
    let (width, height) = window.size(2);
    let (mut given, mut within) = Given::of_cells(width, height);
    for (y, span) in spans.iter().enumerate() {
        let lines = window.top + 2 * y..(window.top + 2 * y + 2).min(window.bottom);
        for x in span.clone() {
            let left = window.left + 2 * x;
            let cell = pair(color, alpha, left..(left + 2).min(window.right), lines.clone());
            given.alpha.inner_mut(y)[x] = cell.alpha;
            within.variance.inner_mut(y)[x] = cell.variance;
            for channel in 0..CHANNELS {
                given.color[channel].inner_mut(y)[x] = cell.color[channel];
                within.covariance[channel].inner_mut(y)[x] = cell.covariance[channel];
            }
        }
        given.close(y);
        within.close(y);
    }
    given.within = Some(within);
    given
}

/// What one cell holds: the means of alpha and color, and how they vary with alpha.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    alpha: f32,
    variance: f32,
    color: [f32; CHANNELS],
    covariance: [f32; CHANNELS],
}

/// The whole picture in cells of [`CELL`] pixels a side, smaller at the right and at the bottom where the picture ends.
pub(super) fn cells(color: &RgbImage, alpha: &GrayImage) -> Given {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let row_of_cells = |row: usize| -> Vec<Cell> {
        let lines = row * CELL..(row * CELL + CELL).min(height);
        let cells = (0..width).step_by(CELL);
        cells.map(|left| cell(color, alpha, left..(left + CELL).min(width), lines.clone())).collect()
    };
    let made: Vec<_> = (0..height.div_ceil(CELL)).into_par_iter().map(row_of_cells).collect();
    let (mut given, mut within) = Given::of_cells(width.div_ceil(CELL), made.len());
    for (y, cells) in made.iter().enumerate() {
        fill(given.alpha.inner_mut(y), cells, |cell| cell.alpha);
        fill(within.variance.inner_mut(y), cells, |cell| cell.variance);
        for channel in 0..CHANNELS {
            fill(given.color[channel].inner_mut(y), cells, |cell| cell.color[channel]);
            fill(within.covariance[channel].inner_mut(y), cells, |cell| cell.covariance[channel]);
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
fn cell(color: &RgbImage, alpha: &GrayImage, columns: Range<usize>, lines: Range<usize>) -> Cell {
    let width = alpha.width() as usize;
    let Range { start: left, end: right } = columns;
    let count = ((right - left) * lines.len()) as u32;
    let shares = |y: usize| &alpha.as_raw()[y * width..][left..right];
    let bytes = |y: usize| &color.as_raw()[y * width * CHANNELS..][left * CHANNELS..right * CHANNELS];
    let once = 1.0 / (count as f32 * 255.0);

    // In most cells alpha is the same throughout, and then nothing varies with it.
    let first = shares(lines.start)[0];
    if lines.clone().fold(true, |same, y| same & shares(y).iter().fold(true, |same, share| same & (*share == first))) {
        let colors = match (right - left, lines.len()) {
            (CELL, CELL) => whole_sums(&color.as_raw()[(lines.start * width + left) * CHANNELS..], width * CHANNELS),
            _ => lines.flat_map(|y| bytes(y).as_chunks::<CHANNELS>().0).fold([0; CHANNELS], |sums, pixel| {
                std::array::from_fn(|channel| sums[channel] + u32::from(pixel[channel]))
            }),
        };
        return Cell {
            alpha: (u32::from(first) * count) as f32 * once,
            color: colors.map(|sum| sum as f32 * once),
            ..Cell::default()
        };
    }

    let (mut sum, mut squares) = (0_u32, 0_u32);
    let (mut colors, mut products) = ([0_u32; CHANNELS], [0_u32; CHANNELS]);
    for y in lines {
        let (pixels, _) = bytes(y).as_chunks::<CHANNELS>();
        for (alpha, color) in shares(y).iter().zip(pixels) {
            let alpha = u32::from(*alpha);
            sum += alpha;
            squares += alpha * alpha;
            for channel in 0..CHANNELS {
                let value = u32::from(color[channel]);
                colors[channel] += value;
                products[channel] += alpha * value;
            }
        }
    }
    // Every sum is below 2^24, so an f32 holds it; the differences below are taken before it rounds.
    let twice = once * once;
    Cell {
        alpha: sum as f32 * once,
        variance: (i64::from(squares * count) - i64::from(sum) * i64::from(sum)) as f32 * twice,
        color: colors.map(|sum| sum as f32 * once),
        covariance: std::array::from_fn(|channel| {
            let product = i64::from(products[channel] * count);
            (product - i64::from(sum) * i64::from(colors[channel])) as f32 * twice
        }),
    }
}

/// The cell of these columns and lines, one or two of each. What [`cell`] does, in the numbers that are enough for it.
#[inline]
fn pair(color: &RgbImage, alpha: &GrayImage, columns: Range<usize>, lines: Range<usize>) -> Cell {
    let width = alpha.width() as usize;
    // Of what there is one, it is counted twice, which leaves the means what they are.
    let places = [lines.start, lines.end - 1].map(|y| [y * width + columns.start, y * width + columns.end - 1]);
    let (alpha, color) = (alpha.as_raw(), color.as_raw());
    let (mut sum, mut squares) = (0, 0);
    let (mut colors, mut products) = ([0; CHANNELS], [0; CHANNELS]);
    for at in places.as_flattened() {
        let share = i32::from(alpha[*at]);
        sum += share;
        squares += share * share;
        let pixel = &color[at * CHANNELS..][..CHANNELS];
        for channel in 0..CHANNELS {
            let value = i32::from(pixel[channel]);
            colors[channel] += value;
            products[channel] += share * value;
        }
    }
    const ONCE: f32 = 1.0 / (4.0 * 255.0);
    Cell {
        alpha: sum as f32 * ONCE,
        variance: (4 * squares - sum * sum) as f32 * (ONCE * ONCE),
        color: colors.map(|sum| sum as f32 * ONCE),
        covariance: std::array::from_fn(|n| (4 * products[n] - sum * colors[n]) as f32 * (ONCE * ONCE)),
    }
}

/// The sums of the colors of a whole cell, whose rows begin so many bytes apart.
fn whole_sums(bytes: &[u8], apart: usize) -> [u32; CHANNELS] {
    // No column's sum exceeds 8 times 255.
    let mut sums = [0_u16; CELL * CHANNELS];
    for row in bytes.chunks(apart).take(CELL).filter_map(<[u8]>::first_chunk::<{ CELL * CHANNELS }>) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += u16::from(*value);
        }
    }
    std::array::from_fn(|channel| sums.iter().skip(channel).step_by(CHANNELS).map(|sum| u32::from(*sum)).sum())
}
