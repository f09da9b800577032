//! Alpha as a linear function of color, fitted around every pixel of a small picture.

use super::boxes::mean;
use super::ramp;

/// The window reaches so far to each side, in shares of the longer side. From 0.02 to 0.06 mattes of soft
/// edges became better and hard ones no worse.
const REACH: f32 = 0.04;
/// What is added to the variance of each channel (of 0 to 1): colors that differ by less say nothing.
const NOISE: f32 = 1e-4;
/// What a pixel counts of which the network knows nothing, where one that it is sure of counts 1.
const LEAST_WEIGHT: f32 = 0.001;
/// From this R² on a fit is believed a little, and from that one wholly.
const BELIEVED: (f32, f32) = (0.70, 0.95);
/// A matte between these is an outline that the photograph is asked about.
const PARTIAL: (f32, f32) = (0.02, 0.98);

/// From this sureness of the network on its alpha is kept a little, and from that one wholly; 0 is an alpha of
/// one half, and 1 is 0 or 255.
const SURE: (f32, f32) = (0.85, 1.0);

/// The fits of a small picture.
pub(super) struct Fit {
    width: usize,
    /// Of each pixel: what red, green and blue (0 to 1) count, what is added, and the trust in it.
    pixels: Vec<Local>,
}

/// The fit at one place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Local {
    slope: [f32; 3],
    offset: f32,
    /// 0: the network's alpha stays. 1: the fit's alpha takes its place.
    trust: f32,
}

impl Local {
    /// The alpha of a pixel of that color, of which the network says `alpha`. Of what the network is sure of,
    /// a color alone is no reason to think otherwise: a highlight on the rim of a plate is no hole.
    pub(super) fn apply(&self, color: [u8; 3], alpha: u8) -> u8 {
        let [red, green, blue] = color.map(|value| f32::from(value) * (1.0 / 255.0));
        let fitted = self.slope[0] * red + self.slope[1] * green + self.slope[2] * blue + self.offset;
        let alpha = f32::from(alpha);
        let sureness = (alpha * (2.0 / 255.0) - 1.0).abs();
        let trust = self.trust * (1.0 - ramp(sureness, SURE));
        (alpha + trust * (fitted.clamp(0.0, 1.0) * 255.0 - alpha) + 0.5) as u8
    }
}

impl Fit {
    /// Fits `matte` by the colors of `picture`, interleaved RGB; both are `width` x `height`.
    pub(super) fn new(picture: &[u8], matte: &[f32], width: usize, height: usize) -> Self {
        let longer = width.max(height) as f32;
        let radius = ((REACH * longer).round() as usize).max(1);
        let average = |values: &[f32]| mean(values, width, radius);
        let channel = |at: usize| -> Vec<f32> {
            picture.iter().skip(at).step_by(3).map(|value| f32::from(*value) * (1.0 / 255.0)).collect()
        };
        let color = [channel(0), channel(1), channel(2)];

        let weight: Vec<f32> = matte
            .iter()
            .map(|alpha| {
                let sureness = 2.0 * alpha - 1.0;
                sureness.powi(4) + LEAST_WEIGHT
            })
            .collect();
        let sums = average(&weight);
        // Means under the weights.
        let weighted = |values: &dyn Fn(usize) -> f32| -> Vec<f32> {
            let products: Vec<f32> = weight.iter().enumerate().map(|(at, weight)| weight * values(at)).collect();
            let mut means = average(&products);
            means.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean /= sum);
            means
        };
        let mean_alpha = weighted(&|at| matte[at]);
        let mean_square = weighted(&|at| matte[at] * matte[at]);
        let mean_color = [0, 1, 2].map(|c| weighted(&|at| color[c][at]));
        let with_alpha = [0, 1, 2].map(|c| weighted(&|at| color[c][at] * matte[at]));
        let products = PAIRS.map(|(a, b)| weighted(&|at| color[a][at] * color[b][at]));

        let mut slopes = [vec![0.0; matte.len()], vec![0.0; matte.len()], vec![0.0; matte.len()]];
        let mut offsets = vec![0.0; matte.len()];
        let mut belief = vec![0.0; matte.len()];
        for at in 0..matte.len() {
            let means = [0, 1, 2].map(|c| f64::from(mean_color[c][at]));
            let alpha = f64::from(mean_alpha[at]);
            let covariance = [0, 1, 2].map(|c| f64::from(with_alpha[c][at]) - means[c] * alpha);
            let mut matrix = [0.0; 6];
            for (entry, ((a, b), products)) in matrix.iter_mut().zip(PAIRS.iter().zip(&products)) {
                *entry = f64::from(products[at]) - means[*a] * means[*b] + if a == b { f64::from(NOISE) } else { 0.0 };
            }
            let slope = solve(matrix, covariance);
            let explained: f64 = slope.iter().zip(covariance).map(|(slope, with)| slope * with).sum();
            let variance = (f64::from(mean_square[at]) - alpha * alpha).max(0.0);
            offsets[at] = (alpha - slope.iter().zip(means).map(|(slope, mean)| slope * mean).sum::<f64>()) as f32;
            for (slopes, slope) in slopes.iter_mut().zip(slope) {
                slopes[at] = slope as f32;
            }
            belief[at] = ramp((explained.max(0.0) / (variance + 1e-4)) as f32, BELIEVED);
        }

        // Every pixel lies in many windows: the fits of all of them, by how far each is believed.
        let counts: Vec<f32> = belief.iter().map(|belief| belief + 1e-3).collect();
        let total = average(&counts);
        let joined = |values: &[f32]| -> Vec<f32> {
            let products: Vec<f32> = values.iter().zip(&counts).map(|(value, count)| value * count).collect();
            let mut means = average(&products);
            means.iter_mut().zip(&total).for_each(|(mean, total)| *mean /= total);
            means
        };
        let slopes = slopes.map(|slopes| joined(&slopes));
        let offsets = joined(&offsets);
        let belief = average(&belief);
        let outline = outline(matte, width);
        let pixels = (0..matte.len()).map(|at| Local {
            slope: [0, 1, 2].map(|c| slopes[c][at]),
            offset: offsets[at],
            trust: outline[at] * belief[at],
        });
        Self { width, pixels: pixels.collect() }
    }

    /// How far the fit is believed there, 0 to 1.
    pub(super) fn trust(&self, x: usize, y: usize) -> f32 {
        self.pixels[y * self.width + x].trust
    }

    /// The fit between four places, by these shares.
    pub(super) fn between(&self, places: [(usize, usize); 4], shares: [f32; 4]) -> Local {
        let mut local = Local::default();
        for ((x, y), share) in places.into_iter().zip(shares) {
            let one = &self.pixels[y * self.width + x];
            for (sum, slope) in local.slope.iter_mut().zip(one.slope) {
                *sum += share * slope;
            }
            local.offset += share * one.offset;
            local.trust += share * one.trust;
        }
        local
    }
}

/// The entries of a symmetric matrix, by channel.
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
        mean(&partial, width, 1).into_iter().map(|share| if share > 0.0 { 1.0 } else { 0.0 }).collect();
    mean(&near, width, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_system_is_solved() {
        let [x, y, z] = solve([4.0, 1.0, 0.5, 3.0, -1.0, 2.0], [7.5, 4.0, 4.5]);
        let right = [4.0 * x + y + 0.5 * z, x + 3.0 * y - z, 0.5 * x - y + 2.0 * z];
        for (made, wanted) in right.into_iter().zip([7.5, 4.0, 4.5]) {
            assert!((made - wanted).abs() < 1e-12, "{made} where {wanted} was wanted");
        }
    }

    #[test]
    fn alpha_that_is_linear_in_color_is_found_and_believed() {
        // Alpha rises to the right, and the color with it.
        let (width, height) = (60, 40);
        let matte: Vec<f32> =
            (0..width * height).map(|at| ((at % width) as f32 / 59.0 * 3.0 - 1.0).clamp(0.0, 1.0)).collect();
        let picture: Vec<u8> = matte
            .iter()
            .flat_map(|alpha| [40.0 + 160.0 * alpha, 90.0, 200.0 - 120.0 * alpha].map(|value| value.round() as u8))
            .collect();
        let fit = Fit::new(&picture, &matte, width, height);
        let at = |x: usize| fit.between([(x, 20); 4], [0.25; 4]);
        let half = at(30);
        assert!(half.trust > 0.8, "{half:?}");
        let alpha = half.apply([120, 90, 140], 30);
        assert!(alpha.abs_diff(115) < 12, "{alpha}");
        // What the network is sure of stays.
        assert_eq!((half.apply([120, 90, 140], 0), half.apply([120, 90, 140], 255)), (0, 255));
        assert_eq!(at(2).trust, 0.0);
    }
}
