//! Alpha as a linear function of color, fitted around every pixel of a reduced picture.

use super::box_mean::box_mean;
use super::ramp::ramp;

/// The reach of the window to each side, as a share of the longer side. Going from 0.02 to 0.06 improved mattes of soft
/// edges and did not harm hard ones.
const REACH: f32 = 0.04;
/// The variance of noise, for channels from 0 to 1. Colors that differ by less carry no information.
const NOISE: f32 = 1e-4;
/// The weight of a pixel that the network is entirely unsure of, relative to 1 for a pixel that it is certain of.
const MIN_WEIGHT: f32 = 0.001;
/// Trust in a fit rises from 0 to 1 between these values of R².
const TRUSTED_R2: (f32, f32) = (0.70, 0.95);
/// Alpha between these values is part of an outline, where the photograph decides.
const PARTIAL: (f32, f32) = (0.02, 0.98);
/// Trust in a fit falls to 0 between these confidences of the network: 0 for an alpha of one half, 1 for 0 or 255.
const CONFIDENT: (f32, f32) = (0.85, 1.0);

/// A linear model of alpha for each pixel of a reduced picture.
pub(super) struct LocalLinearModel {
    width: usize,
    pixels: Vec<LinearModel>,
}

/// Alpha as a linear function of red, green and blue, all from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LinearModel {
    slope: [f32; 3],
    offset: f32,
    /// From 0 (the network's alpha stays) to 1 (the model's alpha replaces it).
    trust: f32,
}

impl LinearModel {
    /// The alpha of a pixel with this color, where the network's answer is `alpha`. A color alone does not overrule a
    /// confident network: a highlight on the rim of a plate is not a hole.
    pub(super) fn apply(&self, color: [u8; 3], alpha: u8) -> u8 {
        let [red, green, blue] = color.map(|value| f32::from(value) * (1.0 / 255.0));
        let fitted = self.slope[0] * red + self.slope[1] * green + self.slope[2] * blue + self.offset;
        let alpha = f32::from(alpha);
        let confidence = (alpha * (2.0 / 255.0) - 1.0).abs();
        let trust = self.trust * (1.0 - ramp(confidence, CONFIDENT));
        (alpha + trust * (fitted.clamp(0.0, 1.0) * 255.0 - alpha) + 0.5) as u8
    }
}

/// Weighted means over the windows around every pixel.
struct WindowMeans<'a> {
    weights: &'a [f32],
    /// The mean of the weights themselves.
    totals: Vec<f32>,
    width: usize,
    radius: usize,
}

impl<'a> WindowMeans<'a> {
    fn new(weights: &'a [f32], width: usize, radius: usize) -> Self {
        Self { weights, totals: box_mean(weights, width, radius), width, radius }
    }

    fn of(&self, value: impl Fn(usize) -> f32) -> Vec<f32> {
        let products: Vec<f32> = self.weights.iter().enumerate().map(|(at, weight)| weight * value(at)).collect();
        let mut means = box_mean(&products, self.width, self.radius);
        means.iter_mut().zip(&self.totals).for_each(|(mean, total)| *mean /= total);
        means
    }
}

/// The moments of alpha and color in the window around every pixel.
struct Moments {
    alpha: Vec<f32>,
    alpha_squared: Vec<f32>,
    color: [Vec<f32>; 3],
    color_times_alpha: [Vec<f32>; 3],
    /// Products of two channels, as in [`PAIRS`].
    color_products: [Vec<f32>; 6],
}

impl Moments {
    fn new(picture: &[u8], matte: &[f32], means: &WindowMeans<'_>) -> Self {
        let channel = |at: usize| -> Vec<f32> {
            picture.iter().skip(at).step_by(3).map(|value| f32::from(*value) * (1.0 / 255.0)).collect()
        };
        let color = [channel(0), channel(1), channel(2)];
        Self {
            alpha: means.of(|at| matte[at]),
            alpha_squared: means.of(|at| matte[at] * matte[at]),
            color: [0, 1, 2].map(|c| means.of(|at| color[c][at])),
            color_times_alpha: [0, 1, 2].map(|c| means.of(|at| color[c][at] * matte[at])),
            color_products: PAIRS.map(|(a, b)| means.of(|at| color[a][at] * color[b][at])),
        }
    }

    /// The least-squares model of the window around a pixel, and its R² as trust.
    fn model(&self, at: usize) -> LinearModel {
        let means = [0, 1, 2].map(|c| f64::from(self.color[c][at]));
        let alpha = f64::from(self.alpha[at]);
        let covariance = [0, 1, 2].map(|c| f64::from(self.color_times_alpha[c][at]) - means[c] * alpha);
        let mut matrix = [0.0; 6];
        for (entry, ((a, b), products)) in matrix.iter_mut().zip(PAIRS.iter().zip(&self.color_products)) {
            let noise = if a == b { f64::from(NOISE) } else { 0.0 };
            *entry = f64::from(products[at]) - means[*a] * means[*b] + noise;
        }
        let slope = solve(matrix, covariance);
        let explained: f64 = slope.iter().zip(covariance).map(|(slope, with)| slope * with).sum();
        let variance = (f64::from(self.alpha_squared[at]) - alpha * alpha).max(0.0);
        let offset = (alpha - slope.iter().zip(means).map(|(slope, mean)| slope * mean).sum::<f64>()) as f32;
        let trust = ramp((explained.max(0.0) / (variance + 1e-4)) as f32, TRUSTED_R2);
        LinearModel { slope: slope.map(|slope| slope as f32), offset, trust }
    }
}

impl LocalLinearModel {
    /// Fits `matte` to the colors of `picture`, which is interleaved RGB; both are `width` x `height`.
    pub(super) fn fit(picture: &[u8], matte: &[f32], width: usize, height: usize) -> Self {
        let longer = width.max(height) as f32;
        let radius = ((REACH * longer).round() as usize).max(1);
        let weights: Vec<f32> = matte
            .iter()
            .map(|alpha| {
                let confidence = 2.0 * alpha - 1.0;
                confidence.powi(4) + MIN_WEIGHT
            })
            .collect();
        let moments = Moments::new(picture, matte, &WindowMeans::new(&weights, width, radius));
        let models: Vec<LinearModel> = (0..matte.len()).map(|at| moments.model(at)).collect();

        // A pixel is in many windows. It gets the mean of all their models, weighted by trust.
        let weights: Vec<f32> = models.iter().map(|model| model.trust + 1e-3).collect();
        let means = WindowMeans::new(&weights, width, radius);
        let slopes = [0, 1, 2].map(|c| means.of(|at| models[at].slope[c]));
        let offsets = means.of(|at| models[at].offset);
        let trust: Vec<f32> = models.iter().map(|model| model.trust).collect();
        let trust = box_mean(&trust, width, radius);
        let outline = outline(matte, width);
        let pixels = (0..matte.len()).map(|at| LinearModel {
            slope: [0, 1, 2].map(|c| slopes[c][at]),
            offset: offsets[at],
            trust: outline[at] * trust[at],
        });
        Self { width, pixels: pixels.collect() }
    }

    /// How far the model of a pixel is trusted, 0 to 1.
    pub(super) fn trust(&self, x: usize, y: usize) -> f32 {
        self.pixels[y * self.width + x].trust
    }

    /// The weighted mean of the models of four pixels.
    pub(super) fn interpolate(&self, pixels: [(usize, usize); 4], weights: [f32; 4]) -> LinearModel {
        let mut mean = LinearModel::default();
        for ((x, y), weight) in pixels.into_iter().zip(weights) {
            let model = &self.pixels[y * self.width + x];
            for (sum, slope) in mean.slope.iter_mut().zip(model.slope) {
                *sum += weight * slope;
            }
            mean.offset += weight * model.offset;
            mean.trust += weight * model.trust;
        }
        mean
    }
}

/// The channels of the six entries of a symmetric 3 x 3 matrix.
const PAIRS: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];

/// Solves `matrix * x = right` for a symmetric, positive definite matrix, by its adjugate.
fn solve([a, b, c, d, e, f]: [f64; 6], right: [f64; 3]) -> [f64; 3] {
    let adjugate = [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b];
    // Rounding can bring the determinant of a plain window to 0 or below.
    let determinant = (a * adjugate[0] + b * adjugate[1] + c * adjugate[2]).max(1e-13);
    let [p, q, r, s, t, u] = adjugate.map(|entry| entry / determinant);
    let [x, y, z] = right;
    [p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z]
}

/// 1 on the outline, 0 away from it, with a soft edge of a pixel and a half.
fn outline(matte: &[f32], width: usize) -> Vec<f32> {
    let partial: Vec<f32> =
        matte.iter().map(|alpha| if (PARTIAL.0..PARTIAL.1).contains(alpha) { 1.0 } else { 0.0 }).collect();
    let near: Vec<f32> =
        box_mean(&partial, width, 1).into_iter().map(|share| if share > 0.0 { 1.0 } else { 0.0 }).collect();
    box_mean(&near, width, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_linear_system() {
        let [x, y, z] = solve([4.0, 1.0, 0.5, 3.0, -1.0, 2.0], [7.5, 4.0, 4.5]);
        let right = [4.0 * x + y + 0.5 * z, x + 3.0 * y - z, 0.5 * x - y + 2.0 * z];
        for (actual, expected) in right.into_iter().zip([7.5, 4.0, 4.5]) {
            assert!((actual - expected).abs() < 1e-12, "{actual}, not {expected}");
        }
    }

    #[test]
    fn recovers_and_trusts_alpha_that_is_linear_in_color() {
        // Alpha rises to the right, and the color with it.
        let (width, height) = (60, 40);
        let matte: Vec<f32> =
            (0..width * height).map(|at| ((at % width) as f32 / 59.0 * 3.0 - 1.0).clamp(0.0, 1.0)).collect();
        let picture: Vec<u8> = matte
            .iter()
            .flat_map(|alpha| [40.0 + 160.0 * alpha, 90.0, 200.0 - 120.0 * alpha].map(|value| value.round() as u8))
            .collect();
        let model = LocalLinearModel::fit(&picture, &matte, width, height);
        let at = |x: usize| model.interpolate([(x, 20); 4], [0.25; 4]);
        let half = at(30);
        assert!(half.trust > 0.8, "{half:?}");
        let alpha = half.apply([120, 90, 140], 30);
        assert!(alpha.abs_diff(115) < 12, "{alpha}");
        // Confident answers stay.
        assert_eq!((half.apply([120, 90, 140], 0), half.apply([120, 90, 140], 255)), (0, 255));
        assert_eq!(at(2).trust, 0.0);
    }
}
