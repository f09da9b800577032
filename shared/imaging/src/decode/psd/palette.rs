//! The palette of indexed colors.

use super::document::Document;
use super::kind::KIND;
use crate::decode::color::{AlphaMode, ColorModel, ColorTask, Conversion, SrgbImage};
use crate::decode::metadata::photoshop;
use crate::error::Error;
use crate::photo::ImageMetadata;

const COLORS: usize = 256;

/// A palette of 256 colors, and the index that is transparent.
pub(super) struct Palette<'a> {
    /// All reds, then all greens, then all blues.
    colors: &'a [u8; 3 * COLORS],
    transparent: Option<u8>,
}

impl<'a> Palette<'a> {
    pub(super) fn read(document: &Document<'a>) -> Result<Self, Error> {
        if document.header.depth != 8 {
            return Err(Error::damaged(KIND, "its bit depth is invalid"));
        }
        let colors = document.color_data.first_chunk();
        let colors = colors.ok_or_else(|| Error::damaged(KIND, "its palette is too short"))?;
        let transparent = photoshop::resource(document.resources, photoshop::TRANSPARENT_INDEX);
        let transparent = transparent.and_then(|index| index.first_chunk()).map(|index| u16::from_be_bytes(*index));
        Ok(Self { colors, transparent: transparent.and_then(|index| u8::try_from(index).ok()) })
    }

    /// Converts an image; `index(x, y)` reads one index.
    pub(super) fn convert(
        &self,
        size: (u32, u32),
        task: ColorTask<'_>,
        metadata: &mut ImageMetadata,
        index: impl Fn(usize, usize) -> u8 + Sync,
    ) -> SrgbImage {
        let mode = if self.transparent.is_some() { AlphaMode::Straight } else { AlphaMode::Opaque };
        Conversion::<u8>::new(ColorModel::Rgb, task, metadata).run(size, mode, |y, colors, alpha| {
            for (x, pixel) in colors.chunks_exact_mut(3).enumerate() {
                let index = usize::from(index(x, y));
                for (channel, color) in pixel.iter_mut().enumerate() {
                    *color = self.colors[channel * COLORS + index];
                }
            }
            for (x, alpha) in alpha.iter_mut().enumerate() {
                *alpha = if Some(index(x, y)) == self.transparent { 0 } else { u8::MAX };
            }
        })
    }
}
