//! The colors that components stand for (JFIF 1.02; Adobe's "Supporting the DCT Filters in PostScript Level 2", 1992).

use super::markers::Segments;
use super::planes::Plane;
use crate::decode::color::ColorModel;

/// What the components of an image mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoredColors {
    Gray,
    Rgb,
    YCbCr,
    /// Inks, inverted.
    Cmyk,
    /// The light that three inks leave as luma and chroma, and black, inverted.
    Ycck,
}

impl StoredColors {
    /// By the number and the ids of the components, and by the file's markers, as libjpeg does.
    pub(super) fn detect(component_ids: &[u8], segments: &Segments<'_>) -> Self {
        match (component_ids, segments.adobe_transform) {
            ([_], _) => Self::Gray,
            ([_, _, _, _], Some(2)) => Self::Ycck,
            ([_, _, _, _], _) => Self::Cmyk,
            (_, _) if segments.is_jfif => Self::YCbCr,
            (_, Some(0)) | (b"RGB", None) => Self::Rgb,
            _ => Self::YCbCr,
        }
    }

    pub(super) fn model(self) -> ColorModel {
        match self {
            Self::Gray => ColorModel::Gray,
            Self::Rgb | Self::YCbCr => ColorModel::Rgb,
            Self::Cmyk | Self::Ycck => ColorModel::Cmyk,
        }
    }

    /// Writes row `y` in samples of the model: 0 is no ink. `scratch` has room for the row of each plane.
    pub(super) fn read_row(self, planes: &[Plane], y: usize, scratch: &mut [u8], row: &mut [u8]) {
        let columns = row.len() / self.model().samples();
        for (plane, scratch) in planes.iter().zip(scratch.chunks_exact_mut(columns)) {
            plane.read_row(y, scratch);
        }
        let mut parts = scratch.chunks_exact(columns);
        let mut next = || parts.next().unwrap_or_default();
        match self {
            Self::Gray => row.copy_from_slice(next()),
            Self::Rgb | Self::YCbCr => {
                let pixels = row.as_chunks_mut::<3>().0.iter_mut().zip(next()).zip(next()).zip(next());
                for (((pixel, a), b), c) in pixels {
                    *pixel = if self == Self::Rgb { [*a, *b, *c] } else { ycc_to_rgb(*a, *b, *c) };
                }
            }
            Self::Cmyk | Self::Ycck => {
                let pixels = row.as_chunks_mut::<4>().0.iter_mut().zip(next()).zip(next()).zip(next()).zip(next());
                for ((((pixel, a), b), c), black) in pixels {
                    // The light that inks leave is what inverted inks are. Of luma and chroma it is inverted once more.
                    let light =
                        if self == Self::Ycck { ycc_to_rgb(*a, *b, *c).map(|light| 255 - light) } else { [*a, *b, *c] };
                    *pixel = [255 - light[0], 255 - light[1], 255 - light[2], 255 - *black];
                }
            }
        }
    }
}

/// Converts one pixel by the matrix of JFIF, in 16 bits of fraction, with libjpeg's results.
fn ycc_to_rgb(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i16::from(luma), i16::from(blue) - 128, i16::from(red) - 128);
    // Whole parts are added apart, so that the fractions fit into 16 bits: 1.402, -0.344 and -0.714, 1.772.
    let fraction = |a: i16, b: i16| ((i32::from(cb) * i32::from(a) + i32::from(cr) * i32::from(b) + HALF) >> 16) as i16;
    let clamp = |value: i16| value.clamp(0, 255) as u8;
    [
        clamp(y + cr + fraction(0, 26_345)),
        clamp(y - cr + fraction(-22_554, 18_734)),
        clamp(y + 2 * cb + fraction(-14_942, 0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_gray_and_the_primaries() {
        assert_eq!(ycc_to_rgb(77, 128, 128), [77; 3]);
        assert_eq!(ycc_to_rgb(76, 85, 255), [254, 0, 0]);
        assert_eq!(ycc_to_rgb(255, 0, 0), [76, 255, 28]);
    }

    #[test]
    fn markers_decide_before_ids() {
        let segments = |is_jfif, adobe_transform| {
            let mut segments = Segments::default();
            (segments.is_jfif, segments.adobe_transform) = (is_jfif, adobe_transform);
            segments
        };
        let adobe = |transform| segments(false, Some(transform));
        let jfif = || segments(true, None);
        let none = || segments(false, None);
        for (ids, segments, expected) in [
            ([1, 2, 3].as_slice(), none(), StoredColors::YCbCr),
            (b"RGB", none(), StoredColors::Rgb),
            (b"RGB", jfif(), StoredColors::YCbCr),
            (&[1, 2, 3], adobe(0), StoredColors::Rgb),
            (&[1, 2, 3], adobe(1), StoredColors::YCbCr),
            (&[1, 2, 3, 4], adobe(2), StoredColors::Ycck),
            (&[1, 2, 3, 4], none(), StoredColors::Cmyk),
            (&[9], none(), StoredColors::Gray),
        ] {
            assert_eq!(StoredColors::detect(ids, &segments), expected, "{ids:?}");
        }
    }
}
