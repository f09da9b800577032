//! From HDR to sRGB: the curves PQ and HLG (ITU-R BT.2100).
//!
//! Both leave room above reference white for highlights: 203 cd/m² in PQ, 75% of the signal in HLG (ITU-R BT.2408).
//! Reference white becomes the white of a screen. Light up to a little below it is kept as it is, and all light above is
//! compressed into the rest, by one factor for the three channels, so that highlights keep their hue.

use moxcms::{ColorProfile, TransferCharacteristics};

use super::curve::{encode, encode_deep};
use super::model::ColorModel;
use super::sample::Sample;

/// Reference white in cd/m².
const REFERENCE_WHITE: f32 = 203.0;
/// The largest light of PQ, in cd/m².
const PQ_PEAK: f32 = 10_000.0;
/// The nominal peak of an HLG display, in cd/m², and the system gamma for it.
const HLG_PEAK: f32 = 1000.0;
const HLG_GAMMA: f32 = 1.2;
/// The luminance of BT.2020's primaries, by which the system gamma applies.
const HLG_LUMINANCE: [f32; 3] = [0.2627, 0.6780, 0.0593];
/// Light above this fraction of reference white is compressed.
const KNEE: f32 = 0.95;

/// A curve that encodes light above reference white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HdrCurve {
    Pq,
    Hlg,
}

/// The conversion of one image from HDR to sRGB.
pub(super) struct ToneMapping {
    curve: HdrCurve,
    /// Light by sample, relative to reference white; for HLG light of the scene, at most 1.
    light: Vec<f32>,
    /// From linear light to linear sRGB.
    to_srgb: [[f32; 3]; 3],
}

impl HdrCurve {
    /// The curve that a profile names by its code points.
    pub(super) fn of(profile: &ColorProfile) -> Option<Self> {
        match profile.cicp?.transfer_characteristics {
            TransferCharacteristics::Smpte2084 => Some(Self::Pq),
            TransferCharacteristics::Hlg => Some(Self::Hlg),
            _ => None,
        }
    }

    fn light(self, signal: f32) -> f32 {
        match self {
            Self::Pq => pq_light(signal) * PQ_PEAK / REFERENCE_WHITE,
            Self::Hlg => hlg_light(signal),
        }
    }
}

impl ToneMapping {
    /// The conversion from a profile's primaries. Gray has none.
    pub(super) fn new<T: Sample>(curve: HdrCurve, profile: &ColorProfile, model: ColorModel) -> Self {
        let light = (0..=T::MAX).map(|sample| curve.light(sample as f32 / T::MAX as f32)).collect();
        let to_srgb = if model == ColorModel::Rgb { to_srgb(profile) } else { IDENTITY };
        Self { curve, light, to_srgb }
    }

    /// Converts pixels of one or three samples.
    pub(super) fn convert<T: Sample>(&self, samples: &[T], model: ColorModel, rgb: &mut [u8]) {
        self.convert_by(samples, model, rgb, encode);
    }

    /// Converts pixels of one or three samples to 16 bits.
    pub(super) fn convert_deep<T: Sample>(&self, samples: &[T], model: ColorModel, rgb: &mut [u16]) {
        self.convert_by(samples, model, rgb, encode_deep);
    }

    fn convert_by<T: Sample, U>(
        &self,
        samples: &[T],
        model: ColorModel,
        rgb: &mut [U],
        encode: impl Fn([f32; 3]) -> [U; 3],
    ) {
        for (samples, rgb) in samples.chunks_exact(model.samples()).zip(rgb.as_chunks_mut::<3>().0) {
            let at = |channel: usize| self.light[samples[channel.min(samples.len() - 1)].to_u32() as usize];
            *rgb = encode(self.rolled_off(self.display_light([at(0), at(1), at(2)])));
        }
    }

    /// Light of the display relative to reference white, in linear sRGB.
    fn display_light(&self, light: [f32; 3]) -> [f32; 3] {
        let light = match self.curve {
            HdrCurve::Pq => light,
            HdrCurve::Hlg => {
                let luminance = dot(HLG_LUMINANCE, light).max(f32::MIN_POSITIVE);
                light.map(|light| light * luminance.powf(HLG_GAMMA - 1.0) * HLG_PEAK / REFERENCE_WHITE)
            }
        };
        self.to_srgb.map(|row| dot(row, light))
    }

    fn rolled_off(&self, light: [f32; 3]) -> [f32; 3] {
        let brightest = light.iter().fold(0.0_f32, |brightest, light| brightest.max(*light));
        if brightest <= KNEE {
            return light;
        }
        // Continues with the slope of the part below, and approaches 1.
        let above = (brightest - KNEE) / (1.0 - KNEE);
        let compressed = KNEE + (1.0 - KNEE) * above / (1.0 + above);
        light.map(|light| light * compressed / brightest)
    }
}

/// PQ (SMPTE ST 2084), decoded: light as a fraction of its peak.
fn pq_light(signal: f32) -> f32 {
    const M1: f32 = 2610.0 / 16_384.0;
    const M2: f32 = 2523.0 / 4096.0 * 128.0;
    const C1: f32 = 3424.0 / 4096.0;
    const C2: f32 = 2413.0 / 4096.0 * 32.0;
    const C3: f32 = 2392.0 / 4096.0 * 32.0;
    let root = signal.powf(1.0 / M2);
    ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

/// HLG (ARIB STD-B67), decoded: light of the scene as a fraction of its peak.
fn hlg_light(signal: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 1.0 - 4.0 * A;
    const C: f32 = 0.559_910_7;
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - C) / A).exp() + B) / 12.0 }
}

const IDENTITY: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// From a profile's linear RGB to linear sRGB, both adapted to the white of the connection space.
fn to_srgb(profile: &ColorProfile) -> [[f32; 3]; 3] {
    let matrix = ColorProfile::new_srgb().colorant_matrix().inverse() * profile.colorant_matrix();
    matrix.v.map(|row| row.map(|value| value as f32))
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use moxcms::{CicpColorPrimaries, CicpProfile, MatrixCoefficients};

    use super::*;

    fn profile(primaries: CicpColorPrimaries, transfer_characteristics: TransferCharacteristics) -> ColorProfile {
        ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: primaries,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        })
    }

    fn convert(transfer: TransferCharacteristics, signal: [f32; 3]) -> [u8; 3] {
        let profile = profile(CicpColorPrimaries::Bt2020, transfer);
        let curve = HdrCurve::of(&profile).expect("is HDR");
        let mapping = ToneMapping::new::<u16>(curve, &profile, ColorModel::Rgb);
        let mut rgb = [0; 3];
        mapping.convert(&signal.map(|signal| (signal * 65_535.0).round() as u16), ColorModel::Rgb, &mut rgb);
        rgb
    }

    /// The PQ signal for light in cd/m²: the inverse curve, as the standard states it.
    fn pq_signal(light: f32) -> f32 {
        let power = (light / 10_000.0).powf(0.159_301_76);
        ((0.835_937_5 + 18.851_563 * power) / (1.0 + 18.6875 * power)).powf(78.84375)
    }

    #[test]
    fn reference_white_becomes_white_and_highlights_stay_distinct() {
        for (transfer, white) in
            [(TransferCharacteristics::Smpte2084, pq_signal(203.0)), (TransferCharacteristics::Hlg, 0.75)]
        {
            let shown = convert(transfer, [white; 3]);
            assert!(shown.iter().all(|value| (250..=254).contains(value)), "{shown:?}");
            let brighter = convert(transfer, [white + 0.1; 3]);
            assert!(brighter[0] > shown[0], "{brighter:?}");
            assert_eq!(convert(transfer, [0.0; 3]), [0; 3]);
        }
        assert_eq!(convert(TransferCharacteristics::Smpte2084, [1.0; 3]), [255; 3]);
    }

    #[test]
    fn keeps_light_below_reference_white() {
        // Half of reference white is 188 in sRGB.
        assert_eq!(convert(TransferCharacteristics::Smpte2084, [pq_signal(101.5); 3]), [188; 3]);
    }

    #[test]
    fn bright_colors_keep_their_hue() {
        let [red, green, blue] =
            convert(TransferCharacteristics::Smpte2084, [pq_signal(900.0), pq_signal(450.0), pq_signal(450.0)]);
        assert!(red > 250 && (green, blue) < (200, 200) && green > 100, "{red} {green} {blue}");
    }

    #[test]
    fn only_pq_and_hlg_are_hdr() {
        let srgb = profile(CicpColorPrimaries::Bt2020, TransferCharacteristics::Srgb);
        assert_eq!(HdrCurve::of(&srgb), None);
    }
}
