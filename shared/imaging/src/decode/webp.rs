//! WebP, decoded by the `image` crate; of an animation the first frame.

mod riff;

use std::borrow::Cow;
use std::io::Cursor;

use cutline_core::domain::kind::ImageKind;
use image::codecs::webp::WebPDecoder;

use super::color::{ColorEncoding, TargetColors};
use super::limits::Limits;
use super::metadata::MetadataSources;
use super::metadata::kept::Kept;
use super::raster::{self, Description};
use crate::error::Error;
use crate::photo::Photo;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(riff::parse(bytes)?.size)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let webp = riff::parse(bytes)?;
    limits.check(webp.size, 1)?;
    let decoder =
        WebPDecoder::new(Cursor::new(webp.file)).map_err(|error| raster::decoder_error(ImageKind::Webp, error))?;
    let sources = metadata_sources(&webp);
    let task = ColorEncoding::from(webp.profile).towards(target);
    let description = Description { sources, task, animated: webp.frames > 1 };
    raster::decode(ImageKind::Webp, decoder, limits, &description)
}

/// All metadata of the file.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    riff::parse(bytes).map(|webp| metadata_sources(&webp).kept()).unwrap_or_default()
}

fn metadata_sources<'a>(webp: &riff::Webp<'a>) -> MetadataSources<'a> {
    MetadataSources { exif: webp.exif, xmp: webp.xmp.map(Cow::Borrowed), ..MetadataSources::default() }
}
