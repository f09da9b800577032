//! Recovering colors that were stored blended by alpha.

use super::model::{AlphaMode, ColorModel};
use super::sample::Sample;

/// Turns the samples of one pixel into straight colors. Where alpha is 0, the color is unknown and stays as it is.
pub(super) fn unblend<T: Sample>(pixel: &mut [T], alpha: T, mode: AlphaMode, model: ColorModel) {
    let (max, alpha) = (T::MAX, alpha.to_u32());
    if matches!(mode, AlphaMode::Opaque | AlphaMode::Straight) || alpha == 0 || alpha == max {
        return;
    }
    // For inks white is 0: bare paper.
    let white = if mode == AlphaMode::OverWhite && model != ColorModel::Cmyk { max } else { 0 };
    for sample in pixel {
        let blended = u64::from(sample.to_u32()) * u64::from(max);
        let background = u64::from(max - alpha) * u64::from(white);
        let straight = (blended.saturating_sub(background) + u64::from(alpha / 2)) / u64::from(alpha);
        *sample = T::from_u32(straight.min(max.into()) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovers_straight_colors() {
        let mut pixel = [50_u8, 100, 0];
        unblend(&mut pixel, 128, AlphaMode::Premultiplied, ColorModel::Rgb);
        assert_eq!(pixel, [100, 199, 0]);
        let mut pixel = [(40_u32 * 128 / 255 + 127) as u8, 127, 255];
        unblend(&mut pixel, 128, AlphaMode::OverWhite, ColorModel::Rgb);
        assert_eq!(pixel, [40, 0, 255]);
        let mut inks = [20_u16, 65_535, 0, 1];
        unblend(&mut inks, 32_768, AlphaMode::OverWhite, ColorModel::Cmyk);
        assert_eq!(inks, [40, 65_535, 0, 2]);
    }
}
