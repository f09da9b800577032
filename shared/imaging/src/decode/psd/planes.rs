//! The merged image's samples, plane by plane.

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;

use super::document::{Compression, Document};
use super::packbits;
use crate::error::Error;

/// Uncompressed planes, one per channel.
pub(super) struct Planes<'a> {
    bytes: &'a [u8],
    /// Bytes per row.
    stride: usize,
    /// Bytes per plane.
    plane: usize,
}

/// The bytes of the first `channels` planes, of `bits` per sample, uncompressed.
pub(super) fn unpack<'a>(document: &Document<'a>, channels: usize, bits: usize) -> Result<Cow<'a, [u8]>, Error> {
    let (stride, plane) = sizes(document, bits);
    let bytes = match document.compression {
        Compression::None => document.merged_image.get(..plane * channels).map(Cow::Borrowed),
        Compression::PackBits => packbits::unpack(document, channels, stride).map(Cow::Owned),
        Compression::Deflate { .. } => {
            let remedy = "save it again with Photoshop";
            return Err(Error::unsupported(ImageKind::Psd, "a merged image compressed with ZIP", remedy));
        }
    };
    bytes.ok_or_else(|| Error::truncated(ImageKind::Psd))
}

/// Bytes per row and per plane.
fn sizes(document: &Document<'_>, bits: usize) -> (usize, usize) {
    let (width, height) = document.header.size;
    let stride = (width as usize * bits).div_ceil(8);
    (stride, stride * height as usize)
}

impl<'a> Planes<'a> {
    /// The planes in `bytes`, which [`unpack`] returned for the same document and bits.
    pub(super) fn new(bytes: &'a [u8], document: &Document<'_>, bits: usize) -> Self {
        let (stride, plane) = sizes(document, bits);
        Self { bytes, stride, plane }
    }

    /// A sample of one bit, as 0 or 255. A bit that is set is black.
    pub(super) fn bit(&self, plane: usize, x: usize, y: usize) -> u8 {
        let byte = self.byte(plane, x / 8, y);
        if byte >> (7 - x % 8) & 1 == 1 { 0 } else { 255 }
    }

    /// A sample of 8 bits.
    pub(super) fn byte(&self, plane: usize, x: usize, y: usize) -> u8 {
        self.bytes[plane * self.plane + y * self.stride + x]
    }

    /// A sample of 16 bits.
    pub(super) fn word(&self, plane: usize, x: usize, y: usize) -> u16 {
        let at = plane * self.plane + y * self.stride + x * 2;
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }
}
