//! Dispatch to the decoders of all kinds but SVG and HEIC. SVG is separate because a drawing embeds bitmaps, but no drawings.
//! HEIC takes a decoder that the program passes in.

use cutline_core::domain::kind::ImageKind;

use super::catch_panic::catch_panic;
use super::color::TargetColors;
use super::limits::Limits;
use super::metadata::kept::Kept;
use super::{avif, gif, jpeg, png, psd, tiff, webp};
use crate::error::Error;
use crate::photo::Photo;

/// Decodes a bitmap of a given kind.
pub(super) fn decode(kind: ImageKind, bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let decoder = match kind {
        ImageKind::Jpeg => jpeg::decode,
        ImageKind::Png => png::decode,
        ImageKind::Webp => webp::decode,
        ImageKind::Gif => gif::decode,
        ImageKind::Avif => avif::decode,
        ImageKind::Tiff => tiff::decode,
        ImageKind::Psd => psd::decode,
        ImageKind::Heic => return Err(Error::NoHeicDecoder),
        ImageKind::Svg => return Err(Error::UnknownKind),
    };
    catch_panic(kind, || decoder(bytes, limits, target))
}

/// Width and height in pixels as stored, by the header.
pub(super) fn dimensions(kind: ImageKind, bytes: &[u8]) -> Result<(u32, u32), Error> {
    let reader = match kind {
        ImageKind::Jpeg => jpeg::dimensions,
        ImageKind::Png => png::dimensions,
        ImageKind::Webp => webp::dimensions,
        ImageKind::Gif => gif::dimensions,
        ImageKind::Avif => avif::dimensions,
        ImageKind::Heic => avif::heic_dimensions,
        ImageKind::Tiff => tiff::dimensions,
        ImageKind::Psd => psd::dimensions,
        ImageKind::Svg => return Err(Error::UnknownKind),
    };
    catch_panic(kind, || reader(bytes))
}

/// All metadata of a file; nothing if it is damaged.
pub(super) fn source_metadata(kind: ImageKind, bytes: &[u8]) -> Kept {
    let reader = match kind {
        ImageKind::Jpeg => jpeg::source_metadata,
        ImageKind::Png => png::source_metadata,
        ImageKind::Webp => webp::source_metadata,
        ImageKind::Gif => gif::source_metadata,
        ImageKind::Avif => avif::source_metadata,
        ImageKind::Tiff => tiff::source_metadata,
        ImageKind::Psd => psd::source_metadata,
        ImageKind::Heic => avif::heic_source_metadata,
        ImageKind::Svg => return Kept::default(),
    };
    catch_panic(kind, || Ok(reader(bytes))).unwrap_or_default()
}
