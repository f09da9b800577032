//! How likely each pixel is subject, and how much of it the subject covers.

use super::noise::{Difference, NoiseModel};
use super::scene::{Planes, to_linear, to_srgb};
use super::shade::{Shade, grown};
use crate::refine::box_mean;

/// The networks are never surer than this, up to which the plate may prove them wrong.
const SUREST: f32 = 0.98;
/// The weight of evidence for shade, as a logarithm of odds.
const SHADE: f32 = -7.0;
/// The least and the largest weight of evidence for subject. A difference of a few times the noise is certain enough.
const SUBJECT: (f32, f32) = (2.0, 9.0);
/// The weight of evidence that the noise's measure of a difference, squared, adds.
const WEIGHT: f32 = 3.0;
/// Pixels up to this far from the background may be covered in part.
const EDGE: usize = 4;
/// Around an edge, the color of the subject is taken from this far, and that of the background from a little further.
const SUBJECT_REACH: usize = 3;
const BACKGROUND_REACH: usize = 6;
/// Colors of subject and background need to differ by this many times the noise before coverage is derived from them.
const DISTINCT: f32 = 5.0;
/// From this many times the noise on, colors weigh alike; and the least weight that gives a color.
const MAX_WEIGHT: f32 = 30.0;
const MIN_TOTAL: f32 = 0.1;
/// Up to this many times the noise from the shaded plate, an edge pixel is background.
const NOISE: f32 = 2.5;

/// What the plate says about a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
enum PixelEvidence {
    /// Nothing: it differs by less than the noise.
    None,
    /// The logarithm of the odds of subject, and the share of the pixel that the subject then covers.
    Odds { logarithm: f32, cover: f32 },
}

/// What the plate says about all pixels, row by row.
pub(super) struct Evidence(Vec<PixelEvidence>);

impl Evidence {
    /// The evidence of a photograph and the aligned plate.
    pub(super) fn of(
        photo: &Planes,
        plate: &Planes,
        (difference, noise): (&Difference, &NoiseModel),
        shade: &Shade,
    ) -> Self {
        let behind = shaded(plate, shade);
        let edge = Edge::of(photo, &behind, noise, shade);
        let pixels = (0..photo.len()).map(|at| {
            if !difference.is_seen[at] {
                return PixelEvidence::None;
            }
            let subject = |cover| PixelEvidence::Odds { logarithm: subject_odds(difference.size[at]), cover };
            let background = PixelEvidence::Odds { logarithm: SHADE, cover: 1.0 };
            if !shade.is_subject(at, difference) {
                return background;
            }
            match edge.cover(photo, &behind, noise, at) {
                Cover::Whole => subject(1.0),
                Cover::Part(cover) => subject(cover),
                // At a step, shade is as good as reached.
                Cover::None => background,
            }
        });
        Self(pixels.collect())
    }

    /// What changes in the networks' matte: the posterior minus `prior`, from -1 to 1. 0 where the plate says nothing.
    pub(super) fn changes(&self, prior: &[f32]) -> Vec<f32> {
        let change = |(evidence, prior): (&PixelEvidence, &f32)| match *evidence {
            PixelEvidence::None => 0.0,
            PixelEvidence::Odds { logarithm, cover } => {
                let bounded = prior.clamp(1.0 - SUREST, SUREST);
                let odds = bounded / (1.0 - bounded) * logarithm.exp();
                cover * odds / (1.0 + odds) - prior
            }
        };
        self.0.iter().zip(prior).map(change).collect()
    }
}

fn subject_odds(size: f32) -> f32 {
    (WEIGHT * size * size).clamp(SUBJECT.0, SUBJECT.1)
}

/// The plate with the shade around each pixel: what is behind the subject.
fn shaded(plate: &Planes, shade: &Shade) -> Planes {
    let width = plate.width;
    let mask: Vec<f32> = shade.is_reached.iter().map(|is_reached| f32::from(u8::from(*is_reached))).collect();
    let count = box_mean(&mask, width, BACKGROUND_REACH);
    plate.map(|channel, values| {
        let known: Vec<f32> = shade.ratio[channel].iter().zip(&mask).map(|(ratio, mask)| ratio * mask).collect();
        let sum = box_mean(&known, width, BACKGROUND_REACH);
        let shaded = |at: usize| match count[at] > 1e-4 {
            true => to_srgb(to_linear(values[at]) * (sum[at] / count[at]).exp()),
            false => values[at],
        };
        (0..values.len()).map(shaded).collect()
    })
}

/// How much of a pixel the subject covers, if it does.
enum Cover {
    /// It is the background's but for the noise.
    None,
    Part(f32),
    /// It is not at an edge, or its colors do not tell.
    Whole,
}

/// The pixels next to the background, and the color of the subject there.
struct Edge {
    is_near: Vec<bool>,
    subject: Planes,
}

impl Edge {
    fn of(photo: &Planes, behind: &Planes, noise: &NoiseModel, shade: &Shade) -> Self {
        let width = photo.width;
        let is_near = (0..EDGE).fold(shade.is_reached.clone(), |set, _| grown(&set, width));
        // The pixels that differ most have the most of the subject's color.
        let weights: Vec<f32> =
            (0..photo.len())
                .map(|at| {
                    if shade.is_reached[at] { 0.0 } else { distance(photo, behind, noise, at).min(MAX_WEIGHT).powi(4) }
                })
                .collect();
        let total = box_mean(&weights, width, SUBJECT_REACH);
        let subject = photo.map(|_, values| {
            let weighted: Vec<f32> = values.iter().zip(&weights).map(|(value, weight)| value * weight).collect();
            let sum = box_mean(&weighted, width, SUBJECT_REACH);
            let mean = |at: usize| if total[at] > MIN_TOTAL { sum[at] / total[at] } else { values[at] };
            (0..values.len()).map(mean).collect()
        });
        Self { is_near, subject }
    }

    /// How much of a pixel the subject covers, by where its color is between those of background and subject.
    fn cover(&self, photo: &Planes, behind: &Planes, noise: &NoiseModel, at: usize) -> Cover {
        if !self.is_near[at] {
            return Cover::Whole;
        }
        if distance(photo, behind, noise, at) < NOISE {
            return Cover::None;
        }
        if distance(&self.subject, behind, noise, at) < DISTINCT {
            return Cover::Whole;
        }
        let (mut along, mut length) = (0.0, 0.0);
        for (subject, (photo, behind)) in self.subject.channels.iter().zip(photo.channels.iter().zip(&behind.channels))
        {
            let reach = subject[at] - behind[at];
            along += reach * (photo[at] - behind[at]);
            length += reach * reach;
        }
        Cover::Part((along / length).clamp(0.0, 1.0))
    }
}

/// How far two pictures differ at a pixel, in units of the noise.
fn distance(one: &Planes, other: &Planes, noise: &NoiseModel, at: usize) -> f32 {
    let square = |channel: usize| {
        let off = one.channels[channel][at] - other.channels[channel][at];
        (off / noise.pixel_noise(other, channel, at)).powi(2)
    };
    ((square(0) + square(1) + square(2)) / 3.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plate_proves_the_networks_wrong_and_says_nothing_within_the_noise() {
        let odds = |logarithm, cover| PixelEvidence::Odds { logarithm, cover };
        let evidence = Evidence(vec![
            PixelEvidence::None,
            PixelEvidence::None,
            odds(subject_odds(2.0), 1.0),
            odds(subject_odds(2.0), 0.5),
            odds(SHADE, 1.0),
        ]);
        let prior = [0.3, 0.999, 0.0, 0.0, 1.0];
        let changes = evidence.changes(&prior);
        assert_eq!(changes[..2], [0.0, 0.0]);
        let posterior: Vec<f32> = changes.iter().zip(prior).map(|(change, prior)| change + prior).collect();
        assert!(posterior[2] > 0.95 && (0.48..0.51).contains(&posterior[3]) && posterior[4] < 0.06, "{posterior:?}");
    }

    #[test]
    fn a_faint_difference_leaves_more_to_the_networks() {
        let faint = Evidence(vec![PixelEvidence::Odds { logarithm: subject_odds(1.0), cover: 1.0 }; 2]);
        let changes = faint.changes(&[0.02, 0.6]);
        assert!(0.02 + changes[0] < 0.5 && 0.6 + changes[1] > 0.95, "{changes:?}");
    }
}
