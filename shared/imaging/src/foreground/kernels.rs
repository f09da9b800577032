//! The loops over the cells of a row.
//!
//! Each loop is a function of its own: the compiler knows that a function's slices do not overlap, and only then emits
//! vector instructions.

use super::level::CHANNELS;
use super::plane::PaddedPlane;

/// The weight of a neighbor with the same alpha. The difference of alpha is added to it.
const FLAT: f32 = 1e-4;
/// The weight of a neighbor that does not show a layer, relative to 1 for a neighbor that shows only that layer.
const UNSEEN: f32 = 0.05;
/// The weight of the neighbors against the picture, for each unit of their weights.
const SMOOTHNESS: f32 = 0.2;
/// The uncertainty of alpha at 0, relative to the noise of colors. It decreases to 0 at an alpha of 1.
const UNCERTAINTY: f32 = 10.0;

/// The weights of one of the neighbors.
#[inline(never)]
pub(super) fn neighbor_weights(foreground: &mut [f32], background: &mut [f32], here: &[f32], other: &[f32]) {
    let width = foreground.len();
    let (background, here, other) = (&mut background[..width], &here[..width], &other[..width]);
    for x in 0..width {
        let weight = FLAT + (here[x] - other[x]).abs();
        foreground[x] = weight * (UNSEEN + other[x]);
        background[x] = weight * (UNSEEN + 1.0 - other[x]);
    }
}

/// The factors that make the sums of the weights 1.
#[inline(never)]
pub(super) fn weight_scales(into: &mut [f32], weights: [&[f32]; 4]) {
    let width = into.len();
    let [w0, w1, w2, w3] = weights.map(|row| &row[..width]);
    for x in 0..width {
        into[x] = 1.0 / ((w0[x] + w1[x]) + (w2[x] + w3[x]));
    }
}

/// The inverse matrices of the cells, and their traces. See [`NeighborWeights`](super::solve).
#[inline(always)]
pub(super) fn inverse_matrices(
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
        // The product of the diagonal minus the square of the off-diagonal value, in a form without cancellation where alpha
        // is constant within the cell.
        let determinant = 1.0 / (variance + smooth * (aa + bb_) + smooth * smooth);
        ff[x] = (bb_ + smooth) * determinant;
        fb[x] = -ab * determinant;
        bb[x] = (aa + smooth) * determinant;
        trace[x] = alpha * alpha + beta * beta + smooth;
    }
}

/// The part of the residuals that is attributed to an error of alpha, as a multiple of the difference of the layers.
#[inline(never)]
pub(super) fn attribute_to_alpha(
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

/// The inputs of a row's cells, in one channel.
pub(super) struct RowCells<'a> {
    pub(super) alpha: &'a [f32],
    pub(super) color: &'a [f32],
    /// The means of the neighbors.
    pub(super) foreground: &'a [f32],
    pub(super) background: &'a [f32],
    /// The part of the residuals that is attributed to alpha.
    pub(super) by_alpha: &'a [f32],
    pub(super) inverse: [&'a [f32]; 3],
}

/// Solves cells of a single pixel each.
#[inline(never)]
pub(super) fn update_pixels(foreground: &mut [f32], background: &mut [f32], cells: &RowCells<'_>) {
    update(foreground, background, cells, |_, _| 0.0);
}

/// Solves cells of several pixels each.
#[inline(never)]
pub(super) fn update_cells(
    foreground: &mut [f32],
    background: &mut [f32],
    cells: &RowCells<'_>,
    variance: &[f32],
    covariance: &[f32],
) {
    let width = foreground.len();
    let (variance, covariance) = (&variance[..width], &covariance[..width]);
    update(foreground, background, cells, |x, apart| covariance[x] - variance[x] * apart);
}

#[inline(always)]
fn update(foreground: &mut [f32], background: &mut [f32], cells: &RowCells<'_>, edge: impl Fn(usize, f32) -> f32) {
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

/// The weighted means of the four neighbors of the cells from `start` on, in the middle of three rows.
#[inline(never)]
pub(super) fn average(
    into: &mut [f32],
    plane: &PaddedPlane,
    [up, y, down]: [usize; 3],
    start: usize,
    weights: [&[f32]; 4],
    scales: &[f32],
) {
    let width = into.len();
    let row = &plane.row(y)[start..];
    let (left, right) = (&row[..width], &row[2..][..width]);
    let (above, below) = (&plane.inner(up)[start..][..width], &plane.inner(down)[start..][..width]);
    let ([w0, w1, w2, w3], scales) = (weights.map(|row| &row[..width]), &scales[..width]);
    for x in 0..width {
        into[x] = ((w0[x] * left[x] + w1[x] * right[x]) + (w2[x] * above[x] + w3[x] * below[x])) * scales[x];
    }
}
