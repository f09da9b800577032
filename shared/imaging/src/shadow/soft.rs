//! A shape made wider and blurred, at a size that the blur allows, and back at the size of the canvas.

use image::GrayImage;
use rayon::prelude::*;

use super::distance;
use super::plane::{Plane, REACH, beside};

/// A blur of this many cells leaves nothing that cells could not hold: what is finer than two of them is damped to
/// less than 1e-8 of what it was.
const CELLS_OF_BLUR: f64 = 2.0;
/// The same where a shape is made wider. Where its outline is, is known to a part of a cell.
const CELLS_OF_WIDER: f64 = 6.0;
/// The most cells that are worked with at once. Each takes about 16 bytes. Of a canvas of more pixels, even a hard edge
/// is as soft as a cell.
const MOST_CELLS: f64 = 12e6;
/// The variance of the mean over a cell, in square cells.
const OF_MEAN: f64 = 1.0 / 12.0;
/// The variance of the cubic B-spline that fills in between the cells, in square cells.
const OF_SPLINE: f64 = 1.0 / 3.0;

/// Where the pixels of a canvas lie in cells of several pixels a side, with cells around the canvas. Beyond the
/// canvas, what is at its edge goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grid {
    cell: i64,
    /// How many pixels the first cell begins before the canvas.
    before: (i64, i64),
    size: (usize, usize),
}

impl Grid {
    /// Cells of so many pixels, or of more where there would be too many of them, with so many pixels on all sides.
    fn new(canvas: (u32, u32), finest: f64, around: (f64, f64)) -> Self {
        let mut cell = finest.floor().max(1.0);
        loop {
            // The spline needs two cells more than the pixels.
            let cells = |side: u32, around: f64| ((f64::from(side) + 2.0 * around) / cell).ceil() + 4.0;
            let (across, down) = (cells(canvas.0, around.0), cells(canvas.1, around.1));
            if across * down <= MOST_CELLS {
                let cell = cell as i64;
                let before = |cells: f64, side: u32| (cells as i64 * cell - i64::from(side)) / 2;
                let before = (before(across, canvas.0), before(down, canvas.1));
                return Self { cell, before, size: (across as usize, down as usize) };
            }
            cell = (cell * (across * down / MOST_CELLS).sqrt()).floor().max(cell + 1.0);
        }
    }

    /// The pixels of one row or column of cells, and how often each counts.
    fn pixels(cell: i64, first: i64, side: u32) -> impl Iterator<Item = (usize, u32)> {
        let last = i64::from(side) - 1;
        let (from, to) = (first.clamp(0, last), (first + cell - 1).clamp(0, last));
        // How many of the cell's pixels come to lie on this one.
        let times = move |at: i64| match (at == 0, at == last) {
            (true, true) => cell,
            (true, false) => 1.max(1 - first).min(cell),
            (false, true) => 1.max(first + cell - last).min(cell),
            (false, false) => 1,
        };
        (from..=to).map(move |at| (at as usize, times(at) as u32))
    }

    /// The share of each cell that is covered, and whether anything in it or beside it is half covered.
    fn cells(&self, alpha: &GrayImage, edges: bool) -> (Plane, Vec<bool>) {
        let (across, down) = self.size;
        let width = alpha.width() as usize;
        let mut means = Plane::new(across, down);
        let mut half = vec![false; if edges { across * down } else { 0 }];
        let flags: Vec<&mut [bool]> = if edges {
            half.chunks_exact_mut(across).collect()
        } else {
            (0..down).map(|_| <&mut [bool]>::default()).collect()
        };
        let whole = 1.0 / (255.0 * (self.cell * self.cell) as f64);
        means.rows_mut().zip(flags).for_each_init(
            || (vec![0_u32; width], vec![0_u8; width]),
            |(sums, most), ((row, means), half)| {
                sums.fill(0);
                most.fill(0);
                let first = row as i64 * self.cell - self.before.1;
                for (y, times) in Self::pixels(self.cell, first, alpha.height()) {
                    let from = &alpha.as_raw()[y * width..(y + 1) * width];
                    sums.iter_mut().zip(from).for_each(|(sum, value)| *sum += times * u32::from(*value));
                    if edges {
                        most.iter_mut().zip(from).for_each(|(most, value)| *most = (*most).max(*value));
                    }
                }
                for (column, mean) in means.iter_mut().enumerate() {
                    let first = column as i64 * self.cell - self.before.0;
                    let of_cell = Self::pixels(self.cell, first, alpha.width());
                    let sum: u64 = of_cell.map(|(x, times)| u64::from(times) * u64::from(sums[x])).sum();
                    *mean = (sum as f64 * whole) as f32;
                    if edges {
                        half[column] = Self::pixels(self.cell, first, alpha.width()).any(|(x, _)| most[x] >= 128);
                    }
                }
            },
        );
        (means, if edges { beside(&half, across) } else { half })
    }
}

/// A soft shape, as shares from 0 to 1.
#[derive(Debug)]
pub(super) struct Soft {
    grid: Grid,
    plane: Plane,
    /// How far it is moved, in pixels.
    offset: (i64, i64),
    /// For each column of the canvas, the first of four cells and their weights.
    columns: Vec<(usize, [f32; 4])>,
}

impl Soft {
    /// `alpha` made wider by `spread`, blurred by a Gaussian of `sigma` and moved by `offset`, all in pixels and none
    /// of the first two below 0. Beyond the canvas `alpha` is what it is at the edge.
    pub(super) fn new(alpha: &GrayImage, spread: f64, sigma: f64, offset: (i64, i64)) -> Self {
        let finest = sigma / if spread > 0.0 { CELLS_OF_WIDER } else { CELLS_OF_BLUR };
        Self::made(alpha, spread, (sigma, sigma), offset, finest)
    }

    /// `alpha` blurred by a Gaussian that is wider or narrower across than down.
    pub(super) fn flat(alpha: &GrayImage, sigma: (f64, f64)) -> Self {
        Self::made(alpha, 0.0, sigma, (0, 0), sigma.0.min(sigma.1) / CELLS_OF_BLUR)
    }

    fn made(alpha: &GrayImage, spread: f64, sigma: (f64, f64), offset: (i64, i64), finest: f64) -> Self {
        // Beyond that, nothing changes any more.
        let around = |offset: i64, sigma: f64| REACH * sigma + (offset.abs() as f64).min(spread + REACH * sigma);
        let around = (around(offset.0, sigma.0), around(offset.1, sigma.1));
        let grid = Grid::new(alpha.dimensions(), finest, around);
        let (mut plane, edge) = grid.cells(alpha, spread > 0.0);
        let cell = grid.cell as f64;
        if spread > 0.0 {
            plane = distance::widened(&plane, &edge, (spread / cell) as f32);
        }
        drop(edge);
        // The cells and the spline blur too.
        let own = if grid.cell > 1 { OF_MEAN + OF_SPLINE } else { 0.0 };
        let rest = |sigma: f64| ((sigma / cell).powi(2) - own).max(0.0).sqrt();
        plane = plane.blurred_by((rest(sigma.0), rest(sigma.1)));
        let columns = (0..alpha.width()).map(|x| four(x, grid.before.0 - offset.0, grid.cell, grid.size.0)).collect();
        Self { grid, plane, offset, columns }
    }

    /// A plane in cells of so many pixels, of which the first begins at the first pixel of the canvas.
    pub(super) fn of_cells(plane: &Plane, cell: usize, canvas: (u32, u32)) -> Self {
        let (plane, cell) = (plane.framed(2), cell as i64);
        let grid = Grid { cell, before: (2 * cell, 2 * cell), size: (plane.width, plane.height) };
        let columns = (0..canvas.0).map(|x| four(x, grid.before.0, cell, grid.size.0)).collect();
        Self { grid, plane, offset: (0, 0), columns }
    }

    /// One row of the canvas. `between` is room to work in.
    pub(super) fn row(&self, y: usize, between: &mut Vec<f32>, row: &mut [f32]) {
        let Grid { cell, before, size } = self.grid;
        if cell == 1 {
            let place = |at: usize, before: i64, offset: i64, size: usize| {
                (at as i64 + before - offset).clamp(0, size as i64 - 1) as usize
            };
            let from = self.plane.row(place(y, before.1, self.offset.1, size.1));
            for (x, value) in row.iter_mut().enumerate() {
                *value = from[place(x, before.0, self.offset.0, size.0)];
            }
            return;
        }
        let (first, weights) = four(y as u32, before.1 - self.offset.1, cell, size.1);
        let rows: [&[f32]; 4] = std::array::from_fn(|tap| self.plane.row(first + tap));
        between.clear();
        between.extend((0..size.0).map(|x| weigh(weights, rows.map(|row| row[x]))));
        for (value, (first, weights)) in row.iter_mut().zip(&self.columns) {
            let near = between[*first..].first_chunk::<4>().copied().unwrap_or_default();
            *value = weigh(*weights, near);
        }
    }
}

fn weigh(weights: [f32; 4], values: [f32; 4]) -> f32 {
    weights[0] * values[0] + weights[1] * values[1] + (weights[2] * values[2] + weights[3] * values[3])
}

/// The first of the four cells around a pixel and their weights, which are those of the uniform cubic B-spline. It
/// does not go through the values of the cells but is smooth to its second derivative, so no cell can be made out.
fn four(at: u32, before: i64, cell: i64, cells: usize) -> (usize, [f32; 4]) {
    // In half pixels, since the middle of a cell may be between two.
    let place = 2 * (i64::from(at) + before) + 1 - cell;
    let last = 2 * cell * (cells as i64 - 3);
    let place = place.clamp(2 * cell, last.max(2 * cell));
    let first = place.div_euclid(2 * cell) - 1;
    let t = place.rem_euclid(2 * cell) as f32 / (2 * cell) as f32;
    let u = 1.0 - t;
    let weights = [
        u * u * u / 6.0,
        (4.0 + t * t * (3.0 * t - 6.0)) / 6.0,
        (4.0 + u * u * (3.0 * u - 6.0)) / 6.0,
        t * t * t / 6.0,
    ];
    (first as usize, weights)
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_weights_are_those_of_a_smooth_line() {
        for cell in [2, 3, 7] {
            for at in 0..60 {
                let (first, weights) = four(at, 3 * cell, cell, 90);
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                // A straight line stays one.
                let middle: f32 = (0..4).map(|tap| weights[tap] * (first + tap) as f32).sum();
                let place = (at as f32 + 0.5 + 3.0 * cell as f32) / cell as f32 - 0.5;
                assert!((middle - place).abs() < 1e-4, "{middle} where {place} was expected");
            }
        }
    }

    proptest! {
        #[test]
        fn a_cells_pixels_are_as_many_as_it_has(cell in 1_i64..20, first in -60_i64..60, side in 1_u32..40) {
            let mut expected = std::collections::BTreeMap::new();
            for at in first..first + cell {
                *expected.entry(at.clamp(0, i64::from(side) - 1) as usize).or_insert(0) += 1;
            }
            let found: Vec<_> = Grid::pixels(cell, first, side).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_touches_the_edge_goes_on_beyond_it() {
        let alpha = GrayImage::from_fn(90, 40, |x, _| Luma([if x < 50 { 255 } else { 0 }]));
        let soft = Soft::new(&alpha, 5.0, 20.0, (0, 0));
        let (mut between, mut row) = (Vec::new(), vec![0.0; 90]);
        let mut rows = Vec::new();
        for y in 0..40 {
            soft.row(y, &mut between, &mut row);
            rows.push(row.clone());
        }
        assert!(rows.iter().all(|row| (row[0] - 1.0).abs() < 0.01 && (row[55] - rows[0][55]).abs() < 1e-5));
    }
}
