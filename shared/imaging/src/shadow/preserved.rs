//! The shadow that a photograph already shows.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::error::NoStudioSweep;
use super::light::LightMap;
use super::plane::Plane;
use super::rows::{RowBuffers, filled, smoothstep};
use super::soft::SoftShape;
use super::sweep::StudioSweep;

/// The knee: darkening up to this is no shadow, and darkening of 2.5 times as much is all shadow. It is higher if half
/// the noise is, or [`UNEVEN`] times the median residual of the backdrop.
const KNEE: f32 = 0.012;
const UNEVEN: f32 = 4.0;
/// The standard deviation of the noise filter's window, in cells.
const DENOISE_SIGMA: f64 = 2.0;
/// The standard deviation that smooths a weak shadow, in cells.
const WEAK_SIGMA: f64 = 4.0;
/// Differences of this many standard deviations of the noise are kept.
const KEPT_DIFFERENCE: f32 = 4.0;
/// The width over which the shadow fades at the frame, as a share of the shorter side.
pub(super) const FRAME: f32 = 0.06;
/// From this darkening on, something that is not connected with the subject counts as another object.
const OTHER_DARKENING: f32 = 0.1;
/// The largest share of the background that may be other objects.
const MAX_OTHER: f64 = 0.015;
/// A side of the frame cuts the subject off if the subject touches this share of it.
const MIN_TOUCHED: f32 = 0.01;
/// Up to this share of a side away from where it cuts the subject off, the shadow continues beyond the frame; from twice as
/// far on it does not.
const OPEN: f32 = 0.12;

/// The shadow in a photograph, as the missing share of the backdrop's light: a neutral layer that multiplies another
/// background, in full and with an opacity of 1.
///
/// `alpha` is that of the subject; photograph, alpha and result have the same size. The photograph has to show a studio
/// sweep: a smooth surface that is not too dark. Its light without a shadow is estimated from its surroundings, in linear
/// light and at most 1,024 cells along the longer side. A darkening of less than 1.2 % (more if the backdrop is noisy or
/// uneven) does not count, nor does one that is not connected with the subject. Beneath the subject the shadow is
/// interpolated. Towards the frame it fades over 6 % of the shorter side, except within an eighth of the side from where the
/// frame cuts the subject off.
///
/// It takes about 40 MB beyond its arguments and the result, whatever their size.
///
/// # Errors
/// [`NoStudioSweep`] if
///
/// - the sizes differ;
/// - less than 8 % of the photograph is far background: farther from the subject than 6 % of the longer side;
/// - the far background has a median luminance below 2 %;
/// - it is textured: the median of its variation within a 160th of the longer side exceeds 6 %;
/// - it is not smooth: more than a quarter of it differs from the fitted surface by more than 6 %;
/// - there are other objects: more than 1.5 % of the background is 10 % darker and not connected with the subject.
pub fn preserved(photo: &RgbImage, alpha: &GrayImage) -> Result<GrayImage, NoStudioSweep> {
    Ok(StudioShadow::of(photo, alpha)?.coverage(alpha))
}

/// The shadow in a photograph, and the backdrop without it, in cells of a few pixels.
#[derive(Debug)]
pub struct StudioShadow {
    /// The side of a cell in pixels.
    pub(super) cell: usize,
    /// The missing share of the backdrop's light, 0 to 1.
    pub(super) shadow: Plane,
    /// The luminance of the backdrop without a shadow in linear light, above 0 to 1. Beneath the subject it is estimated.
    pub(super) backdrop: Plane,
    /// Whether neither a cell nor its neighbors show any of the subject.
    pub(super) clear: Vec<bool>,
}

impl StudioShadow {
    /// Separates the shadow of a photograph from its backdrop. `alpha` is that of the subject, of the same size.
    ///
    /// # Errors
    /// [`NoStudioSweep`], as [`preserved`] says.
    pub fn of(photo: &RgbImage, alpha: &GrayImage) -> Result<Self, NoStudioSweep> {
        if photo.dimensions() != alpha.dimensions() || alpha.is_empty() {
            return Err(NoStudioSweep::SizeMismatch);
        }
        let light = LightMap::new(photo, alpha);
        let sweep = StudioSweep::new(&light)?;
        let LightMap { cell, light, clear } = light;
        let backdrop = backdrop_light(&sweep, (light.width, light.height));
        let mut missing = missing_light(light, &backdrop);
        let noise = noise(&missing, &clear);
        fill_in(&mut missing, &clear);
        let mut shadow = denoised(missing, noise);
        let knee = KNEE.max(0.5 * noise).max(UNEVEN * sweep.scatter);
        soften_weak(&mut shadow, knee);
        let other = keep_connected(&mut shadow, &clear);
        let background = clear.iter().filter(|clear| **clear).count();
        if other as f64 > MAX_OTHER * background as f64 {
            return Err(NoStudioSweep::OtherObjects);
        }
        fade_at_frame(&mut shadow, alpha, cell);
        Ok(Self { cell, shadow, backdrop, clear })
    }

    /// The shadow at the size of the photograph, as [`preserved`] returns it. `alpha` is the subject's.
    pub fn coverage(&self, alpha: &GrayImage) -> GrayImage {
        let soft = SoftShape::of_cells(&self.shadow, self.cell, alpha.dimensions());
        filled(alpha, |y, RowBuffers { cells, .. }, row| soft.row(y, cells, row))
    }
}

/// The light of the backdrop without a shadow in each of the cells across and down.
fn backdrop_light(sweep: &StudioSweep, (width, height): (usize, usize)) -> Plane {
    let correction = SoftShape::of_cells(&sweep.correction, sweep.sample_side, (width as u32, height as u32));
    let mut light = Plane::new(width, height);
    light.rows_mut().for_each_init(Vec::new, |cells, (y, row)| {
        correction.row(y, cells, row);
        sweep.light(y, row);
    });
    light
}

/// The missing share of the backdrop's light in each cell; negative where there is more light.
fn missing_light(mut light: Plane, backdrop: &Plane) -> Plane {
    for (value, backdrop) in light.values.iter_mut().zip(&backdrop.values) {
        *value = (1.0 - *value / *backdrop).max(-1.0);
    }
    light
}

/// The standard deviation of the noise between neighboring cells, from the median of their differences.
fn noise(missing: &Plane, clear: &[bool]) -> f32 {
    let pairs = missing.values.windows(2).zip(clear.windows(2)).filter(|(_, clear)| clear[0] && clear[1]);
    let mut differences: Vec<f32> = pairs.map(|(pair, _)| (pair[1] - pair[0]).abs()).collect();
    if differences.is_empty() {
        return 0.0;
    }
    let middle = differences.len() / 2;
    // For a Gaussian, the median of such differences is 0.954 standard deviations.
    *differences.select_nth_unstable_by(middle, f32::total_cmp).1 / 0.954
}

/// Replaces the cells that are not clear by smooth values of those around: clear cells are averaged into ever larger cells,
/// whose values are interpolated back down. Source: push-pull, S. J. Gortler et al., "The Lumigraph", 1996.
fn fill_in(plane: &mut Plane, clear: &[bool]) {
    let weights = clear.iter().map(|clear| f32::from(u8::from(*clear))).collect();
    let mut weights = Plane { width: plane.width, height: plane.height, values: weights };
    push_pull(plane, &mut weights);
}

fn push_pull(plane: &mut Plane, weights: &mut Plane) {
    if plane.width == 1 && plane.height == 1 || weights.values.iter().all(|weight| *weight >= 1.0) {
        return;
    }
    let (mut coarse, mut coarse_weights) = pushed(plane, weights);
    push_pull(&mut coarse, &mut coarse_weights);
    pull(plane, weights, &coarse);
}

/// Weighted means at half the size, and their weights, at most 1.
fn pushed(plane: &Plane, weights: &Plane) -> (Plane, Plane) {
    let (width, height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
    let (mut coarse, mut coarse_weights) = (Plane::new(width, height), Plane::new(width, height));
    for y in 0..plane.height {
        for x in 0..plane.width {
            let (from, to) = (y * plane.width + x, y / 2 * width + x / 2);
            coarse.values[to] += weights.values[from] * plane.values[from];
            coarse_weights.values[to] += weights.values[from];
        }
    }
    for (value, weight) in coarse.values.iter_mut().zip(&mut coarse_weights.values) {
        *value = if *weight > 0.0 { *value / *weight } else { 0.0 };
        *weight = weight.min(1.0);
    }
    (coarse, coarse_weights)
}

/// Blends values with a weight below 1 with the interpolated coarse values.
fn pull(plane: &mut Plane, weights: &Plane, coarse: &Plane) {
    // The coarse cell on the other side of a fine one, which contributes a quarter.
    let next = |at: usize, end: usize| if at % 2 == 1 { (at / 2 + 1).min(end - 1) } else { (at / 2).saturating_sub(1) };
    for y in 0..plane.height {
        for x in 0..plane.width {
            let at = y * plane.width + x;
            let weight = weights.values[at];
            if weight < 1.0 {
                let (near, far) = (coarse.row(y / 2), coarse.row(next(y, coarse.height)));
                let (left, right) = (x / 2, next(x, coarse.width));
                let between =
                    0.75 * (0.75 * near[left] + 0.25 * near[right]) + 0.25 * (0.75 * far[left] + 0.25 * far[right]);
                plane.values[at] = weight * plane.values[at] + (1.0 - weight) * between;
            }
        }
    }
}

/// The plane without its noise but with its edges, and with negative values set to 0: the guided filter with the plane
/// itself as the guide, over Gaussian windows. Source: K. He et al., "Guided Image Filtering", 2010.
fn denoised(mut plane: Plane, noise: f32) -> Plane {
    let min_variance = (KEPT_DIFFERENCE * noise).powi(2) + 1e-6;
    let mean = plane.blurred(DENOISE_SIGMA);
    let mut squares = plane.clone();
    squares.values.par_iter_mut().for_each(|value| *value *= *value);
    let mut slope = squares.blurred(DENOISE_SIGMA);
    let mut start = mean;
    for (slope, mean) in slope.values.iter_mut().zip(&mut start.values) {
        let variance = (*slope - *mean * *mean).max(0.0);
        *slope = variance / (variance + min_variance);
        *mean *= 1.0 - *slope;
    }
    let (slope, start) = (slope.blurred(DENOISE_SIGMA), start.blurred(DENOISE_SIGMA));
    for (value, (slope, start)) in plane.values.iter_mut().zip(slope.values.iter().zip(&start.values)) {
        *value = (slope * *value + start).clamp(0.0, 1.0);
    }
    plane
}

/// Removes darkening below the knee. Weak darkening is a penumbra or unevenness and has no edges, so it is smoothed first;
/// otherwise the knee would cut it off along ragged lines. Strong darkening stays as it is.
fn soften_weak(coverage: &mut Plane, knee: f32) {
    let around = coverage.blurred(WEAK_SIGMA);
    for (value, around) in coverage.values.iter_mut().zip(around.values) {
        let strong = smoothstep((value.max(around) - 2.0 * knee) / (4.0 * knee));
        let kept = smoothstep((around.max(*value / 3.0) - knee) / (1.5 * knee));
        *value = kept * (around + strong * (*value - around));
    }
}

/// Clears coverage that is not connected with the subject. Returns how many of those cells were darker by
/// [`OTHER_DARKENING`].
fn keep_connected(coverage: &mut Plane, clear: &[bool]) -> usize {
    let (width, height) = (coverage.width, coverage.height);
    let mut kept: Vec<bool> = clear.iter().map(|clear| !clear).collect();
    let mut open: Vec<usize> = (0..kept.len()).filter(|at| kept[*at]).collect();
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        let neighbors = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then_some(at + 1),
            (y > 0).then(|| at - width),
            (y + 1 < height).then_some(at + width),
        ];
        for next in neighbors.into_iter().flatten() {
            if !kept[next] && coverage.values[next] > 0.0 {
                kept[next] = true;
                open.push(next);
            }
        }
    }
    let mut other = 0;
    for (value, kept) in coverage.values.iter_mut().zip(kept) {
        if !kept {
            other += usize::from(*value >= OTHER_DARKENING);
            *value = 0.0;
        }
    }
    other
}

/// Fades the shadow at the sides of the frame, except where they cut the subject off.
fn fade_at_frame(coverage: &mut Plane, alpha: &GrayImage, cell: usize) {
    let (width, height) = alpha.dimensions();
    let (across, down) = (coverage.width, coverage.height);
    let value = |x: u32, y: u32| alpha.get_pixel(x, y).0[0];
    let left = FrameSide::new(height, down, cell, |y| value(0, y));
    let right = FrameSide::new(height, down, cell, |y| value(width - 1, y));
    let upper = FrameSide::new(width, across, cell, |x| value(x, 0));
    let lower = FrameSide::new(width, across, cell, |x| value(x, height - 1));
    let margin = (FRAME * across.min(down) as f32).max(1.0);
    let fade = |from: usize, side: &FrameSide, at: usize| {
        let faded = smoothstep(from as f32 / margin);
        faded + (1.0 - faded) * side.open[at]
    };
    coverage.rows_mut().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            *value *= fade(x, &left, y) * fade(across - 1 - x, &right, y);
            *value *= fade(y, &upper, x) * fade(down - 1 - y, &lower, x);
        }
    });
}

/// A side of the frame.
struct FrameSide {
    /// For each cell along it, how far the shadow continues beyond it: from 1 where the subject is cut off to 0 far away.
    open: Vec<f32>,
}

impl FrameSide {
    /// A side of `side` pixels and `cells` cells, with the alpha of its pixels.
    fn new(side: u32, cells: usize, cell: usize, alpha: impl Fn(u32) -> u8) -> Self {
        let mut touched = (0..side).filter(|at| alpha(*at) >= 128);
        let Some(first) = touched.next() else { return Self { open: vec![0.0; cells] } };
        let (last, count) = touched.fold((first, 1), |(_, count), at| (at, count + 1));
        if (count as f32) < MIN_TOUCHED * side as f32 {
            return Self { open: vec![0.0; cells] };
        }
        let (first, last) = (first as usize / cell, last as usize / cell);
        let reach = (OPEN * cells as f32).max(1.0);
        let away = |at: usize| first.saturating_sub(at).max(at.saturating_sub(last)) as f32;
        Self { open: (0..cells).map(|at| 1.0 - smoothstep(away(at) / reach - 1.0)).collect() }
    }
}
