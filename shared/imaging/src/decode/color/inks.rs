//! Kept inks as they look, for screens.

use image::RgbImage;

use super::conversion::Conversion;
use super::encoding::{ColorEncoding, TargetColors};
use super::model::{AlphaMode, ColorModel};
use crate::photo::ImageMetadata;
use crate::planes::BlackPlane;
use crate::sample::{ColorSample, Colors};

/// CMYK colors in 8-bit sRGB, converted as those of a file with this profile are. `black` has the size of `color`, and both are
/// stored as [`PlanarRgba::black`](crate::PlanarRgba::black) says.
pub(crate) fn inks_in_srgb(profile: Option<&[u8]>, color: &Colors<u16>, black: &BlackPlane) -> RgbImage {
    // The source's own decoding has warned already.
    let mut metadata = ImageMetadata::default();
    let task = ColorEncoding::from(profile).towards(TargetColors::Srgb);
    let conversion = Conversion::<u8>::new(ColorModel::Cmyk, task, &mut metadata);
    let columns = color.width() as usize;
    let ink = |light: &u16| u8::MAX - ColorSample::to_u8(*light);
    let image = conversion.run(color.dimensions(), AlphaMode::Opaque, |y, row: &mut [u8], _: &mut [u8]| {
        let pixels = color.as_raw()[y * columns * 3..].as_chunks::<3>().0;
        let black = &black.as_raw()[y * columns..];
        for ((to, pixel), black) in row.as_chunks_mut::<4>().0.iter_mut().zip(pixels).zip(black) {
            let [cyan, magenta, yellow] = pixel.each_ref().map(ink);
            *to = [cyan, magenta, yellow, ink(black)];
        }
    });
    image.color
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    #[test]
    fn paper_is_white_and_all_inks_are_black() {
        let color = Colors::<u16>::from_fn(2, 2, |x, _| Rgb([if x == 0 { u16::MAX } else { 0 }; 3]));
        let black = BlackPlane::from_fn(2, 2, |x, _| Luma([if x == 0 { u16::MAX } else { 0 }]));
        let shown = inks_in_srgb(None, &color, &black);
        assert_eq!(shown.as_raw(), &[255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0]);
    }
}
