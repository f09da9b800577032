//! Builds levels of the pyramid from picture and matte.

use std::ops::Range;

use image::GrayImage;
use rayon::prelude::*;

use super::level::{CHANNELS, Level};
use super::window::{CELL, Window};
use crate::sample::{ColorSample, Colors};

/// A level whose cells are the pixels of a window. In each row, only the columns in `spans` are filled in.
pub(super) fn pixels<T: ColorSample>(
    color: &Colors<T>,
    alpha: &GrayImage,
    window: Window,
    spans: &[Range<usize>],
) -> Level {
    let width = alpha.width() as usize;
    let mut level = Level::of_pixels(window.right - window.left, window.bottom - window.top);
    for ((y, from), span) in (window.top..window.bottom).enumerate().zip(spans) {
        let columns = window.left + span.start..window.left + span.end;
        let alpha = &alpha.as_raw()[from * width..][columns.clone()];
        for (into, alpha) in level.alpha.inner_mut(y)[span.clone()].iter_mut().zip(alpha) {
            *into = f32::from(*alpha) / 255.0;
        }
        let (color, _) = color.as_raw()[from * width * CHANNELS..].as_chunks::<CHANNELS>();
        for (channel, plane) in level.color.iter_mut().enumerate() {
            for (into, pixel) in plane.inner_mut(y)[span.clone()].iter_mut().zip(&color[columns.clone()]) {
                *into = pixel[channel].to_unit();
            }
        }
        level.repeat_border(y);
    }
    level
}

/// A level whose cells are squares of 2 x 2 pixels of a window, which begins at even coordinates. In each row, only the
/// columns in `spans` are filled in.
pub(super) fn pairs<T: ColorSample>(
    color: &Colors<T>,
    alpha: &GrayImage,
    window: Window,
    spans: &[Range<usize>],
) -> Level {
    let (width, height) = window.size(2);
    let (mut level, mut within) = Level::of_cells(width, height);
    for (y, span) in spans.iter().enumerate() {
        let lines = window.top + 2 * y..(window.top + 2 * y + 2).min(window.bottom);
        for x in span.clone() {
            let left = window.left + 2 * x;
            let cell = pair(color, alpha, left..(left + 2).min(window.right), lines.clone());
            level.alpha.inner_mut(y)[x] = cell.alpha;
            within.variance.inner_mut(y)[x] = cell.variance;
            for channel in 0..CHANNELS {
                level.color[channel].inner_mut(y)[x] = cell.color[channel];
                within.covariance[channel].inner_mut(y)[x] = cell.covariance[channel];
            }
        }
        level.repeat_border(y);
        within.repeat_border(y);
    }
    level.within = Some(within);
    level
}

/// The means of alpha and color over a cell, and how they vary with alpha.
#[derive(Debug, Clone, Copy, Default)]
struct CellMeans {
    alpha: f32,
    variance: f32,
    color: [f32; CHANNELS],
    covariance: [f32; CHANNELS],
}

/// A level of the whole picture with cells of [`CELL`] pixels a side, smaller at the right and the lower edge.
pub(super) fn cells<T: ColorSample>(color: &Colors<T>, alpha: &GrayImage) -> Level {
    let (width, height) = (alpha.width() as usize, alpha.height() as usize);
    let row_of_cells = |row: usize| -> Vec<CellMeans> {
        let lines = row * CELL..(row * CELL + CELL).min(height);
        let cells = (0..width).step_by(CELL);
        cells.map(|left| cell(color, alpha, left..(left + CELL).min(width), lines.clone())).collect()
    };
    let rows: Vec<_> = (0..height.div_ceil(CELL)).into_par_iter().map(row_of_cells).collect();
    let (mut level, mut within) = Level::of_cells(width.div_ceil(CELL), rows.len());
    for (y, cells) in rows.iter().enumerate() {
        fill(level.alpha.inner_mut(y), cells, |cell| cell.alpha);
        fill(within.variance.inner_mut(y), cells, |cell| cell.variance);
        for channel in 0..CHANNELS {
            fill(level.color[channel].inner_mut(y), cells, |cell| cell.color[channel]);
            fill(within.covariance[channel].inner_mut(y), cells, |cell| cell.covariance[channel]);
        }
        level.repeat_border(y);
        within.repeat_border(y);
    }
    level.within = Some(within);
    level
}

fn fill(row: &mut [f32], cells: &[CellMeans], value: impl Fn(&CellMeans) -> f32) {
    for (into, cell) in row.iter_mut().zip(cells) {
        *into = value(cell);
    }
}

/// The means over these columns and lines, at most [`CELL`] of each. The sums are integers and thus exact.
#[inline]
fn cell<T: ColorSample>(color: &Colors<T>, alpha: &GrayImage, columns: Range<usize>, lines: Range<usize>) -> CellMeans {
    let width = alpha.width() as usize;
    let Range { start: left, end: right } = columns;
    let count = ((right - left) * lines.len()) as u32;
    let shares = |y: usize| &alpha.as_raw()[y * width..][left..right];
    let samples = |y: usize| &color.as_raw()[y * width * CHANNELS..][left * CHANNELS..right * CHANNELS];
    let scale = 1.0 / (count as f32 * 255.0);
    let color_scale = 1.0 / (count as f32 * T::MAX as f32);

    // In most cells alpha is constant, and nothing varies with it.
    let first = shares(lines.start)[0];
    if lines.clone().fold(true, |same, y| same & shares(y).iter().fold(true, |same, share| same & (*share == first))) {
        let colors = match (right - left, lines.len()) {
            (CELL, CELL) => T::cell_sums(&color.as_raw()[(lines.start * width + left) * CHANNELS..], width * CHANNELS),
            _ => lines.flat_map(|y| samples(y).as_chunks::<CHANNELS>().0).fold([0; CHANNELS], |sums, pixel| {
                std::array::from_fn(|channel| sums[channel] + pixel[channel].to_u32())
            }),
        };
        return CellMeans {
            alpha: (u32::from(first) * count) as f32 * scale,
            color: colors.map(|sum| sum as f32 * color_scale),
            ..CellMeans::default()
        };
    }

    let (mut sum, mut squares) = (0_u32, 0_u32);
    let (mut colors, mut products) = ([0_u32; CHANNELS], [0_u32; CHANNELS]);
    for y in lines {
        let (pixels, _) = samples(y).as_chunks::<CHANNELS>();
        for (alpha, color) in shares(y).iter().zip(pixels) {
            let alpha = u32::from(*alpha);
            sum += alpha;
            squares += alpha * alpha;
            for channel in 0..CHANNELS {
                let value = color[channel].to_u32();
                colors[channel] += value;
                products[channel] += alpha * value;
            }
        }
    }
    // The sums of alpha and of colors are below 2^24, so an f32 holds them. Differences are computed in integers, before
    // rounding.
    CellMeans {
        alpha: sum as f32 * scale,
        variance: (i64::from(squares * count) - i64::from(sum) * i64::from(sum)) as f32 * (scale * scale),
        color: colors.map(|sum| sum as f32 * color_scale),
        covariance: std::array::from_fn(|channel| {
            let product = i64::from(products[channel]) * i64::from(count);
            (product - i64::from(sum) * i64::from(colors[channel])) as f32 * (scale * color_scale)
        }),
    }
}

/// The means over these columns and lines, one or two of each: the same as [`cell`], in smaller integers.
#[inline]
fn pair<T: ColorSample>(color: &Colors<T>, alpha: &GrayImage, columns: Range<usize>, lines: Range<usize>) -> CellMeans {
    let width = alpha.width() as usize;
    // A single column or line is counted twice, which does not change the means.
    let pixels = [lines.start, lines.end - 1].map(|y| [y * width + columns.start, y * width + columns.end - 1]);
    let (alpha, color) = (alpha.as_raw(), color.as_raw());
    let (mut sum, mut squares) = (0, 0);
    // 16 bits fit too: 16 x 255 x 65,535 is below 2^31.
    let (mut colors, mut products) = ([0; CHANNELS], [0; CHANNELS]);
    for at in pixels.as_flattened() {
        let share = i32::from(alpha[*at]);
        sum += share;
        squares += share * share;
        let pixel = &color[at * CHANNELS..][..CHANNELS];
        for channel in 0..CHANNELS {
            let value = pixel[channel].to_u32() as i32;
            colors[channel] += value;
            products[channel] += share * value;
        }
    }
    const SCALE: f32 = 1.0 / (4.0 * 255.0);
    let color_scale = 1.0 / (4.0 * T::MAX as f32);
    CellMeans {
        alpha: sum as f32 * SCALE,
        variance: (4 * squares - sum * sum) as f32 * (SCALE * SCALE),
        color: colors.map(|sum| sum as f32 * color_scale),
        covariance: std::array::from_fn(|n| (4 * products[n] - sum * colors[n]) as f32 * (SCALE * color_scale)),
    }
}
