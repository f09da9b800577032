//! The samples of one channel, computed as they are written instead of stored.

use image::GrayImage;

use super::super::raster::{ByteOrder, on_white};
use crate::file_colors::BitDepth;
use crate::planes::BlackPlane;
use crate::sample::{ColorSample, Colors};

/// The samples of one channel of a picture. Inks are stored as the light that they leave, as in PSD.
#[derive(Clone, Copy)]
pub(super) enum Channel<'a, T: ColorSample> {
    /// One of three: 0 (red or cyan) to 2 (blue or yellow).
    Color(&'a Colors<T>, usize),
    /// The fourth of CMYK.
    Black(&'a BlackPlane),
}

impl<'a, T: ColorSample> Channel<'a, T> {
    /// The channels of a picture: three, or four if it has black.
    pub(super) fn all(color: &'a Colors<T>, black: Option<&'a BlackPlane>) -> impl Iterator<Item = Self> {
        (0..3).map(|channel| Self::Color(color, channel)).chain(black.map(Self::Black))
    }

    /// The sample of a pixel.
    fn sample(self, at: usize) -> T {
        match self {
            Self::Color(picture, channel) => picture.as_raw()[at * 3 + channel],
            Self::Black(black) => T::from_u16(black.as_raw()[at]),
        }
    }
}

/// One sample for each pixel. Gray pictures have 8 bits, and are scaled in files of 16.
#[derive(Clone, Copy)]
pub(super) enum ChannelData<'a, T: ColorSample> {
    /// The same value everywhere.
    Constant(T),
    /// A gray picture.
    Gray(&'a GrayImage),
    /// A gray picture through a lookup table.
    Mapped(&'a GrayImage, &'a [u8; 256]),
    /// A channel of a picture.
    Of(Channel<'a, T>),
    /// A channel of the cut-out; where it is fully transparent, of the picture beneath.
    Over { channel: Channel<'a, T>, alpha: &'a GrayImage, beneath: Channel<'a, T> },
    /// A channel of the cut-out on white, which is bare paper.
    OnWhite { channel: Channel<'a, T>, alpha: &'a GrayImage },
}

impl<T: ColorSample> ChannelData<'_, T> {
    /// Writes the samples from pixel `start` on, in big-endian order.
    pub(super) fn copy(self, start: usize, depth: BitDepth, to: &mut [u8]) {
        let gray = |picture: &GrayImage, at: usize| picture.as_raw()[start + at];
        let sample = |channel: Channel<'_, T>, at: usize| channel.sample(start + at);
        match self {
            Self::Constant(value) => fill(to, depth, |_| value),
            Self::Gray(picture) if depth == BitDepth::Eight => {
                to.copy_from_slice(&picture.as_raw()[start..start + to.len()]);
            }
            Self::Gray(picture) => fill(to, depth, |at| gray(picture, at)),
            Self::Mapped(picture, table) => fill(to, depth, |at| table[usize::from(gray(picture, at))]),
            Self::Of(channel) => fill(to, depth, |at| sample(channel, at)),
            Self::Over { channel, alpha, beneath } => {
                fill(to, depth, |at| sample(if gray(alpha, at) == 0 { beneath } else { channel }, at));
            }
            Self::OnWhite { channel, alpha } => {
                fill(to, depth, |at| on_white(sample(channel, at), gray(alpha, at)));
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
