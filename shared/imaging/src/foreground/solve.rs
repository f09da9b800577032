//! The least squares between the picture and its two layers, relaxed row by row.
//!
//! With neighbours held, the two colors of a cell have a closed form. Let f and b be the means of the
//! neighbours' foregrounds and backgrounds. Then the cell's own are
//!
//! ```text
//! (F, B) = (f, b) + (A + w)^-1 (alpha r + e, (1 - alpha) r - e)
//! A      = the mean of (alpha, 1 - alpha)^T (alpha, 1 - alpha) over the cell
//! r      = I - alpha f - (1 - alpha) b          what the neighbours leave unexplained of the mean color
//! e      = cov(alpha, I) - var(alpha) (f - b)   and of the edge within the cell
//! ```
//!
//! where w says how much the neighbours count against the picture.
//!
//! Alpha itself may be wrong. An error of it changes a pixel along d = f - b and in no other direction, so r
//! is expected to be noise of that shape: its part along d is reduced by 1 / (1 + u |d|^2), the more the
//! further apart the layers are. What is left of r are colors that no error of alpha makes from the two
//! layers, such as a texture of the subject's own. u is 0 at an alpha of 1: there, the pixel is the subject.

use std::ops::Range;

use super::level::{CHANNELS, Given, Layers, Plane};

/// The weight of a neighbour whose alpha is the same. The gradient of alpha is added to it.
const FLAT: f32 = 1e-4;
/// How much a neighbour counts for a layer that it does not show at all; 1 is how much if it shows no other.
const UNSEEN: f32 = 0.05;
/// How much the neighbours count against the picture, for each unit of their weights.
const SMOOTHNESS: f32 = 0.2;
/// How uncertain alpha is at 0, against noise of the colors. It falls to nothing at 1.
const UNCERTAINTY: f32 = 10.0;

/// The steps of relaxation, and the memory for them.
#[derive(Debug, Default)]
pub(super) struct Relaxation {
    /// What depends on alpha only, for one row after the other of the cells that are solved.
    weights: Weights,
    /// The means of the neighbours, for one row.
    foreground: [Vec<f32>; CHANNELS],
    background: [Vec<f32>; CHANNELS],
    /// What is put down to alpha, for one row.
    by_alpha: Vec<f32>,
}

#[derive(Debug, Default)]
struct Weights {
    /// The weights of the neighbours to the left, to the right, above and below, and what makes their sum 1.
    foreground: [Vec<f32>; 4],
    of_foreground: Vec<f32>,
    background: [Vec<f32>; 4],
    of_background: Vec<f32>,
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
        for row in self.foreground.iter_mut().chain(&mut self.background).chain([&mut self.by_alpha]) {
            row.resize(row.len().max(most), 0.0);
        }
        self.weights.make_room(spans.iter().map(ExactSizeIterator::len).sum());
        let rows = || spans.iter().enumerate().filter(|(_, span)| !span.is_empty());
        let mut at = 0;
        for (y, span) in rows() {
            self.weights.fill(given, y, span.clone(), at..at + span.len());
            at += span.len();
        }
        for _ in 0..steps {
            for first in 0..2 {
                let mut at = 0;
                for (y, span) in rows() {
                    if y % 2 == first {
                        self.solve(given, layers, y, span.clone(), at);
                    }
                    at += span.len();
                }
            }
        }
    }

    /// The colors of one row, whose weights begin at `at`.
    fn solve(&mut self, given: &Given, layers: &mut Layers, y: usize, span: Range<usize>, at: usize) {
        let width = span.len();
        let rows = [y.saturating_sub(1), y, (y + 1).min(given.height - 1)];
        let Weights { foreground, of_foreground, background, of_background, inverse, trace } = &self.weights;
        let part = at..at + width;
        for channel in 0..CHANNELS {
            let weights = foreground.each_ref().map(|row| &row[part.clone()]);
            let into = &mut self.foreground[channel][..width];
            average(into, &layers.foreground[channel], rows, span.start, weights, &of_foreground[part.clone()]);
            let weights = background.each_ref().map(|row| &row[part.clone()]);
            let into = &mut self.background[channel][..width];
            average(into, &layers.background[channel], rows, span.start, weights, &of_background[part.clone()]);
        }
        let alpha = &given.alpha.inner(y)[span.clone()];
        let color = given.color.each_ref().map(|plane| &plane.inner(y)[span.clone()]);
        let near = [&self.foreground, &self.background].map(|near| near.each_ref().map(|row| &row[..width]));
        blame_alpha(&mut self.by_alpha[..width], alpha, &trace[part.clone()], color, near);
        for channel in 0..CHANNELS {
            let cells = Cells {
                alpha,
                color: color[channel],
                foreground: near[0][channel],
                background: near[1][channel],
                by_alpha: &self.by_alpha[..width],
                inverse: inverse.each_ref().map(|row| &row[part.clone()]),
            };
            let foreground = &mut layers.foreground[channel].inner_mut(y)[span.clone()];
            let background = &mut layers.background[channel].inner_mut(y)[span.clone()];
            match &given.within {
                Some(within) => {
                    let covariance = &within.covariance[channel].inner(y)[span.clone()];
                    update_cells(foreground, background, &cells, &within.variance.inner(y)[span.clone()], covariance);
                }
                None => update_pixels(foreground, background, &cells),
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
        for row in rows.chain([&mut self.of_foreground, &mut self.of_background, &mut self.trace]) {
            row.resize(row.len().max(cells), 0.0);
        }
    }

    /// Fills in those of a row.
    fn fill(&mut self, given: &Given, y: usize, span: Range<usize>, cells: Range<usize>) {
        let width = span.len();
        let row = &given.alpha.row(y)[span.start..];
        let (left, here, right) = (&row[..width], &row[1..][..width], &row[2..][..width]);
        let above = &given.alpha.inner(y.saturating_sub(1))[span.clone()];
        let below = &given.alpha.inner((y + 1).min(given.height - 1))[span.clone()];
        let around = [left, right, above, below];
        for (n, other) in around.into_iter().enumerate() {
            neighbour(&mut self.foreground[n][cells.clone()], &mut self.background[n][cells.clone()], here, other);
        }
        let of = |rows: &[Vec<f32>; 4], into: &mut [f32]| shares(into, rows.each_ref().map(|row| &row[cells.clone()]));
        of(&self.foreground, &mut self.of_foreground[cells.clone()]);
        of(&self.background, &mut self.of_background[cells.clone()]);
        let [ff, fb, bb] = self.inverse.each_mut().map(|row| &mut row[cells.clone()]);
        let trace = &mut self.trace[cells.clone()];
        match &given.within {
            Some(within) => matrices(ff, fb, bb, trace, here, around, |x| within.variance.inner(y)[span.clone()][x]),
            None => matrices(ff, fb, bb, trace, here, around, |_| 0.0),
        }
    }
}

// The loops over the cells of a row. Each is a function of its own, since a compiler knows only of a function's arguments
// that they do not overlap, and so only then works on several cells at once.

/// The weights of one of the neighbours.
#[inline(never)]
fn neighbour(foreground: &mut [f32], background: &mut [f32], here: &[f32], other: &[f32]) {
    let width = foreground.len();
    let (background, here, other) = (&mut background[..width], &here[..width], &other[..width]);
    for x in 0..width {
        let weight = FLAT + (here[x] - other[x]).abs();
        foreground[x] = weight * (UNSEEN + other[x]);
        background[x] = weight * (UNSEEN + 1.0 - other[x]);
    }
}

/// What makes the sum of the weights 1.
#[inline(never)]
fn shares(into: &mut [f32], weights: [&[f32]; 4]) {
    let width = into.len();
    let [w0, w1, w2, w3] = weights.map(|row| &row[..width]);
    for x in 0..width {
        into[x] = 1.0 / ((w0[x] + w1[x]) + (w2[x] + w3[x]));
    }
}

/// The inverse matrices of the cells, and their traces.
#[inline(always)]
fn matrices(
    ff: &mut [f32],
    fb: &mut [f32],
    bb: &mut [f32],
    trace: &mut [f32],
    here: &[f32],
    around: [&[f32]; 4],
    variance: impl Fn(usize) -> f32,
) {
    let width = ff.len();
    let (fb, bb, trace, here) = (&mut fb[..width], &mut bb[..width], &mut trace[..width], &here[..width]);
    let around = around.map(|row| &row[..width]);
    for x in 0..width {
        let (alpha, beta, variance) = (here[x], 1.0 - here[x], variance(x));
        let [a, b, c, d] = around.map(|row| FLAT + (alpha - row[x]).abs());
        let smooth = SMOOTHNESS * ((a + b) + (c + d));
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

/// How much of what the neighbours leave unexplained is put down to alpha, in shares of the difference of the layers.
#[inline(never)]
fn blame_alpha(
    into: &mut [f32],
    alpha: &[f32],
    trace: &[f32],
    color: [&[f32]; CHANNELS],
    [foreground, background]: [[&[f32]; CHANNELS]; 2],
) {
    let width = into.len();
    let (alpha, trace) = (&alpha[..width], &trace[..width]);
    let [color, foreground, background] = [color, foreground, background].map(|rows| rows.map(|row| &row[..width]));
    for x in 0..width {
        let (alpha, beta) = (alpha[x], 1.0 - alpha[x]);
        let (mut along, mut square) = (0.0, 0.0);
        for channel in 0..CHANNELS {
            let (f, b) = (foreground[channel][x], background[channel][x]);
            let (apart, rest) = (f - b, color[channel][x] - alpha * f - beta * b);
            along += apart * rest;
            square += apart * apart;
        }
        let uncertain = UNCERTAINTY * beta;
        into[x] = uncertain * along / (trace[x] + uncertain * square);
    }
}

/// What the cells of a row are solved from, in one channel.
struct Cells<'a> {
    alpha: &'a [f32],
    color: &'a [f32],
    /// The means of the neighbours.
    foreground: &'a [f32],
    background: &'a [f32],
    by_alpha: &'a [f32],
    inverse: [&'a [f32]; 3],
}

#[inline(never)]
fn update_pixels(foreground: &mut [f32], background: &mut [f32], cells: &Cells<'_>) {
    update(foreground, background, cells, |_, _| 0.0);
}

#[inline(never)]
fn update_cells(
    foreground: &mut [f32],
    background: &mut [f32],
    cells: &Cells<'_>,
    variance: &[f32],
    covariance: &[f32],
) {
    let width = foreground.len();
    let (variance, covariance) = (&variance[..width], &covariance[..width]);
    update(foreground, background, cells, |x, apart| covariance[x] - variance[x] * apart);
}

#[inline(always)]
fn update(foreground: &mut [f32], background: &mut [f32], cells: &Cells<'_>, edge: impl Fn(usize, f32) -> f32) {
    let width = foreground.len();
    let background = &mut background[..width];
    let (alpha, color, by_alpha) = (&cells.alpha[..width], &cells.color[..width], &cells.by_alpha[..width]);
    let (near_f, near_b) = (&cells.foreground[..width], &cells.background[..width]);
    let [ff, fb, bb] = cells.inverse.map(|row| &row[..width]);
    for x in 0..width {
        let (alpha, beta) = (alpha[x], 1.0 - alpha[x]);
        let (f, b) = (near_f[x], near_b[x]);
        let apart = f - b;
        let rest = color[x] - alpha * f - beta * b - by_alpha[x] * apart;
        let edge = edge(x, apart);
        let (of_f, of_b) = (alpha * rest + edge, beta * rest - edge);
        foreground[x] = (f + ff[x] * of_f + fb[x] * of_b).clamp(0.0, 1.0);
        background[x] = (b + fb[x] * of_f + bb[x] * of_b).clamp(0.0, 1.0);
    }
}

/// The weighted means of the four neighbours of the cells from `start` on in the middle one of three rows.
#[inline(never)]
fn average(
    into: &mut [f32],
    plane: &Plane,
    [up, y, down]: [usize; 3],
    start: usize,
    weights: [&[f32]; 4],
    shares: &[f32],
) {
    let width = into.len();
    let row = &plane.row(y)[start..];
    let (left, right) = (&row[..width], &row[2..][..width]);
    let (above, below) = (&plane.inner(up)[start..][..width], &plane.inner(down)[start..][..width]);
    let ([w0, w1, w2, w3], shares) = (weights.map(|row| &row[..width]), &shares[..width]);
    for x in 0..width {
        into[x] = ((w0[x] * left[x] + w1[x] * right[x]) + (w2[x] * above[x] + w3[x] * below[x])) * shares[x];
    }
}
