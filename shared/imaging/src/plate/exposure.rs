//! The light of the photograph relative to that of the plate.

use super::scene::{Planes, median, to_linear, to_srgb};

/// Values between these are neither clipped nor mostly noise.
const USABLE: std::ops::RangeInclusive<f32> = 0.06..=0.985;
/// The fewest pixels that give a gain.
const MIN_PIXELS: usize = 200;
/// Gains beyond these belong to another exposure.
const PLAUSIBLE: std::ops::RangeInclusive<f32> = 0.5..=2.0;

/// How many times as much light the photograph has as the plate, of each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gain([f32; 3]);

impl Gain {
    /// The median gain of the background: a shadow on less than half of it changes little. 1 if too little of the background
    /// is usable, as on a clipped white. `None` if the exposures cannot be compared.
    pub(super) fn between(photo: &Planes, plate: &Planes, is_background: &[bool]) -> Option<Self> {
        let mut gains = [1.0; 3];
        for ((gain, photo), plate) in gains.iter_mut().zip(&photo.channels).zip(&plate.channels) {
            let pixels = photo.iter().zip(plate).zip(is_background);
            let usable = pixels.filter(|((photo, plate), is_background)| {
                **is_background && USABLE.contains(*photo) && USABLE.contains(*plate)
            });
            let mut ratios: Vec<f32> =
                usable.map(|((photo, plate), _)| to_linear(*photo) / to_linear(*plate)).collect();
            if ratios.len() >= MIN_PIXELS {
                *gain = median(&mut ratios)?;
            }
        }
        gains.iter().all(|gain| PLAUSIBLE.contains(gain)).then_some(Self(gains))
    }

    /// The plate in the light of the photograph, clipped as a camera clips it.
    pub(super) fn apply(self, plate: &Planes) -> Planes {
        plate.map(|channel, values| {
            let light = |value: &f32| to_srgb((self.0[channel] * to_linear(*value)).min(1.0));
            values.iter().map(light).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(value: u8) -> Planes {
        Planes::of_srgb(&[value; 3 * 400], 20)
    }

    #[test]
    fn a_gain_is_the_ratio_of_light_outside_of_the_subject() {
        let plate = gray(120);
        let mut photo = plate.map(|channel, values| {
            values.iter().map(|value| to_srgb(to_linear(*value) * [1.03, 1.0, 0.97][channel])).collect()
        });
        // The subject is brighter.
        photo.channels.iter_mut().for_each(|channel| channel[..100].fill(0.9));
        let is_background: Vec<bool> = (0..400).map(|at| at >= 100).collect();
        let gain = Gain::between(&photo, &plate, &is_background).expect("is plausible");
        for (gain, expected) in gain.0.into_iter().zip([1.03, 1.0, 0.97]) {
            assert!((gain - expected).abs() < 0.001, "{gain} instead of {expected}");
        }
        let lit = gain.apply(&plate);
        assert!((lit.channels[0][399] - photo.channels[0][399]).abs() < 0.001);
    }

    #[test]
    fn another_exposure_gives_none_and_a_clipped_one_gives_1() {
        assert_eq!(Gain::between(&gray(60), &gray(200), &[true; 400]), None);
        assert_eq!(Gain::between(&gray(255), &gray(255), &[true; 400]), Some(Gain([1.0; 3])));
    }
}
