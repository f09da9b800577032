//! Detects the backdrop of a studio, a surface whose brightness changes smoothly, and estimates its light without a shadow.
//!
//! A polynomial of two variables is fitted to the logarithm of the light, so that a shadow, which multiplies, is a step down.
//! The fit is robust: it is repeated with weights that decrease with the previous residuals, first gently and then strictly
//! (graduated non-convexity: A. Blake and A. Zisserman, "Visual Reconstruction", 1987, with the weights of Geman and
//! McClure). It begins near the bright samples, since shadows are darker than the backdrop. Features that a polynomial
//! cannot follow, such as the bend between floor and wall, are corrected by the residuals nearby, without those that are
//! larger than a penumbra's.

use super::distance::widened;
use super::error::NoStudioSweep;
use super::light::LightMap;
use super::plane::Plane;

/// The most samples along the longer side.
const MAX_SAMPLES: usize = 160;
/// The degree of the polynomial, and the number of its terms.
const DEGREE: usize = 4;
const TERMS: usize = (DEGREE + 1) * (DEGREE + 2) / 2;
/// The scale of the weights, in log light: it is multiplied by `SCALE_FACTOR` from the first value down to the last.
const FIRST_SCALE: f64 = 0.4;
const LAST_SCALE: f64 = 0.015;
const SCALE_FACTOR: f64 = 0.75;
/// Added to light before taking its logarithm.
const FLOOR: f32 = 0.002;
/// Beyond this distance from the subject, as a share of the longer side, its shadow is rare.
const FAR: f64 = 0.06;
/// The smallest share of the photograph that has to be far background.
const MIN_FAR: f64 = 0.08;
/// The largest residual of a sample that the polynomial explains, in log light: 6 %.
const EXPLAINED: f64 = 0.06;
/// The smallest share of the far background that has to be explained.
const MIN_EXPLAINED: f64 = 0.75;
/// The largest variation of light within a sample, as a share of it; the median of the far background. The noise of
/// photographs is up to 3 %.
const MAX_TEXTURE: f32 = 0.06;
/// The smallest light of the backdrop; the median of the far background. Darker ones do not show a shadow.
const MIN_LIGHT: f64 = 0.02;
/// Samples that are darker than the polynomial by more than this, in log light, may be shadow.
const DARKER: f64 = 0.015;
/// The reach of the residuals that correct the polynomial, as a share of the longer side.
const AROUND: f64 = 0.05;

/// A fitted backdrop, in the logarithm of light.
#[derive(Debug)]
pub(super) struct StudioSweep {
    polynomial: [f64; TERMS],
    size: (usize, usize),
    /// The correction of the polynomial, sample by sample.
    pub(super) correction: Plane,
    /// The side of a sample, in cells.
    pub(super) sample_side: usize,
    /// The median residual of the far background, as a share of its light.
    pub(super) scatter: f32,
}

/// A square of cells that shows the background.
#[derive(Clone, Copy)]
struct BackdropSample {
    /// The terms of the polynomial at its center.
    terms: [f64; TERMS],
    /// The logarithm of its light.
    light: f64,
    /// The standard deviation of its light, as a share of it.
    texture: f32,
    /// Whether it is far from the subject.
    far: bool,
    /// Its index among all squares.
    at: usize,
}

impl StudioSweep {
    /// Fits the backdrop of a photograph.
    ///
    /// # Errors
    /// [`NoStudioSweep`] if it does not show one.
    pub(super) fn new(light: &LightMap) -> Result<Self, NoStudioSweep> {
        let size = (light.light.width, light.light.height);
        let sample_side = size.0.max(size.1).div_ceil(MAX_SAMPLES);
        let (across, down) = (size.0.div_ceil(sample_side), size.1.div_ceil(sample_side));
        let samples = samples(light, sample_side, across, down);
        let far: Vec<&BackdropSample> = samples.iter().filter(|sample| sample.far).collect();
        check_background(&far, across * down)?;
        let polynomial = fit(&samples).ok_or(NoStudioSweep::NotSmooth)?;
        let explained = far.iter().filter(|sample| sample.residual(&polynomial).abs() <= EXPLAINED).count();
        if (explained as f64) < MIN_EXPLAINED * far.len() as f64 {
            return Err(NoStudioSweep::NotSmooth);
        }
        let correction = correction(&samples, &polynomial, across, down);
        let residuals =
            far.iter().map(|sample| (sample.residual(&polynomial) - f64::from(correction.values[sample.at])).abs());
        let scatter = median(residuals) as f32;
        Ok(Self { polynomial, size, correction, sample_side, scatter })
    }

    /// Replaces the correction of a row of cells by the backdrop's light.
    pub(super) fn light(&self, y: usize, row: &mut [f32]) {
        for (x, value) in row.iter_mut().enumerate() {
            let terms = terms((x as f64, y as f64), self.size);
            let sum: f64 = terms.iter().zip(&self.polynomial).map(|(term, factor)| term * factor).sum();
            *value = ((sum as f32 + *value).exp() - FLOOR).clamp(FLOOR, 1.0);
        }
    }
}

/// Checks that enough background is visible, bright and without texture. `far` are the samples of the far background, of
/// `count` squares in all.
fn check_background(far: &[&BackdropSample], count: usize) -> Result<(), NoStudioSweep> {
    if (far.len() as f64) < MIN_FAR * count as f64 || far.len() < 2 * TERMS {
        return Err(NoStudioSweep::TooLittleBackground);
    }
    if median(far.iter().map(|sample| sample.light)) < MIN_LIGHT.ln() {
        return Err(NoStudioSweep::TooDark);
    }
    if median(far.iter().map(|sample| f64::from(sample.texture))) > f64::from(MAX_TEXTURE) {
        return Err(NoStudioSweep::Textured);
    }
    Ok(())
}

impl BackdropSample {
    /// How much brighter it is than the polynomial, in log light.
    fn residual(&self, polynomial: &[f64; TERMS]) -> f64 {
        self.light - self.terms.iter().zip(polynomial).map(|(term, factor)| term * factor).sum::<f64>()
    }
}

/// The terms of the polynomial at a point, with coordinates from -1 to 1 across the picture.
fn terms(at: (f64, f64), size: (usize, usize)) -> [f64; TERMS] {
    let coordinate = |at: f64, side: usize| (2.0 * at + 1.0) / side as f64 - 1.0;
    let (x, y) = (coordinate(at.0, size.0), coordinate(at.1, size.1));
    let (mut powers_of_x, mut powers_of_y) = ([1.0; DEGREE + 1], [1.0; DEGREE + 1]);
    for power in 1..=DEGREE {
        (powers_of_x[power], powers_of_y[power]) = (powers_of_x[power - 1] * x, powers_of_y[power - 1] * y);
    }
    let mut terms = [0.0; TERMS];
    let powers = (0..=DEGREE).flat_map(|degree| (0..=degree).map(move |down| (degree - down, down)));
    for (term, (across, down)) in terms.iter_mut().zip(powers) {
        *term = powers_of_x[across] * powers_of_y[down];
    }
    terms
}

/// The squares of the picture that show mainly background.
fn samples(light: &LightMap, sample_side: usize, across: usize, down: usize) -> Vec<BackdropSample> {
    let (width, height) = (light.light.width, light.light.height);
    let mut samples = Vec::new();
    let mut covered = Plane::new(across, down);
    for at in 0..across * down {
        let (left, top) = (at % across * sample_side, at / across * sample_side);
        let (right, bottom) = ((left + sample_side).min(width), (top + sample_side).min(height));
        let (mut count, mut sum, mut squares) = (0.0_f32, 0.0, 0.0);
        for y in top..bottom {
            for x in left..right {
                if light.clear[y * width + x] {
                    let value = light.light.row(y)[x];
                    (count, sum, squares) = (count + 1.0, sum + value, squares + value * value);
                }
            }
        }
        if 2.0 * count < ((right - left) * (bottom - top)) as f32 {
            covered.values[at] = 1.0;
            continue;
        }
        let mean = sum / count;
        let middle = ((left + right - 1) as f64 / 2.0, (top + bottom - 1) as f64 / 2.0);
        samples.push(BackdropSample {
            terms: terms(middle, (width, height)),
            light: f64::from(mean + FLOOR).ln(),
            texture: (squares / count - mean * mean).max(0.0).sqrt() / (mean + FLOOR),
            far: false,
            at,
        });
    }
    let in_shape: Vec<bool> = covered.values.iter().map(|covered| *covered > 0.0).collect();
    let near = widened(&covered, &in_shape, (FAR * across.max(down) as f64) as f32);
    for sample in &mut samples {
        sample.far = near.values[sample.at] == 0.0;
    }
    samples
}

/// The polynomial of the backdrop; `None` if it is not determined.
fn fit(samples: &[BackdropSample]) -> Option<[f64; TERMS]> {
    let mut polynomial = solve(samples, |_| 1.0)?;
    // Towards the bright samples first: those above the fit weigh ten times as much as those below.
    for _ in 0..4 {
        let last = polynomial;
        polynomial = solve(samples, |sample| if sample.residual(&last) > 0.0 { 1.0 } else { 0.1 })?;
    }
    let mut scale = FIRST_SCALE;
    while scale > LAST_SCALE {
        let last = polynomial;
        polynomial = solve(samples, |sample| {
            let off = sample.residual(&last) / scale;
            // Shadows are darker than the backdrop. Samples that are slightly brighter are noise.
            let off = if off > 0.0 { off / 2.0 } else { off };
            (1.0 + off * off).powi(-2)
        })?;
        scale *= SCALE_FACTOR;
    }
    Some(polynomial)
}

/// Weighted least squares by Cholesky decomposition; `None` if the matrix is singular.
fn solve(samples: &[BackdropSample], weight: impl Fn(&BackdropSample) -> f64) -> Option<[f64; TERMS]> {
    let (mut matrix, mut right) = normal_equations(samples, weight);
    for row in 0..TERMS {
        for column in 0..=row {
            let before: f64 = (0..column).map(|at| matrix[row][at] * matrix[column][at]).sum();
            let rest = matrix[row][column] - before;
            matrix[row][column] = if row == column { rest.sqrt() } else { rest / matrix[column][column] };
        }
        if matrix[row][row].is_nan() || matrix[row][row] == 0.0 {
            return None;
        }
        let before: f64 = (0..row).map(|at| matrix[row][at] * right[at]).sum();
        right[row] = (right[row] - before) / matrix[row][row];
    }
    for row in (0..TERMS).rev() {
        let after: f64 = (row + 1..TERMS).map(|at| matrix[at][row] * right[at]).sum();
        right[row] = (right[row] - after) / matrix[row][row];
    }
    Some(right)
}

/// The lower triangle of the matrix, and the right side.
fn normal_equations(
    samples: &[BackdropSample],
    weight: impl Fn(&BackdropSample) -> f64,
) -> ([[f64; TERMS]; TERMS], [f64; TERMS]) {
    let (mut matrix, mut right) = ([[0.0; TERMS]; TERMS], [0.0; TERMS]);
    let mut total = 0.0;
    for sample in samples {
        let weight = weight(sample);
        total += weight;
        for (row, (term, right)) in sample.terms.iter().zip(&mut right).enumerate() {
            *right += weight * term * sample.light;
            for (column, other) in sample.terms[..=row].iter().enumerate() {
                matrix[row][column] += weight * term * other;
            }
        }
    }
    // Regularization: higher powers are slightly penalized, for regions without samples.
    for (term, row) in matrix.iter_mut().enumerate().skip(1) {
        row[term] += if term < 6 { 1e-5 } else { 1e-4 } * total;
    }
    (matrix, right)
}

/// The correction of the polynomial: the smoothed residuals of the samples near it.
fn correction(samples: &[BackdropSample], polynomial: &[f64; TERMS], across: usize, down: usize) -> Plane {
    let (mut sums, mut weights) = (Plane::new(across, down), Plane::new(across, down));
    for sample in samples {
        let off = sample.residual(polynomial);
        let scale = if off > 0.0 { EXPLAINED } else { DARKER };
        let weight = (1.0 + (off / scale).powi(2)).powi(-2);
        let weight = if off < -2.0 * DARKER { 0.0 } else { weight };
        sums.values[sample.at] = (weight * off) as f32;
        weights.values[sample.at] = weight as f32;
    }
    let sigma = AROUND * across.max(down) as f64;
    let (mut sums, weights) = (sums.blurred(sigma), weights.blurred(sigma));
    for (sum, weight) in sums.values.iter_mut().zip(&weights.values) {
        // Where few samples are near it, the polynomial stays.
        *sum /= weight + 0.02;
    }
    sums
}

/// The median of at least one value.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
