//! The colors of a photograph in more than 8-bit sRGB: those that the most faithful file of it holds.

use cutline_core::domain::subject::PixelBox;
use image::imageops;

use crate::file_colors::{EmbeddedProfile, FileColors};
use crate::planes::BlackPlane;
use crate::sample::{ColorSample, Colors};

/// Colors in 16 bits, whatever the depth of their file: samples of 8 bits are scaled, and come back exactly.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NativeColors {
    /// The colors, in the space of the profile.
    pub(crate) pixels: Colors<u16>,
    /// Black, if the colors are CMYK; see [`PlanarRgba::black`](crate::PlanarRgba::black).
    pub(crate) black: Option<BlackPlane>,
    /// How files of them are written.
    pub(crate) file: FileColors,
}

impl NativeColors {
    /// 8-bit sRGB in these colors' depth.
    pub(crate) fn of_srgb(color: &Colors<u8>, file: FileColors) -> Self {
        let (width, height) = color.dimensions();
        let mut pixels = Colors::<u16>::new(width, height);
        for (to, from) in pixels.iter_mut().zip(color.iter()) {
            *to = from.to_u16();
        }
        Self { pixels, black: None, file: FileColors { profile: EmbeddedProfile::Srgb, ..file } }
    }

    /// The part of the picture in a box that lies within it.
    pub(crate) fn cropped(self, PixelBox { left, top, width, height }: PixelBox) -> Self {
        let black = self.black.map(|black| imageops::crop_imm(&black, left, top, width, height).to_image());
        Self { pixels: imageops::crop_imm(&self.pixels, left, top, width, height).to_image(), black, ..self }
    }
}
