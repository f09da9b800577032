//! Shadow and spill: light that the subject takes from or throws on its surroundings.
//!
//! Both change the light of the plate smoothly: the photograph divided by the plate has no step. A shadow takes the same
//! share of all channels, and never adds light; spill has a color, and is near the subject. A subject may look like that
//! within its outline. So only what is reached from the border of the picture without crossing a step is shade.

use super::noise::{Difference, WINDOW};
use super::scene::{Planes, deviation, median, to_linear};
use crate::refine::box_mean;

/// Added to light before ratios are taken, so that the noise of black has no large ratios. More would hide shadows on what
/// is dark.
const DARK: f32 = 0.002;
/// A step is this many times the noise, and this share of the change around it: a penumbra changes further out too.
const STEP: f32 = 5.0;
const STEP_SHARE: f32 = 0.6;
/// The distances over which a step and the change around it are measured, in pixels.
const NEAR: usize = 2;
const FAR: usize = 8;
/// The least noise of a ratio's logarithm.
const MIN_NOISE: f32 = 0.002;
/// The deepest shadow, as a logarithm: a fifth of the light is left.
const DEEPEST: f32 = -1.6;
/// How far a shadow's ratio may be above 1, and how far its channels may differ, as logarithms and as a share of its depth.
const BRIGHTER: f32 = 0.01;
const UNEVEN: f32 = 0.04;
const UNEVEN_SHARE: f32 = 0.25;
/// The largest change of spill, as a logarithm.
const SPILL: f32 = 0.22;
/// How far spill reaches from the networks' subject, as a share of the longer side.
const SPILL_REACH: f32 = 0.06;
/// The value of the networks' matte from which on there is subject that may throw spill.
const SUBJECT: f32 = 0.5;

/// The surroundings of the subject.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shade {
    /// The logarithm of the photograph's light divided by the plate's, of each channel; means of windows.
    pub(super) ratio: [Vec<f32>; 3],
    /// Whether the pixel is background: reached from the border without a step.
    pub(super) is_reached: Vec<bool>,
}

impl Shade {
    /// The shade of a photograph. `prior` is the networks' matte.
    pub(super) fn between(photo: &Planes, plate: &Planes, difference: &Difference, prior: &[f32]) -> Self {
        let width = photo.width;
        let near_subject = near(prior, width);
        let mut is_step = vec![false; photo.len()];
        let mut noise = MIN_NOISE;
        let mut ratio = [Vec::new(), Vec::new(), Vec::new()];
        for ((ratio, photo), plate) in ratio.iter_mut().zip(&photo.channels).zip(&plate.channels) {
            let light = |values: &[f32]| {
                let light: Vec<f32> = values.iter().map(|value| to_linear(*value)).collect();
                box_mean(&light, width, 1)
            };
            let pairs = light(photo).into_iter().zip(light(plate));
            let sharp: Vec<f32> = pairs.map(|(photo, plate)| ((photo + DARK) / (plate + DARK)).ln()).collect();
            noise = mark_steps(&sharp, difference, &mut is_step).max(noise);
            *ratio = box_mean(&sharp, width, WINDOW);
        }
        let is_passable: Vec<bool> = (0..photo.len())
            .map(|at| {
                let shares = [ratio[0][at], ratio[1][at], ratio[2][at]];
                let may_be_shade = || is_shadow(shares, noise) || (near_subject[at] && is_spill(shares));
                !is_step[at] && (!difference.is_seen[at] || may_be_shade())
            })
            .collect();
        // Narrow gaps in an outline are no passage.
        let is_wide: Vec<bool> = shrunk(&is_passable, width);
        let reached = reached(&is_wide, &difference.is_seen, width);
        let grown = grown(&reached, width);
        let is_reached = grown.iter().zip(&is_passable).map(|(grown, passable)| *grown && *passable).collect();
        Self { ratio, is_reached }
    }

    /// Whether a difference is neither noise nor shade.
    pub(super) fn is_subject(&self, at: usize, difference: &Difference) -> bool {
        difference.is_seen[at] && !self.is_reached[at]
    }
}

/// Whether light is taken from all channels alike.
fn is_shadow(ratio: [f32; 3], noise: f32) -> bool {
    let (least, most) = (ratio.into_iter().fold(f32::MAX, f32::min), ratio.into_iter().fold(f32::MIN, f32::max));
    most <= BRIGHTER + noise && least >= DEEPEST && most - least <= UNEVEN + 2.0 * noise + UNEVEN_SHARE * least.abs()
}

fn is_spill(ratio: [f32; 3]) -> bool {
    ratio.into_iter().all(|ratio| ratio.abs() <= SPILL)
}

/// Adds the steps of one channel. Returns the noise of its ratio.
fn mark_steps(ratio: &[f32], difference: &Difference, is_step: &mut [bool]) -> f32 {
    let width = difference.width;
    let height = ratio.len() / width;
    let across = |x: usize, y: usize, reach: usize| {
        ratio[y * width + (x + reach).min(width - 1)] - ratio[y * width + x.saturating_sub(reach)]
    };
    let down = |x: usize, y: usize, reach: usize| {
        ratio[(y + reach).min(height - 1) * width + x] - ratio[y.saturating_sub(reach) * width + x]
    };
    let places = || (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)));
    let plain = places().filter(|(x, y)| !difference.is_seen[y * width + x] && difference.covered[y * width + x]);
    let mut changes: Vec<f32> = plain.map(|(x, y)| across(x, y, NEAR).abs()).collect();
    let noise = median(&mut changes).map_or(MIN_NOISE, deviation).max(MIN_NOISE);
    for (x, y) in places() {
        let steep = |near: f32, far: f32| near.abs() > STEP * noise && near.abs() > STEP_SHARE * far.abs();
        let is_steep = steep(across(x, y, NEAR), across(x, y, FAR)) || steep(down(x, y, NEAR), down(x, y, FAR));
        is_step[y * width + x] |= is_steep;
    }
    noise
}

/// Which pixels are near the subject that the networks see.
fn near(prior: &[f32], width: usize) -> Vec<bool> {
    let height = prior.len() / width;
    let subject: Vec<f32> = prior.iter().map(|value| if *value > SUBJECT { 1.0 } else { 0.0 }).collect();
    let radius = (SPILL_REACH * width.max(height) as f32) as usize;
    box_mean(&subject, width, radius).iter().map(|share| *share > 1e-6).collect()
}

/// The pixels whose eight neighbors are in the set too.
fn shrunk(set: &[bool], width: usize) -> Vec<bool> {
    let complement: Vec<bool> = set.iter().map(|is_in| !is_in).collect();
    grown(&complement, width).into_iter().map(|is_out| !is_out).collect()
}

/// The set and its eight neighbors.
pub(super) fn grown(set: &[bool], width: usize) -> Vec<bool> {
    let height = set.len() / width;
    let mut wide = vec![false; set.len()];
    for (at, _) in set.iter().enumerate().filter(|(_, is_in)| **is_in) {
        let (x, y) = (at % width, at / width);
        for row in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            wide[row * width + x.saturating_sub(1)..=row * width + (x + 1).min(width - 1)].fill(true);
        }
    }
    wide
}

/// The passable pixels that are connected, across sides, to those of the border that do not differ.
fn reached(is_passable: &[bool], is_seen: &[bool], width: usize) -> Vec<bool> {
    let height = is_passable.len() / width;
    let mut reached = vec![false; is_passable.len()];
    let mut queue = Vec::new();
    for at in 0..is_passable.len() {
        let (x, y) = (at % width, at / width);
        let is_border = x == 0 || y == 0 || x == width - 1 || y == height - 1;
        if is_border && is_passable[at] && !is_seen[at] {
            reached[at] = true;
            queue.push(at);
        }
    }
    while let Some(at) = queue.pop() {
        let (x, y) = (at % width, at / width);
        let sides = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then(|| at + 1),
            (y > 0).then(|| at - width),
            (y + 1 < height).then(|| at + width),
        ];
        for next in sides.into_iter().flatten() {
            if is_passable[next] && !reached[next] {
                reached[next] = true;
                queue.push(next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_is_even_and_dark_and_spill_faint() {
        assert!(is_shadow([-0.4, -0.42, -0.41], MIN_NOISE));
        assert!(!is_shadow([0.1, 0.1, 0.1], MIN_NOISE), "light is added");
        assert!(!is_shadow([-0.4, -0.1, -0.1], MIN_NOISE), "it has a color");
        assert!(!is_shadow([-2.0, -2.0, -2.0], MIN_NOISE), "nothing is left");
        assert!(is_spill([0.1, 0.02, -0.05]) && !is_spill([0.5, 0.0, 0.0]));
    }

    #[test]
    fn a_closed_line_is_no_passage() {
        let width = 9;
        // A frame around the middle.
        let passable: Vec<bool> = (0..81)
            .map(|at| {
                let (x, y) = (at % width, at / width);
                !((x == 2 || x == 6) && (2..=6).contains(&y) || (y == 2 || y == 6) && (2..=6).contains(&x))
            })
            .collect();
        let reached = reached(&passable, &[false; 81], width);
        assert!(reached[0] && reached[80] && !reached[4 * width + 4]);
        assert!(!super::reached(&passable, &[true; 81], width)[0], "a subject that touches the border is no start");
        let middle = grown(&(0..81).map(|at| at == 40).collect::<Vec<_>>(), width);
        assert_eq!(middle.iter().filter(|is_in| **is_in).count(), 9);
        assert_eq!(shrunk(&middle, width).iter().position(|is_in| *is_in), Some(40));
    }
}
