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

use super::level::{CHANNELS, Given, Layers, Plane};

/// The weight of a neighbour whose alpha is the same. The gradient of alpha is added to it.
const FLAT: f32 = 1e-4;
/// How much a neighbour counts for a layer that it does not show at all; 1 is how much if it shows no other.
const UNSEEN: f32 = 0.05;
/// How much the neighbours count against the picture, for each unit of their weights.
const SMOOTHNESS: f32 = 0.2;
/// How uncertain alpha is at 0, against noise of the colours. It falls to nothing at 1.
const UNCERTAINTY: f32 = 10.0;

/// The steps of relaxation, and the memory for one row.
#[derive(Debug)]
pub(super) struct Relaxation {
    /// The weights of the neighbours to the left, to the right, above and below; their sum is 1.
    for_foreground: [Vec<f32>; 4],
    for_background: [Vec<f32>; 4],
    /// The inverse of the cell's matrix: its two diagonal values and the one beside them.
    inverse: [Vec<f32>; 3],
    /// What the uncertainty of alpha is compared with: the trace of the matrix as if alpha were the same
    /// throughout the cell, and the neighbours' weight.
    trace: Vec<f32>,
    /// The means of the neighbours.
    foreground: [Vec<f32>; CHANNELS],
    background: [Vec<f32>; CHANNELS],
}

impl Relaxation {
    /// For levels of at most this width.
    pub(super) fn new(width: usize) -> Self {
        fn rows<const N: usize>(width: usize) -> [Vec<f32>; N] {
            std::array::from_fn(|_| vec![0.0; width])
        }
        Self {
            for_foreground: rows(width),
            for_background: rows(width),
            inverse: rows(width),
            trace: vec![0.0; width],
            foreground: rows(width),
            background: rows(width),
        }
    }

    /// So many steps on one level. A step takes every other row and then the rows between, so that a
    /// change goes two rows far, and the rows of either half could be taken in any order.
    pub(super) fn run(&mut self, given: &Given, layers: &mut Layers, steps: usize) {
        for _ in 0..steps {
            for first in 0..2 {
                for y in (first..given.height).step_by(2) {
                    self.weigh(given, y);
                    self.solve(given, layers, y);
                }
            }
        }
    }

    /// What depends on alpha only.
    fn weigh(&mut self, given: &Given, y: usize) {
        let width = given.width;
        let row = given.alpha.row(y);
        let (left, here, right) = (&row[..width], &row[1..][..width], &row[2..][..width]);
        let above = &given.alpha.inner(y.saturating_sub(1))[..width];
        let below = &given.alpha.inner((y + 1).min(given.height - 1))[..width];
        let variance = &given.variance.inner(y)[..width];
        let [f0, f1, f2, f3] = self.for_foreground.each_mut().map(|row| &mut row[..width]);
        let [b0, b1, b2, b3] = self.for_background.each_mut().map(|row| &mut row[..width]);
        let [ff, fb, bb] = self.inverse.each_mut().map(|row| &mut row[..width]);
        let trace = &mut self.trace[..width];
        for x in 0..width {
            let (alpha, beta, variance) = (here[x], 1.0 - here[x], variance[x]);
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

    /// The colours of one row.
    fn solve(&mut self, given: &Given, layers: &mut Layers, y: usize) {
        let width = given.width;
        let rows = [y.saturating_sub(1), y, (y + 1).min(given.height - 1)];
        for channel in 0..CHANNELS {
            let (foreground, background) =
                (&mut self.foreground[channel][..width], &mut self.background[channel][..width]);
            average(&layers.foreground[channel], rows, &self.for_foreground, foreground);
            average(&layers.background[channel], rows, &self.for_background, background);
        }
        let alpha = &given.alpha.inner(y)[..width];
        let variance = &given.variance.inner(y)[..width];
        let colour = given.colour.each_ref().map(|plane| &plane.inner(y)[..width]);
        let covariance = given.covariance.each_ref().map(|plane| &plane.inner(y)[..width]);
        let [ff, fb, bb] = self.inverse.each_ref().map(|row| &row[..width]);
        let trace = &self.trace[..width];
        let foreground = self.foreground.each_ref().map(|row| &row[..width]);
        let background = self.background.each_ref().map(|row| &row[..width]);
        let new_foreground = layers.foreground.each_mut().map(|plane| &mut plane.inner_mut(y)[..width]);
        let new_background = layers.background.each_mut().map(|plane| &mut plane.inner_mut(y)[..width]);
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
                let edge = covariance[channel][x] - variance[x] * apart[channel];
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

/// The weighted means of the four neighbours of every cell in the middle one of three rows.
fn average(plane: &Plane, [up, y, down]: [usize; 3], weights: &[Vec<f32>; 4], into: &mut [f32]) {
    let width = into.len();
    let row = plane.row(y);
    let (left, right) = (&row[..width], &row[2..][..width]);
    let (above, below) = (&plane.inner(up)[..width], &plane.inner(down)[..width]);
    let [w0, w1, w2, w3] = weights.each_ref().map(|row| &row[..width]);
    for x in 0..width {
        into[x] = (w0[x] * left[x] + w1[x] * right[x]) + (w2[x] * above[x] + w3[x] * below[x]);
    }
}
