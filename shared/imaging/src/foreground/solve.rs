//! Solves the least squares between the picture and its two layers by relaxation, row by row.
//!
//! With fixed neighbors, the two colors of a cell have a closed form. Let f and b be the weighted means of the neighbors'
//! foregrounds and backgrounds. Then the cell's own colors are
//!
//! ```text
//! (F, B) = (f, b) + (A + w)^-1 (alpha r + e, (1 - alpha) r - e)
//! A      = the mean of (alpha, 1 - alpha)^T (alpha, 1 - alpha) over the cell
//! r      = I - alpha f - (1 - alpha) b          the residual of the mean color
//! e      = cov(alpha, I) - var(alpha) (f - b)   the residual of the edge within the cell
//! ```
//!
//! where w is the weight of the neighbors against the picture.
//!
//! Alpha itself may be wrong. Its error changes a pixel only along d = f - b, so part of r along d is noise: that part is
//! reduced by 1 / (1 + u |d|^2), more for layers that are farther apart. The rest of r are colors that no error of alpha
//! explains, such as the subject's own texture. u is 0 at an alpha of 1: there the pixel is the subject.

use std::ops::Range;

use super::kernels::{self, RowCells};
use super::level::{CHANNELS, LayerColors, Level};

/// Relaxation, with reusable buffers.
#[derive(Debug, Default)]
pub(super) struct Relaxation {
    /// The weights of all cells to be solved, row after row. They depend on alpha only.
    weights: NeighborWeights,
    /// The means of the neighbors, for one row.
    foreground: [Vec<f32>; CHANNELS],
    background: [Vec<f32>; CHANNELS],
    /// The part of the residuals that is attributed to alpha, for one row.
    by_alpha: Vec<f32>,
}

#[derive(Debug, Default)]
struct NeighborWeights {
    /// The weights of the neighbors to the left, to the right, above and below, and the factor that makes their sum 1.
    foreground: [Vec<f32>; 4],
    foreground_scale: Vec<f32>,
    background: [Vec<f32>; 4],
    background_scale: Vec<f32>,
    /// The inverse of the cell's symmetric matrix: first diagonal value, off-diagonal value, second diagonal value.
    inverse: [Vec<f32>; 3],
    /// The scale of alpha's uncertainty: the trace of the matrix for a constant alpha, plus the neighbors' weight.
    trace: Vec<f32>,
}

impl Relaxation {
    /// Runs `steps` steps on a level, in the columns of each row that `spans` contains. A step solves every other row and then
    /// the rows in between, so that a change spreads by two rows, and the order within either half does not matter.
    pub(super) fn run(&mut self, level: &Level, layers: &mut LayerColors, spans: &[Range<usize>], steps: usize) {
        let longest = spans.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        for row in self.foreground.iter_mut().chain(&mut self.background).chain([&mut self.by_alpha]) {
            row.resize(row.len().max(longest), 0.0);
        }
        self.weights.reserve(spans.iter().map(ExactSizeIterator::len).sum());
        let rows = || spans.iter().enumerate().filter(|(_, span)| !span.is_empty());
        let mut at = 0;
        for (y, span) in rows() {
            self.weights.fill(level, y, span.clone(), at..at + span.len());
            at += span.len();
        }
        for _ in 0..steps {
            for first in 0..2 {
                let mut at = 0;
                for (y, span) in rows() {
                    if y % 2 == first {
                        self.solve_row(level, layers, y, span.clone(), at);
                    }
                    at += span.len();
                }
            }
        }
    }

    /// Solves one row, whose weights begin at `at`.
    fn solve_row(&mut self, level: &Level, layers: &mut LayerColors, y: usize, span: Range<usize>, at: usize) {
        let width = span.len();
        let part = at..at + width;
        let rows = [y.saturating_sub(1), y, (y + 1).min(level.height - 1)];
        self.average_neighbors(layers, rows, span.start, part.clone());
        let NeighborWeights { inverse, trace, .. } = &self.weights;
        let alpha = &level.alpha.inner(y)[span.clone()];
        let color = level.color.each_ref().map(|plane| &plane.inner(y)[span.clone()]);
        let near = [&self.foreground, &self.background].map(|near| near.each_ref().map(|row| &row[..width]));
        kernels::attribute_to_alpha(&mut self.by_alpha[..width], alpha, &trace[part.clone()], color, near);
        for channel in 0..CHANNELS {
            let cells = RowCells {
                alpha,
                color: color[channel],
                foreground: near[0][channel],
                background: near[1][channel],
                by_alpha: &self.by_alpha[..width],
                inverse: inverse.each_ref().map(|row| &row[part.clone()]),
            };
            let foreground = &mut layers.foreground[channel].inner_mut(y)[span.clone()];
            let background = &mut layers.background[channel].inner_mut(y)[span.clone()];
            match &level.within {
                Some(within) => {
                    let variance = &within.variance.inner(y)[span.clone()];
                    let covariance = &within.covariance[channel].inner(y)[span.clone()];
                    kernels::update_cells(foreground, background, &cells, variance, covariance);
                }
                None => kernels::update_pixels(foreground, background, &cells),
            }
        }
        for plane in layers.foreground.iter_mut().chain(&mut layers.background) {
            plane.repeat_border(y);
        }
    }

    /// Fills in the means of the neighbors, for the cells from `start` on in the middle of three rows. `part` is where their
    /// weights are.
    fn average_neighbors(&mut self, layers: &LayerColors, rows: [usize; 3], start: usize, part: Range<usize>) {
        let NeighborWeights { foreground, foreground_scale, background, background_scale, .. } = &self.weights;
        for channel in 0..CHANNELS {
            let weights = foreground.each_ref().map(|row| &row[part.clone()]);
            let into = &mut self.foreground[channel][..part.len()];
            let plane = &layers.foreground[channel];
            kernels::average(into, plane, rows, start, weights, &foreground_scale[part.clone()]);
            let weights = background.each_ref().map(|row| &row[part.clone()]);
            let into = &mut self.background[channel][..part.len()];
            let plane = &layers.background[channel];
            kernels::average(into, plane, rows, start, weights, &background_scale[part.clone()]);
        }
    }
}

impl NeighborWeights {
    fn reserve(&mut self, cells: usize) {
        let rows = self.foreground.iter_mut().chain(&mut self.background).chain(&mut self.inverse);
        for row in rows.chain([&mut self.foreground_scale, &mut self.background_scale, &mut self.trace]) {
            row.resize(row.len().max(cells), 0.0);
        }
    }

    /// Fills in the weights of a row.
    fn fill(&mut self, level: &Level, y: usize, span: Range<usize>, cells: Range<usize>) {
        let width = span.len();
        let row = &level.alpha.row(y)[span.start..];
        let (left, here, right) = (&row[..width], &row[1..][..width], &row[2..][..width]);
        let above = &level.alpha.inner(y.saturating_sub(1))[span.clone()];
        let below = &level.alpha.inner((y + 1).min(level.height - 1))[span.clone()];
        let around = [left, right, above, below];
        for (n, other) in around.into_iter().enumerate() {
            kernels::neighbor_weights(
                &mut self.foreground[n][cells.clone()],
                &mut self.background[n][cells.clone()],
                here,
                other,
            );
        }
        let scale = |rows: &[Vec<f32>; 4], into: &mut [f32]| {
            kernels::weight_scales(into, rows.each_ref().map(|row| &row[cells.clone()]))
        };
        scale(&self.foreground, &mut self.foreground_scale[cells.clone()]);
        scale(&self.background, &mut self.background_scale[cells.clone()]);
        let [ff, fb, bb] = self.inverse.each_mut().map(|row| &mut row[cells.clone()]);
        let trace = &mut self.trace[cells.clone()];
        match &level.within {
            Some(within) => kernels::inverse_matrices(ff, fb, bb, trace, here, around, |x| {
                within.variance.inner(y)[span.clone()][x]
            }),
            None => kernels::inverse_matrices(ff, fb, bb, trace, here, around, |_| 0.0),
        }
    }
}
