//! The shadow that a photograph has already.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::light::Light;
use super::plane::Plane;
use super::soft::Soft;
use super::sweep::Sweep;
use super::{Room, filled, smooth};

/// The photograph shows no studio sweep, so it cannot be told what of it is shadow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoSweep {
    /// Why, as a sentence for the caller.
    pub reason: String,
}

impl NoSweep {
    pub(super) fn because(what: &str) -> Self {
        Self { reason: format!("The photograph's own shadow cannot be kept: {what}.") }
    }
}

/// Up to this darkening nothing is shadow, and from two and a half times of it on all is. It is more, half the noise,
/// where that is more, and where the backdrop itself is uneven: so many times what it is off in the median.
const KNEE: f32 = 0.012;
const UNEVEN: f32 = 4.0;
/// How far the filter against noise looks, in cells.
const LOOKS: f64 = 2.0;
/// Over how many cells a weak shadow is smoothed.
const WEAK: f64 = 4.0;
/// Differences of so many times the noise are kept.
const KEPT: f32 = 4.0;
/// Over which share of the shorter side the shadow fades at the frame.
const FRAME: f32 = 0.06;
/// From this darkening on it counts as something else when it does not begin at the subject.
const ELSE: f32 = 0.1;
/// The most of the background that may be something else.
const MOST_ELSE: f64 = 0.015;
/// The subject is cut off by a side of the frame if it touches this share of it.
const TOUCHES: f32 = 0.01;
/// Up to this share of a side from where it cuts the subject off the shadow goes on, and from twice that on it does
/// not.
const OPEN: f32 = 0.12;

/// The shadow that is in a photograph, as the share of the backdrop's light that is missing: a neutral layer to
/// multiply another background by, whole and with an opacity of 1.
///
/// `alpha` is that of the subject; both have the same size, which is that of the result. The photograph has to show a
/// studio sweep: a surface that is smooth and not too dark. Its light without a shadow is estimated from what is
/// around (see `sweep.rs`), in linear light and at most 1,024 cells along the longer side. A darkening of less than
/// 1.2 % counts as none (of more, if the backdrop is noisy or uneven), and so does what is not connected with the
/// subject. Beneath the subject is what is around it. Towards the frame the shadow fades to nothing over 6 % of the
/// shorter side, except where the frame cuts the subject off, up to an eighth of the side to either side of it.
///
/// It takes about 40 MB beside its arguments and the result, whatever their size.
///
/// # Errors
/// [`NoSweep`] if
///
/// - less than 8 % of the photograph is background that is further from the subject than 6 % of the longer side;
/// - that far background has a median luminance of less than 2 %;
/// - it is textured: its light varies by more than 6 % within a 160th of the longer side, in the median;
/// - it is not smooth: more than a quarter of it is off the fitted surface by more than 6 %;
/// - there is something else: more than 1.5 % of the background is darker by 10 % and not connected with the subject.
/// - the sizes differ.
pub fn preserved(photo: &RgbImage, alpha: &GrayImage) -> Result<GrayImage, NoSweep> {
    if photo.dimensions() != alpha.dimensions() || alpha.is_empty() {
        return Err(NoSweep::because("the matte has another size than the photograph"));
    }
    let light = Light::new(photo, alpha);
    let sweep = Sweep::new(&light)?;
    let Light { cell, light, clear } = light;
    let mut missing = missing(light, &sweep);
    let noise = noise(&missing, &clear);
    fill(&mut missing, &clear);
    let mut coverage = denoised(missing, noise);
    let knee = KNEE.max(0.5 * noise).max(UNEVEN * sweep.scatter);
    soften_weak(&mut coverage, knee);
    let other = keep_connected(&mut coverage, &clear);
    let background = clear.iter().filter(|clear| **clear).count();
    if other as f64 > MOST_ELSE * background as f64 {
        return Err(NoSweep::because("something else than the subject and its shadow is in the picture"));
    }
    fade_at_frame(&mut coverage, alpha, cell);
    let soft = Soft::of_cells(&coverage, cell, alpha.dimensions());
    Ok(filled(alpha, |y, Room { between, .. }, row| soft.row(y, between, row)))
}

/// The share of the backdrop's light that is missing in each cell; below 0 where there is more.
fn missing(mut light: Plane, sweep: &Sweep) -> Plane {
    let size = (light.width as u32, light.height as u32);
    let correction = Soft::of_cells(&sweep.correction, sweep.node, size);
    light.rows_mut().for_each_init(
        || (Vec::new(), vec![0.0; size.0 as usize]),
        |(between, backdrop), (y, row)| {
            correction.row(y, between, backdrop);
            sweep.light(y, backdrop);
            for (value, backdrop) in row.iter_mut().zip(backdrop) {
                *value = (1.0 - *value / *backdrop).max(-1.0);
            }
        },
    );
    light
}

/// The standard deviation of the noise from one cell to the next, by the median of the differences.
fn noise(missing: &Plane, clear: &[bool]) -> f32 {
    let pairs = missing.values.windows(2).zip(clear.windows(2)).filter(|(_, clear)| clear[0] && clear[1]);
    let mut differences: Vec<f32> = pairs.map(|(pair, _)| (pair[1] - pair[0]).abs()).collect();
    if differences.is_empty() {
        return 0.0;
    }
    let middle = differences.len() / 2;
    // Of a Gaussian, the median of such differences is 0.954 standard deviations.
    *differences.select_nth_unstable_by(middle, f32::total_cmp).1 / 0.954
}

/// Gives the cells that are not clear smooth values of those around, by pulling the clear ones up into
/// ever larger cells and pushing what they hold down again (Gortler et al. 1996, "The Lumigraph").
fn fill(plane: &mut Plane, clear: &[bool]) {
    let weights = clear.iter().map(|clear| f32::from(u8::from(*clear))).collect();
    let mut weights = Plane { width: plane.width, height: plane.height, values: weights };
    push_pull(plane, &mut weights);
}

fn push_pull(plane: &mut Plane, weights: &mut Plane) {
    if plane.width == 1 && plane.height == 1 || weights.values.iter().all(|weight| *weight >= 1.0) {
        return;
    }
    let (width, height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
    let (mut coarse, mut of_coarse) = (Plane::new(width, height), Plane::new(width, height));
    for y in 0..plane.height {
        for x in 0..plane.width {
            let (from, to) = (y * plane.width + x, y / 2 * width + x / 2);
            coarse.values[to] += weights.values[from] * plane.values[from];
            of_coarse.values[to] += weights.values[from];
        }
    }
    for (value, weight) in coarse.values.iter_mut().zip(&mut of_coarse.values) {
        *value = if *weight > 0.0 { *value / *weight } else { 0.0 };
        *weight = weight.min(1.0);
    }
    push_pull(&mut coarse, &mut of_coarse);
    for y in 0..plane.height {
        for x in 0..plane.width {
            let at = y * plane.width + x;
            let weight = weights.values[at];
            if weight < 1.0 {
                // A quarter of the way to the next coarse cell.
                let next = |at: usize, end: usize| {
                    if at % 2 == 1 { (at / 2 + 1).min(end - 1) } else { (at / 2).saturating_sub(1) }
                };
                let (near, far) = (coarse.row(y / 2), coarse.row(next(y, height)));
                let (left, right) = (x / 2, next(x, width));
                let between =
                    0.75 * (0.75 * near[left] + 0.25 * near[right]) + 0.25 * (0.75 * far[left] + 0.25 * far[right]);
                plane.values[at] = weight * plane.values[at] + (1.0 - weight) * between;
            }
        }
    }
}

/// Without its noise but with its edges: the guided filter by itself (He et al. 2010, "Guided Image Filtering"),
/// over Gaussian windows. Below 0 becomes 0.
fn denoised(mut plane: Plane, noise: f32) -> Plane {
    let least = (KEPT * noise).powi(2) + 1e-6;
    let mean = plane.blurred(LOOKS);
    let mut squares = plane.clone();
    squares.values.par_iter_mut().for_each(|value| *value *= *value);
    let mut slope = squares.blurred(LOOKS);
    let mut start = mean;
    for (slope, mean) in slope.values.iter_mut().zip(&mut start.values) {
        let variance = (*slope - *mean * *mean).max(0.0);
        *slope = variance / (variance + least);
        *mean *= 1.0 - *slope;
    }
    let (slope, start) = (slope.blurred(LOOKS), start.blurred(LOOKS));
    for (value, (slope, start)) in plane.values.iter_mut().zip(slope.values.iter().zip(&start.values)) {
        *value = (slope * *value + start).clamp(0.0, 1.0);
    }
    plane
}

/// Takes what is weaker than the knee away. What is weak is a penumbra or unevenness and has no edges, so it is
/// smoothed first; otherwise the knee would cut it off along ragged lines. What is strong stays as it is.
fn soften_weak(coverage: &mut Plane, knee: f32) {
    let around = coverage.blurred(WEAK);
    for (value, around) in coverage.values.iter_mut().zip(around.values) {
        let strong = smooth((value.max(around) - 2.0 * knee) / (4.0 * knee));
        let kept = smooth((around.max(*value / 3.0) - knee) / (1.5 * knee));
        *value = kept * (around + strong * (*value - around));
    }
}

/// Clears what is not connected with the subject, and tells how many cells of that are darker by [`ELSE`].
fn keep_connected(coverage: &mut Plane, clear: &[bool]) -> usize {
    let (width, height) = (coverage.width, coverage.height);
    let mut kept: Vec<bool> = clear.iter().map(|clear| !clear).collect();
    let mut open: Vec<usize> = (0..kept.len()).filter(|at| kept[*at]).collect();
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        let beside = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then_some(at + 1),
            (y > 0).then(|| at - width),
            (y + 1 < height).then_some(at + width),
        ];
        for next in beside.into_iter().flatten() {
            if !kept[next] && coverage.values[next] > 0.0 {
                kept[next] = true;
                open.push(next);
            }
        }
    }
    let mut other = 0;
    for (value, kept) in coverage.values.iter_mut().zip(kept) {
        if !kept {
            other += usize::from(*value >= ELSE);
            *value = 0.0;
        }
    }
    other
}

/// Lets the shadow fade at the sides of the frame, except where they cut the subject off.
fn fade_at_frame(coverage: &mut Plane, alpha: &GrayImage, cell: usize) {
    let (width, height) = alpha.dimensions();
    let (across, down) = (coverage.width, coverage.height);
    let value = |x: u32, y: u32| alpha.get_pixel(x, y).0[0];
    let left = Side::new(height, down, cell, |y| value(0, y));
    let right = Side::new(height, down, cell, |y| value(width - 1, y));
    let upper = Side::new(width, across, cell, |x| value(x, 0));
    let lower = Side::new(width, across, cell, |x| value(x, height - 1));
    let margin = (FRAME * across.min(down) as f32).max(1.0);
    let fade = |from: usize, side: &Side, at: usize| {
        let faded = smooth(from as f32 / margin);
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
struct Side {
    /// For each cell along it, how far the shadow may go on there: 1 by the subject that is cut off, 0 far from it.
    open: Vec<f32>,
}

impl Side {
    fn new(side: u32, cells: usize, cell: usize, alpha: impl Fn(u32) -> u8) -> Self {
        let mut touched = (0..side).filter(|at| alpha(*at) >= 128);
        let Some(first) = touched.next() else { return Self { open: vec![0.0; cells] } };
        let (last, count) = touched.fold((first, 1), |(_, count), at| (at, count + 1));
        if (count as f32) < TOUCHES * side as f32 {
            return Self { open: vec![0.0; cells] };
        }
        let (first, last) = (first as usize / cell, last as usize / cell);
        let reach = (OPEN * cells as f32).max(1.0);
        let away = |at: usize| first.saturating_sub(at).max(at.saturating_sub(last)) as f32;
        Self { open: (0..cells).map(|at| 1.0 - smooth(away(at) / reach - 1.0)).collect() }
    }
}
