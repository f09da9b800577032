//! The clean aperture: the part of an image that is to be shown (ISO/IEC 14496-12, clause 12.1.4).

use cutline_core::domain::subject::PixelBox;
use image::imageops;

use super::boxes::Reader;
use crate::decode::color::SrgbImage;

/// A rectangle of whole pixels within an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) left: u32,
    pub(super) top: u32,
    /// Width and height, both above 0.
    pub(super) size: (u32, u32),
}

impl Crop {
    /// The rectangle by a `clap` property, in an image of this size. `None` if it is not one of whole pixels within.
    pub(super) fn read(content: &[u8], (width, height): (u32, u32)) -> Option<Self> {
        let mut reader = Reader::new(content);
        let mut fraction = || Some((i64::from(reader.u32(4).ok()? as i32), i64::from(reader.u32(4).ok()? as i32)));
        let (crop_width, crop_height, across, down) = (fraction()?, fraction()?, fraction()?, fraction()?);
        let (left, crop_width) = side(crop_width, across, width)?;
        let (top, crop_height) = side(crop_height, down, height)?;
        Some(Self { left, top, size: (crop_width, crop_height) })
    }

    /// The part of the image.
    pub(super) fn apply(self, image: SrgbImage) -> SrgbImage {
        let Self { left, top, size: (width, height) } = self;
        SrgbImage {
            color: imageops::crop_imm(&image.color, left, top, width, height).to_image(),
            alpha: image.alpha.map(|alpha| imageops::crop_imm(&alpha, left, top, width, height).to_image()),
            native: image.native.map(|native| native.cropped(PixelBox { left, top, width, height })),
        }
    }
}

/// Start and length of one side, by its length and the offset of its center from the image's, both fractions.
fn side(length: (i64, i64), offset: (i64, i64), whole: u32) -> Option<(u32, u32)> {
    let (length, 0) = (length.0.checked_div(length.1)?, length.0.checked_rem(length.1)?) else { return None };
    if length < 1 || offset.1 < 1 {
        return None;
    }
    // (whole - length) / 2 + offset, of halves: an offset of half a pixel is common.
    let doubled_offset = 2 * offset.0;
    let (doubled_offset, 0) = (doubled_offset / offset.1, doubled_offset % offset.1) else { return None };
    let doubled = i64::from(whole) - length + doubled_offset;
    if doubled < 0 || doubled % 2 != 0 || doubled / 2 + length > i64::from(whole) {
        return None;
    }
    Some((u32::try_from(doubled / 2).ok()?, u32::try_from(length).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(numbers: [i32; 8], size: (u32, u32)) -> Option<Crop> {
        Crop::read(&numbers.map(i32::to_be_bytes).concat(), size)
    }

    #[test]
    fn reads_centered_and_shifted_rectangles() {
        let crop = |left, top, size| Some(Crop { left, top, size });
        assert_eq!(read([20, 1, 10, 1, 0, 1, 0, 1], (40, 30)), crop(10, 10, (20, 10)));
        assert_eq!(read([20, 1, 10, 1, -10, 1, 10, 1], (40, 30)), crop(0, 20, (20, 10)));
        // An odd rest needs an offset of half a pixel.
        assert_eq!(read([19, 1, 10, 1, 1, 2, 0, 1], (40, 30)), crop(11, 10, (19, 10)));
        assert_eq!(read([40, 2, 30, 3, 0, 5, 0, 7], (40, 30)), crop(10, 10, (20, 10)));
    }

    #[test]
    fn ignores_rectangles_outside_or_between_pixels() {
        for numbers in [
            [41, 1, 10, 1, 0, 1, 0, 1],
            [20, 1, 10, 1, 11, 1, 0, 1],
            [19, 1, 10, 1, 0, 1, 0, 1],
            [20, 0, 10, 1, 0, 1, 0, 1],
            [20, 1, 10, 1, 0, 0, 0, 1],
            [-20, 1, 10, 1, 0, 1, 0, 1],
            [20, 1, 0, 1, 0, 1, 0, 1],
            [i32::MIN, -1, 10, 1, i32::MIN, 1, 0, 1],
            [21, 2, 10, 1, 0, 1, 0, 1],
        ] {
            assert_eq!(read(numbers, (40, 30)), None, "{numbers:?}");
        }
        assert_eq!(Crop::read(&[0; 31], (40, 30)), None);
    }
}
