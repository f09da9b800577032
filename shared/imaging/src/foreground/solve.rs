//! The least squares between the picture and its two layers, relaxed row by row.
//!
//! With neighbours held, the two colours of a cell have a closed form. Let f and b be the means of the
//! neighbours' foregrounds and backgrounds. Then the cell's own are
//!
//! ```text
//! (F, B) = (f, b) + (A + w)^-1 (alpha r + e, (1 - alpha) r - e)
//! A      = the mean of (alpha, 1 - alpha)^T (alpha, 1 - alpha) over the cell
//! r      = I - alpha f - (1 - alpha) b          what the neighbours leave unexplained of the mean colour
//! e      = cov(alpha, I) - var(alpha) (f - b)   and of the edge within the cell
//! ```
//!
//! where w says how much the neighbours count against the picture.
//!
//! Alpha itself may be wrong. An error of it changes a pixel along d = f - b and in no other direction, so r
//! is expected to be noise of that shape: its part along d is reduced by 1 / (1 + u |d|^2), the more the
//! further apart the layers are. What is left of r are colours that no error of alpha makes from the two
//! layers, such as a texture of the subject's own. u is 0 at an alpha of 1: there, the pixel is the subject.

use std::ops::Range;

use super::level::{CHANNELS, Given, Layers, Plane};

/// The weight of a neighbour whose alpha is the same. The gradient of alpha is added to it.
const FLAT: f32 = 1e-4;
/// How much a neighbour counts for a layer that it does not show at all; 1 is how much if it shows no other.
const UNSEEN: f32 = 0.05;
/// How much the neighbours count against the picture, for each unit of their weights.
const SMOOTHNESS: f32 = 0.2;
/// How uncertain alpha is at 0, against noise of the colours. It falls to nothing at 1.
const UNCERTAINTY: f32 = 10.0;

/// The steps of relaxation, and the memory for them.
#[derive(Debug, Default)]
pub(super) struct Relaxation {
    /// What depends on alpha only, for one row after the other of the cells that are solved.
    weights: Weights,
    /// The means of the neighbours, for one row.
    foreground: [Vec<f32>; CHANNELS],
    background: [Vec<f32>; CHANNELS],
}

#[derive(Debug, Default)]
struct Weights {
    /// The weights of the neighbours to the left, to the right, above and below; their sum is 1.
    foreground: [Vec<f32>; 4],
    background: [Vec<f32>; 4],
    /// The inverse of the cell's matrix: its two diagonal values and the one beside them.
    inverse: [Vec<f32>; 3],
    /// What the uncertainty of alpha is compared with: the trace of the matrix as if alpha were the same
    /// throughout the cell, and the neighbours' weight.
    trace: Vec<f32>,
}

impl Relaxation {
    /// So many steps on one level, in the cells that `spans` names for each of its rows. A step takes every
    /// other row and then the rows between, so that a change goes two rows far, and the rows of either half
    /// could be taken in any order.
    pub(super) fn run(&mut self, given: &Given, layers: &mut Layers, spans: &[Range<usize>], steps: usize) {
        let most = spans.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        for row in self.foreground.iter_mut().chain(&mut self.background) {
            row.resize(row.len().max(most), 0.0);
        }
        self.weights.make_room(spans.iter().map(ExactSizeIterator::len).sum());
        let mut at = 0;
        for (y, span) in spans.iter().enumerate() {
            let cells = at..at + span.len();
            at = cells.end;
            match &given.within {
                Some(within) => self.weights.fill::<true>(given, within.variance.inner(y), y, span.clone(), cells),
                None => self.weights.fill::<false>(given, given.alpha.inner(y), y, span.clone(), cells),
            }
        }
        for _ in 0..steps {
            for first in 0..2 {
                let mut at = 0;
                for (y, span) in spans.iter().enumerate() {
                    if y % 2 == first && !span.is_empty() {
                        match &given.within {
                            Some(within) => {
                                let covariance = within.covariance.each_ref().map(|plane| plane.inner(y));
                                let within = (within.variance.inner(y), covariance);
                                self.solve::<true>(given, within, layers, y, span.clone(), at);
                            }
                            None => {
                                // Rows that are not looked at.
                                let any = given.alpha.inner(y);
                                self.solve::<false>(given, (any, [any; CHANNELS]), layers, y, span.clone(), at);
                            }
                        }
                    }
                    at += span.len();
                }
            }
        }
    }

    /// The colours of one row, whose weights begin at `at`. `within` is the row's variance and covariances, which
    /// without `EDGES` are not looked at.
    fn solve<const EDGES: bool>(
        &mut self,
        given: &Given,
        (variance, covariance): (&[f32], [&[f32]; CHANNELS]),
        layers: &mut Layers,
        y: usize,
        span: Range<usize>,
        at: usize,
    ) {
        let width = span.len();
        let rows = [y.saturating_sub(1), y, (y + 1).min(given.height - 1)];
        let for_foreground = self.weights.foreground.each_ref().map(|row| &row[at..][..width]);
        let for_background = self.weights.background.each_ref().map(|row| &row[at..][..width]);
        for channel in 0..CHANNELS {
            let (foreground, background) =
                (&mut self.foreground[channel][..width], &mut self.background[channel][..width]);
            average(&layers.foreground[channel], rows, span.start, for_foreground, foreground);
            average(&layers.background[channel], rows, span.start, for_background, background);
        }
        let alpha = &given.alpha.inner(y)[span.clone()];
        let colour = given.colour.each_ref().map(|plane| &plane.inner(y)[span.clone()]);
        let variance = &variance[span.clone()];
        let covariance = covariance.map(|row| &row[span.clone()]);
        let [ff, fb, bb] = self.weights.inverse.each_ref().map(|row| &row[at..][..width]);
        let trace = &self.weights.trace[at..][..width];
        let foreground = self.foreground.each_ref().map(|row| &row[..width]);
        let background = self.background.each_ref().map(|row| &row[..width]);
        let new_foreground = layers.foreground.each_mut().map(|plane| &mut plane.inner_mut(y)[span.clone()]);
        let new_background = layers.background.each_mut().map(|plane| &mut plane.inner_mut(y)[span.clone()]);
        for x in 0..width {
            let (alpha, beta) = (alpha[x], 1.0 - alpha[x]);
            let (mut apart, mut rest) = ([0.0_f32; CHANNELS], [0.0_f32; CHANNELS]);
            let (mut along, mut square) = (0.0, 0.0);
            for channel in 0..CHANNELS {
                let (f, b) = (foreground[channel][x], background[channel][x]);
                apart[channel] = f - b;
                rest[channel] = colour[channel][x] - alpha * f - beta * b;
                along += apart[channel] * rest[channel];
                square += apart[channel] * apart[channel];
            }
            let uncertain = UNCERTAINTY * beta;
            let by_alpha = uncertain * along / (trace[x] + uncertain * square);
            for channel in 0..CHANNELS {
                let rest = rest[channel] - by_alpha * apart[channel];
                let edge = if EDGES { covariance[channel][x] - variance[x] * apart[channel] } else { 0.0 };
                let (of_f, of_b) = (alpha * rest + edge, beta * rest - edge);
                let f = foreground[channel][x] + ff[x] * of_f + fb[x] * of_b;
                let b = background[channel][x] + fb[x] * of_f + bb[x] * of_b;
                new_foreground[channel][x] = f.clamp(0.0, 1.0);
                new_background[channel][x] = b.clamp(0.0, 1.0);
            }
        }
        for plane in layers.foreground.iter_mut().chain(&mut layers.background) {
            plane.close(y);
        }
    }
}

impl Weights {
    fn make_room(&mut self, cells: usize) {
        let rows = self.foreground.iter_mut().chain(&mut self.background).chain(&mut self.inverse);
        for row in rows.chain([&mut self.trace]) {
            row.resize(row.len().max(cells), 0.0);
        }
    }

    /// Fills in those of a row. Without `EDGES` its variance is not looked at.
    fn fill<const EDGES: bool>(
        &mut self,
        given: &Given,
        variance: &[f32],
        y: usize,
        span: Range<usize>,
        cells: Range<usize>,
    ) {
        let width = span.len();
        if width == 0 {
            return;
        }
        let row = &given.alpha.row(y)[span.start..];
        let (left, here, right) = (&row[..width], &row[1..][..width], &row[2..][..width]);
        let above = &given.alpha.inner(y.saturating_sub(1))[span.clone()];
        let below = &given.alpha.inner((y + 1).min(given.height - 1))[span.clone()];
        let variance = &variance[span];
        let [f0, f1, f2, f3] = self.foreground.each_mut().map(|row| &mut row[cells.clone()]);
        let [b0, b1, b2, b3] = self.background.each_mut().map(|row| &mut row[cells.clone()]);
        let [ff, fb, bb] = self.inverse.each_mut().map(|row| &mut row[cells.clone()]);
        let trace = &mut self.trace[cells];
        for x in 0..width {
            let (alpha, beta) = (here[x], 1.0 - here[x]);
            let variance = if EDGES { variance[x] } else { 0.0 };
            let around = [left[x], right[x], above[x], below[x]];
            let weights = around.map(|other| FLAT + (alpha - other).abs());
            let foreground: [f32; 4] = std::array::from_fn(|n| weights[n] * (UNSEEN + around[n]));
            let background: [f32; 4] = std::array::from_fn(|n| weights[n] * (UNSEEN + 1.0 - around[n]));
            let sum = |of: [f32; 4]| (of[0] + of[1]) + (of[2] + of[3]);
            let (f, b) = (1.0 / sum(foreground), 1.0 / sum(background));
            (f0[x], f1[x], f2[x], f3[x]) = (foreground[0] * f, foreground[1] * f, foreground[2] * f, foreground[3] * f);
            (b0[x], b1[x], b2[x], b3[x]) = (background[0] * b, background[1] * b, background[2] * b, background[3] * b);

            let smooth = SMOOTHNESS * sum(weights);
            let (aa, ab, bb_) = (alpha * alpha + variance, alpha * beta - variance, beta * beta + variance);
            // The same as the product of the diagonal less the square of the other value, but where alpha
            // is the same throughout the cell, no two large numbers are subtracted to leave nothing.
            let determinant = 1.0 / (variance + smooth * (aa + bb_) + smooth * smooth);
            ff[x] = (bb_ + smooth) * determinant;
            fb[x] = -ab * determinant;
            bb[x] = (aa + smooth) * determinant;
            trace[x] = alpha * alpha + beta * beta + smooth;
        }
    }
}

/// The weighted means of the four neighbours of the cells from `start` on in the middle one of three rows.
fn average(plane: &Plane, [up, y, down]: [usize; 3], start: usize, [w0, w1, w2, w3]: [&[f32]; 4], into: &mut [f32]) {
    let width = into.len();
    let row = &plane.row(y)[start..];
    let (left, right) = (&row[..width], &row[2..][..width]);
    let (above, below) = (&plane.inner(up)[start..][..width], &plane.inner(down)[start..][..width]);
    for x in 0..width {
        into[x] = (w0[x] * left[x] + w1[x] * right[x]) + (w2[x] * above[x] + w3[x] * below[x]);
    }
}
