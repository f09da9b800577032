//! The pixels of a cut-out, row by row, as encoders consume them.

use cutline_core::Channels;

use crate::planes::PlanarRgba;

/// The color behind the subject in pictures without alpha.
pub(super) const WHITE: u8 = 255;

/// Rows of interleaved samples, assembled on demand. Interleaving the whole picture would take another four bytes a
/// pixel.
#[derive(Clone, Copy)]
pub(super) struct Raster<'a> {
    cutout: &'a PlanarRgba,
    channels: Channels,
}

impl<'a> Raster<'a> {
    pub(super) fn new(cutout: &'a PlanarRgba, channels: Channels) -> Self {
        Self { cutout, channels }
    }

    /// Width and height in pixels.
    pub(super) fn dimensions(&self) -> (u32, u32) {
        self.cutout.dimensions()
    }

    /// Whether the samples are RGBA; otherwise they are alpha alone.
    pub(super) fn is_color(&self) -> bool {
        self.channels == Channels::Rgba
    }

    /// Samples a pixel: 4 or 1.
    pub(super) fn samples(&self) -> usize {
        match self.channels {
            Channels::Rgba => 4,
            Channels::Alpha => 1,
        }
    }

    /// Bytes a row.
    pub(super) fn stride(&self) -> usize {
        self.cutout.dimensions().0 as usize * self.samples()
    }

    /// Writes row `y`, which must exist, into `row` of [`Self::stride`] bytes.
    pub(super) fn copy_row(&self, y: usize, row: &mut [u8]) {
        let width = self.cutout.dimensions().0 as usize;
        let alpha = &self.cutout.alpha().as_raw()[y * width..][..width];
        match self.channels {
            Channels::Alpha => row.copy_from_slice(alpha),
            Channels::Rgba => {
                let color = &self.cutout.color().as_raw()[y * width * 3..][..width * 3];
                for ((to, rgb), alpha) in row.chunks_exact_mut(4).zip(color.chunks_exact(3)).zip(alpha) {
                    // Fully transparent pixels are black: their colors would reveal what was cut away.
                    let visible = if *alpha == 0 { 0 } else { u8::MAX };
                    to.copy_from_slice(&[rgb[0] & visible, rgb[1] & visible, rgb[2] & visible, *alpha]);
                }
            }
        }
    }
}

/// `value` over white, rounded.
pub(super) fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + u32::from(WHITE) * (255 - alpha) + 127) / 255) as u8
}
