//! The samples of one channel, computed as they are written instead of stored.

use image::{GrayImage, RgbImage};

use super::super::raster::on_white;

/// One sample for each pixel. A `channel` is 0 (red) to 2 (blue).
#[derive(Clone, Copy)]
pub(super) enum ChannelData<'a> {
    /// The same value everywhere.
    Constant(u8),
    /// A gray picture.
    Gray(&'a GrayImage),
    /// A gray picture through a lookup table.
    Mapped(&'a GrayImage, &'a [u8; 256]),
    /// A channel of a picture.
    Color(&'a RgbImage, usize),
    /// A channel of the cut-out; where it is fully transparent, of the picture beneath.
    Over { color: &'a RgbImage, alpha: &'a GrayImage, beneath: &'a RgbImage, channel: usize },
    /// A channel of the cut-out on white.
    OnWhite { color: &'a RgbImage, alpha: &'a GrayImage, channel: usize },
}

impl ChannelData<'_> {
    /// Writes the samples from pixel `start` on.
    pub(super) fn copy(self, start: usize, to: &mut [u8]) {
        let gray = |picture: &GrayImage, at: usize| picture.as_raw()[start + at];
        let sample = |picture: &RgbImage, channel: usize, at: usize| picture.as_raw()[(start + at) * 3 + channel];
        match self {
            Self::Constant(value) => to.fill(value),
            Self::Gray(picture) => to.copy_from_slice(&picture.as_raw()[start..start + to.len()]),
            Self::Mapped(picture, table) => fill(to, |at| table[usize::from(gray(picture, at))]),
            Self::Color(picture, channel) => fill(to, |at| sample(picture, channel, at)),
            Self::Over { color, alpha, beneath, channel } => {
                fill(to, |at| sample(if gray(alpha, at) == 0 { beneath } else { color }, channel, at));
            }
            Self::OnWhite { color, alpha, channel } => {
                fill(to, |at| on_white(sample(color, channel, at), gray(alpha, at)));
            }
        }
    }
}

fn fill(to: &mut [u8], sample: impl Fn(usize) -> u8) {
    for (at, to) in to.iter_mut().enumerate() {
        *to = sample(at);
    }
}
