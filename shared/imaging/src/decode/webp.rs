//! WebP, decoded by the `image` crate; of an animation the first frame that shows something, on the canvas.

mod riff;

use std::borrow::Cow;
use std::io::Cursor;

use cutline_core::domain::kind::ImageKind;
use image::AnimationDecoder as _;
use image::codecs::webp::WebPDecoder;

use super::animation::{FrameSource, Frames};
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
    let file = webp.composable();
    let decoder_of = || WebPDecoder::new(Cursor::new(file.as_ref()));
    let decoder = decoder_of().map_err(|error| raster::decoder_error(ImageKind::Webp, error))?;
    let sources = metadata_sources(&webp);
    let task = ColorEncoding::from(webp.profile).towards(target);
    let frames = || Some(Box::new(decoder_of().ok()?.into_frames().take(webp.sound_frames)) as Frames<'_>);
    let frames: Option<FrameSource<'_>> = if webp.frames > 1 { Some(&frames) } else { None };
    let description = Description { sources, task, frames };
    raster::decode(ImageKind::Webp, decoder, limits, &description)
}

/// All metadata of the file.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    riff::parse(bytes).map(|webp| metadata_sources(&webp).kept()).unwrap_or_default()
}

fn metadata_sources<'a>(webp: &riff::Webp<'a>) -> MetadataSources<'a> {
    MetadataSources { exif: webp.exif, xmp: webp.xmp.map(Cow::Borrowed), ..MetadataSources::default() }
}
