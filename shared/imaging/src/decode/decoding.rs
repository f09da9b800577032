//! Everything that decoding a file depends on, apart from the file.

use std::sync::Arc;

use cutline_core::domain::fidelity::Fidelity;
use cutline_core::domain::kind::ImageKind;

use super::avif::{self, HeicDecoder};
use super::catch_panic::catch_panic;
use super::color::TargetColors;
use super::limits::Limits;
use super::{bitmap, svg};
use crate::error::Error;
use crate::photo::Photo;

/// The limits for decoding, and the decoders that are no part of this crate.
#[derive(Debug, Clone, Default)]
pub struct Decoding {
    /// The limits for one file.
    pub limits: Limits,
    /// The decoder for HEIC. Without one, such files are [`Error::NoHeicDecoder`].
    pub heic: Option<Arc<dyn HeicDecoder>>,
}

impl Decoding {
    /// Without decoders for HEIC.
    pub fn within(limits: Limits) -> Self {
        Self { limits, heic: None }
    }

    /// Decodes an image as [`decode`](super::decode()) does, and HEIC if there is a decoder.
    ///
    /// # Errors
    /// Those of [`decode`](super::decode()).
    pub fn decode(&self, bytes: &[u8]) -> Result<Photo, Error> {
        match ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))? {
            ImageKind::Svg => svg::decode(bytes, &self.limits),
            kind => self.bitmap(kind, bytes, TargetColors::Srgb),
        }
    }

    /// Decodes an image as [`Self::decode`] does, and in addition the colors that its most faithful file holds, if those differ
    /// from 8-bit sRGB.
    ///
    /// # Errors
    /// Those of [`Self::decode`].
    pub(crate) fn decode_faithful(&self, bytes: &[u8], fidelity: Fidelity) -> Result<Photo, Error> {
        let kind = ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))?;
        if kind == ImageKind::Svg {
            // A drawing is sRGB by its standard, and is drawn in 8 bits.
            return Ok(svg::decode(bytes, &self.limits)?.with_srgb_in(fidelity));
        }
        self.bitmap(kind, bytes, TargetColors::Faithful(fidelity))
    }

    /// Decodes a bitmap whose samples are shares of a pixel rather than colors. As [`Self::decode`], but gray and RGB are the
    /// numbers that the file stores, in 8 bits: no profile, gamma or code points are applied. Luma and chroma become RGB, and
    /// premultiplied samples straight ones.
    ///
    /// # Errors
    /// Those of [`Self::decode`]; [`Error::UnsupportedFeature`] for CMYK, as it depends on the press which inks make black;
    /// and [`Error::UnknownKind`] for SVG, which has no pixels.
    pub(crate) fn decode_shares(&self, bytes: &[u8]) -> Result<Photo, Error> {
        let kind = ImageKind::sniff(bytes).ok_or_else(|| Error::unknown_kind(bytes))?;
        let photo = self.bitmap(kind, bytes, TargetColors::AsStored)?;
        // Nothing but inks is converted.
        if photo.metadata().converted_from.is_some() {
            return Err(Error::unsupported(kind, "a mask of inks", "save the mask as grayscale"));
        }
        Ok(photo)
    }

    fn bitmap(&self, kind: ImageKind, bytes: &[u8], target: TargetColors) -> Result<Photo, Error> {
        match kind {
            ImageKind::Heic => {
                catch_panic(kind, || avif::decode_heic(bytes, &self.limits, target, self.heic.as_deref()))
            }
            kind => bitmap::decode(kind, bytes, &self.limits, target),
        }
    }
}
