//! Widened and blurred shapes, computed in cells as large as the blur allows and interpolated at the size of the canvas.

use image::GrayImage;
use rayon::prelude::*;

use super::distance;
use super::plane::{Plane, REACH, dilated};

/// The smallest standard deviation in cells. Detail finer than two cells is then damped to less than 1e-8, so that the
/// cells lose nothing.
const CELLS_PER_SIGMA: f64 = 2.0;
/// The same for a shape that is widened, whose outline is known to a fraction of a cell.
const CELLS_PER_SIGMA_IF_WIDENED: f64 = 6.0;
/// The most cells, of about 16 bytes each. On a canvas with more pixels, even a hard edge is as soft as a cell.
const MAX_CELLS: f64 = 12e6;
/// The variance of the mean over a cell, in square cells.
const MEAN_VARIANCE: f64 = 1.0 / 12.0;
/// The variance of the cubic B-spline that interpolates the cells, in square cells.
const SPLINE_VARIANCE: f64 = 1.0 / 3.0;

/// Maps a canvas to square cells of several pixels, with a margin of cells around it. Beyond the canvas, its outermost pixels
/// are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CellGrid {
    /// The side of a cell in pixels.
    cell: i64,
    /// How many pixels before the canvas the first cell begins.
    before: (i64, i64),
    /// Cells across and down.
    size: (usize, usize),
}

impl CellGrid {
    /// Cells of `finest` pixels, or larger ones if there would be too many, with a margin of `around` pixels.
    fn new(canvas: (u32, u32), finest: f64, around: (f64, f64)) -> Self {
        let mut cell = finest.floor().max(1.0);
        loop {
            // The spline needs two more cells on each side.
            let cells = |side: u32, around: f64| ((f64::from(side) + 2.0 * around) / cell).ceil() + 4.0;
            let (across, down) = (cells(canvas.0, around.0), cells(canvas.1, around.1));
            if across * down <= MAX_CELLS {
                let cell = cell as i64;
                let before = |cells: f64, side: u32| (cells as i64 * cell - i64::from(side)) / 2;
                let before = (before(across, canvas.0), before(down, canvas.1));
                return Self { cell, before, size: (across as usize, down as usize) };
            }
            cell = (cell * (across * down / MAX_CELLS).sqrt()).floor().max(cell + 1.0);
        }
    }

    /// The pixels of a row or column of cells that begins at pixel `first`, and how often each counts.
    fn pixels(cell: i64, first: i64, side: u32) -> impl Iterator<Item = (usize, u32)> {
        let last = i64::from(side) - 1;
        let (from, to) = (first.clamp(0, last), (first + cell - 1).clamp(0, last));
        // The outermost pixels stand for those beyond the canvas too.
        let times = move |at: i64| match (at == 0, at == last) {
            (true, true) => cell,
            (true, false) => 1.max(1 - first).min(cell),
            (false, true) => 1.max(first + cell - last).min(cell),
            (false, false) => 1,
        };
        (from..=to).map(move |at| (at as usize, times(at) as u32))
    }

    /// The coverage of each cell.
    fn coverage(&self, alpha: &GrayImage) -> Plane {
        let (across, down) = self.size;
        let width = alpha.width() as usize;
        let mut means = Plane::new(across, down);
        let scale = self.mean_scale();
        means.rows_mut().for_each_init(
            || vec![0_u32; width],
            |sums, (row, means)| {
                sums.fill(0);
                for (from, times) in self.canvas_rows(alpha, row) {
                    add_row(sums, from, times);
                }
                self.fill_means(means, sums, scale);
            },
        );
        means
    }

    /// The coverage of each cell, and whether a cell or one of its neighbors contains a pixel that is at least half covered.
    fn coverage_and_shape(&self, alpha: &GrayImage) -> (Plane, Vec<bool>) {
        let (across, down) = self.size;
        let width = alpha.width() as usize;
        let mut means = Plane::new(across, down);
        let mut half = vec![false; across * down];
        let scale = self.mean_scale();
        means.rows_mut().zip(half.par_chunks_exact_mut(across)).for_each_init(
            || (vec![0_u32; width], vec![0_u8; width]),
            |(sums, maxima), ((row, means), half)| {
                sums.fill(0);
                maxima.fill(0);
                for (from, times) in self.canvas_rows(alpha, row) {
                    add_row(sums, from, times);
                    maxima.iter_mut().zip(from).for_each(|(max, value)| *max = (*max).max(*value));
                }
                self.fill_means(means, sums, scale);
                for (column, half) in half.iter_mut().enumerate() {
                    *half = self.canvas_columns(column, width as u32).any(|(x, _)| maxima[x] >= 128);
                }
            },
        );
        (means, dilated(&half, across))
    }

    /// Converts the sum of alpha over a cell to coverage.
    fn mean_scale(&self) -> f64 {
        1.0 / (255.0 * (self.cell * self.cell) as f64)
    }

    /// The rows of the canvas in a row of cells, and how often each counts.
    fn canvas_rows<'a>(&self, alpha: &'a GrayImage, row: usize) -> impl Iterator<Item = (&'a [u8], u32)> {
        let width = alpha.width() as usize;
        let first = row as i64 * self.cell - self.before.1;
        let rows = Self::pixels(self.cell, first, alpha.height());
        rows.map(move |(y, times)| (&alpha.as_raw()[y * width..(y + 1) * width], times))
    }

    /// The columns of the canvas in a column of cells, and how often each counts.
    fn canvas_columns(&self, column: usize, width: u32) -> impl Iterator<Item = (usize, u32)> {
        Self::pixels(self.cell, column as i64 * self.cell - self.before.0, width)
    }

    /// Fills in the means of a row of cells from the sums over the columns of the canvas.
    fn fill_means(&self, means: &mut [f32], sums: &[u32], scale: f64) {
        for (column, mean) in means.iter_mut().enumerate() {
            let pixels = self.canvas_columns(column, sums.len() as u32);
            let sum: u64 = pixels.map(|(x, times)| u64::from(times) * u64::from(sums[x])).sum();
            *mean = (sum as f64 * scale) as f32;
        }
    }
}

/// Adds a row of alpha to the sums over its columns.
fn add_row(sums: &mut [u32], row: &[u8], times: u32) {
    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += times * u32::from(*value));
}

/// A blurred shape, with coverage from 0 to 1.
#[derive(Debug)]
pub(super) struct SoftShape {
    grid: CellGrid,
    plane: Plane,
    /// The offset of the shape, in pixels.
    offset: (i64, i64),
    /// For each column of the canvas, the cells that it is interpolated from.
    columns: Vec<SplineTaps>,
}

impl SoftShape {
    /// `alpha` widened by `spread`, blurred by a Gaussian of standard deviation `sigma`, and moved by `offset`: all in
    /// pixels, and the first two at least 0. Beyond the canvas, the outermost pixels of `alpha` are repeated.
    pub(super) fn new(alpha: &GrayImage, spread: f64, sigma: f64, offset: (i64, i64)) -> Self {
        let finest = sigma / if spread > 0.0 { CELLS_PER_SIGMA_IF_WIDENED } else { CELLS_PER_SIGMA };
        Self::with_cells(alpha, spread, (sigma, sigma), offset, finest)
    }

    /// `alpha` blurred by a Gaussian with separate standard deviations across and down.
    pub(super) fn foreshortened(alpha: &GrayImage, sigma: (f64, f64)) -> Self {
        Self::with_cells(alpha, 0.0, sigma, (0, 0), sigma.0.min(sigma.1) / CELLS_PER_SIGMA)
    }

    fn with_cells(alpha: &GrayImage, spread: f64, sigma: (f64, f64), offset: (i64, i64), finest: f64) -> Self {
        // Nothing changes beyond this margin.
        let around = |offset: i64, sigma: f64| REACH * sigma + (offset.abs() as f64).min(spread + REACH * sigma);
        let around = (around(offset.0, sigma.0), around(offset.1, sigma.1));
        let grid = CellGrid::new(alpha.dimensions(), finest, around);
        let cell = grid.cell as f64;
        let plane = if spread > 0.0 {
            let (coverage, in_shape) = grid.coverage_and_shape(alpha);
            distance::widened(&coverage, &in_shape, (spread / cell) as f32)
        } else {
            grid.coverage(alpha)
        };
        // The cells and the spline blur as well.
        let variance = if grid.cell > 1 { MEAN_VARIANCE + SPLINE_VARIANCE } else { 0.0 };
        let remaining = |sigma: f64| ((sigma / cell).powi(2) - variance).max(0.0).sqrt();
        let plane = plane.blurred_by((remaining(sigma.0), remaining(sigma.1)));
        let columns =
            (0..alpha.width()).map(|x| SplineTaps::new(x, grid.before.0 - offset.0, grid.cell, grid.size.0)).collect();
        Self { grid, plane, offset, columns }
    }

    /// A plane of cells of `cell` pixels, which begin at the first pixel of the canvas.
    pub(super) fn of_cells(plane: &Plane, cell: usize, canvas: (u32, u32)) -> Self {
        let (plane, cell) = (plane.padded(2), cell as i64);
        let grid = CellGrid { cell, before: (2 * cell, 2 * cell), size: (plane.width, plane.height) };
        let columns = (0..canvas.0).map(|x| SplineTaps::new(x, grid.before.0, cell, grid.size.0)).collect();
        Self { grid, plane, offset: (0, 0), columns }
    }

    /// Fills in the coverage of one row of the canvas. `cells` is a buffer.
    pub(super) fn row(&self, y: usize, cells: &mut Vec<f32>, row: &mut [f32]) {
        let CellGrid { cell, before, size } = self.grid;
        if cell == 1 {
            let cell_at = |at: usize, before: i64, offset: i64, size: usize| {
                (at as i64 + before - offset).clamp(0, size as i64 - 1) as usize
            };
            let from = self.plane.row(cell_at(y, before.1, self.offset.1, size.1));
            for (x, value) in row.iter_mut().enumerate() {
                *value = from[cell_at(x, before.0, self.offset.0, size.0)];
            }
            return;
        }
        let SplineTaps { first, weights } = SplineTaps::new(y as u32, before.1 - self.offset.1, cell, size.1);
        let rows: [&[f32]; 4] = std::array::from_fn(|tap| self.plane.row(first + tap));
        cells.clear();
        cells.extend((0..size.0).map(|x| weighted_sum(weights, rows.map(|row| row[x]))));
        for (value, SplineTaps { first, weights }) in row.iter_mut().zip(&self.columns) {
            let taps = cells[*first..].first_chunk::<4>().copied().unwrap_or_default();
            *value = weighted_sum(*weights, taps);
        }
    }
}

fn weighted_sum(weights: [f32; 4], values: [f32; 4]) -> f32 {
    weights[0] * values[0] + weights[1] * values[1] + (weights[2] * values[2] + weights[3] * values[3])
}

/// The four cells around a pixel and their weights, which are those of the uniform cubic B-spline. The spline does not pass
/// through the values of the cells, but its second derivative is continuous, so that no cell is visible.
#[derive(Debug, Clone, Copy)]
struct SplineTaps {
    first: usize,
    weights: [f32; 4],
}

impl SplineTaps {
    /// The taps of pixel `at`, on an axis of `cells` cells of `cell` pixels that begin `before` pixels before the canvas.
    fn new(at: u32, before: i64, cell: i64, cells: usize) -> Self {
        // In half pixels, since the center of a cell may be between two pixels.
        let position = 2 * (i64::from(at) + before) + 1 - cell;
        let last = 2 * cell * (cells as i64 - 3);
        let position = position.clamp(2 * cell, last.max(2 * cell));
        let first = position.div_euclid(2 * cell) - 1;
        let t = position.rem_euclid(2 * cell) as f32 / (2 * cell) as f32;
        let u = 1.0 - t;
        let weights = [
            u * u * u / 6.0,
            (4.0 + t * t * (3.0 * t - 6.0)) / 6.0,
            (4.0 + u * u * (3.0 * u - 6.0)) / 6.0,
            t * t * t / 6.0,
        ];
        Self { first: first as usize, weights }
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spline_reproduces_straight_lines() {
        for cell in [2, 3, 7] {
            for at in 0..60 {
                let SplineTaps { first, weights } = SplineTaps::new(at, 3 * cell, cell, 90);
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                let middle: f32 = (0..4).map(|tap| weights[tap] * (first + tap) as f32).sum();
                let position = (at as f32 + 0.5 + 3.0 * cell as f32) / cell as f32 - 0.5;
                assert!((middle - position).abs() < 1e-4, "{middle}, not {position}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_pixel_of_a_cell_counts_once(cell in 1_i64..20, first in -60_i64..60, side in 1_u32..40) {
            let mut expected = std::collections::BTreeMap::new();
            for at in first..first + cell {
                *expected.entry(at.clamp(0, i64::from(side) - 1) as usize).or_insert(0) += 1;
            }
            let found: Vec<_> = CellGrid::pixels(cell, first, side).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn subject_continues_beyond_the_canvas() {
        let alpha = GrayImage::from_fn(90, 40, |x, _| Luma([if x < 50 { 255 } else { 0 }]));
        let soft = SoftShape::new(&alpha, 5.0, 20.0, (0, 0));
        let (mut between, mut row) = (Vec::new(), vec![0.0; 90]);
        let mut rows = Vec::new();
        for y in 0..40 {
            soft.row(y, &mut between, &mut row);
            rows.push(row.clone());
        }
        assert!(rows.iter().all(|row| (row[0] - 1.0).abs() < 0.01 && (row[55] - rows[0][55]).abs() < 1e-5));
    }
}
