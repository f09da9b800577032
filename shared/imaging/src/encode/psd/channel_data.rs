//! The samples of one channel, computed as they are written instead of stored.

use image::GrayImage;

use super::super::raster::{ByteOrder, on_white};
use crate::file_colors::BitDepth;
use crate::sample::{ColorSample, Colors};

/// One sample for each pixel. A `channel` is 0 (red) to 2 (blue). Gray pictures have 8 bits, and are scaled in files of 16.
#[derive(Clone, Copy)]
pub(super) enum ChannelData<'a, T: ColorSample> {
    /// The same value everywhere.
    Constant(T),
    /// A gray picture.
    Gray(&'a GrayImage),
    /// A gray picture through a lookup table.
    Mapped(&'a GrayImage, &'a [u8; 256]),
    /// A channel of a picture.
    Color(&'a Colors<T>, usize),
    /// A channel of the cut-out; where it is fully transparent, of the picture beneath.
    Over { color: &'a Colors<T>, alpha: &'a GrayImage, beneath: &'a Colors<T>, channel: usize },
    /// A channel of the cut-out on white.
    OnWhite { color: &'a Colors<T>, alpha: &'a GrayImage, channel: usize },
}

impl<T: ColorSample> ChannelData<'_, T> {
    /// Writes the samples from pixel `start` on, in big-endian order.
    pub(super) fn copy(self, start: usize, depth: BitDepth, to: &mut [u8]) {
        let gray = |picture: &GrayImage, at: usize| picture.as_raw()[start + at];
        let sample = |picture: &Colors<T>, channel: usize, at: usize| picture.as_raw()[(start + at) * 3 + channel];
        match self {
            Self::Constant(value) => fill(to, depth, |_| value),
            Self::Gray(picture) if depth == BitDepth::Eight => {
                to.copy_from_slice(&picture.as_raw()[start..start + to.len()]);
            }
            Self::Gray(picture) => fill(to, depth, |at| gray(picture, at)),
            Self::Mapped(picture, table) => fill(to, depth, |at| table[usize::from(gray(picture, at))]),
            Self::Color(picture, channel) => fill(to, depth, |at| sample(picture, channel, at)),
            Self::Over { color, alpha, beneath, channel } => {
                fill(to, depth, |at| sample(if gray(alpha, at) == 0 { beneath } else { color }, channel, at));
            }
            Self::OnWhite { color, alpha, channel } => {
                fill(to, depth, |at| on_white(sample(color, channel, at), gray(alpha, at)));
            }
        }
    }
}

fn fill<T: ColorSample>(to: &mut [u8], depth: BitDepth, sample: impl Fn(usize) -> T) {
    match depth {
        BitDepth::Eight => {
            for (at, to) in to.iter_mut().enumerate() {
                *to = sample(at).to_u8();
            }
        }
        BitDepth::Sixteen => {
            for (at, to) in to.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *to = ByteOrder::BigEndian.bytes(sample(at).to_u16());
            }
        }
    }
}
