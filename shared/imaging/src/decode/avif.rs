//! AVIF, and the container of HEIC. AVIF: still images of AV1, single or in a grid, with optional alpha. Of a sequence, its primary image.
//!
//! By the standard, the container's properties orient the image, and Exif does not. The AV1 decoder is held to the size
//! that the container states, to one frame and to one thread.
//!
//! Sources: AVIF 1.1, ISO/IEC 23008-12 (items), ISO/IEC 14496-12 (boxes), ITU-T H.273 (code points).

mod boxes;
mod code_points;
mod container;
mod crop;
mod frame;
mod grid;
mod heic;
mod hevc;
mod item_boxes;
mod items;
mod stream;
mod yuv;

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;
use image::metadata::Orientation;

use self::boxes::BoxType;
use self::code_points::CodePoints;
use self::container::{Container, Turn};
use self::frame::Frame;
use self::grid::{CodedImage, TiledFrames};
use self::yuv::{RowBuffers, YuvToRgb};
use super::animation::FIRST_FRAME_ONLY;
use super::color::{AlphaMode, ColorEncoding, ColorModel, Conversion, Sample, TargetColors};
use super::limits::Limits;
use super::metadata::MetadataSources;
use super::metadata::kept::Kept;
use super::upright::upright;
use crate::error::Error;
use crate::photo::Photo;

pub use self::heic::{HeicDecoder, HeicFault, HeicPixels};
pub(super) use self::heic::{
    decode as decode_heic, dimensions as heic_dimensions, source_metadata as heic_source_metadata,
};

/// The type of items that are AV1 streams.
const AV1: BoxType = *b"av01";
/// Memory per pixel while decoding, at most: three samples of 16 bits, and alpha.
const BYTES_PER_PIXEL: u8 = 8;
/// The tiles of a grid may reach beyond the image, in each direction by part of a tile. Together they may take this
/// many times the limits.
const GRID_FACTOR: u32 = 2;

pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), Error> {
    Ok(container::parse(bytes, AV1)?.shown_size())
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, target: TargetColors) -> Result<Photo, Error> {
    let container = container::parse(bytes, AV1)?;
    limits.check(container.color.size, BYTES_PER_PIXEL)?;
    for image in [&container.color].into_iter().chain(&container.alpha) {
        if image.tiles.len() > 1 || image.tiled_size() != image.size {
            limits.times(GRID_FACTOR).check(image.tiled_size(), BYTES_PER_PIXEL)?;
        }
    }
    let color = decode_tiles(&container.color)?;
    let alpha = container.alpha.as_ref().map(decode_tiles).transpose()?;
    let is_deep = |image: &TiledFrames| image.frames.iter().any(|frame| frame.depth > 8);
    if is_deep(&color) || alpha.as_ref().is_some_and(is_deep) {
        convert::<u16>(&container, &color, alpha.as_ref(), target)
    } else {
        convert::<u8>(&container, &color, alpha.as_ref(), target)
    }
}

fn decode_tiles(image: &CodedImage<'_>) -> Result<TiledFrames, Error> {
    let frames = image.tiles.iter().map(|tile| stream::decode(tile, image.tile_size)).collect::<Result<_, _>>()?;
    Ok(TiledFrames::new(frames, image))
}

fn convert<T: Sample>(
    container: &Container<'_>,
    color: &TiledFrames,
    alpha: Option<&TiledFrames>,
    target: TargetColors,
) -> Result<Photo, Error> {
    let mut metadata = metadata_sources(container).merge();
    if container.is_sequence {
        metadata.warnings.push(FIRST_FRAME_ONLY.into());
    }
    if container.has_invalid_crop {
        metadata.warnings.push("The file's cropping was ignored: it does not lie on whole pixels of the image.".into());
    }
    // The container's code points take precedence over the stream's.
    let code_points = container.code_points.unwrap_or(color.frames[0].code_points);
    let encoding = color_encoding(container, code_points);
    let model = color_model(container, &color.frames, encoding);
    let task = encoding.towards(target);
    let yuv = YuvToRgb::new(code_points, model)?;
    let mode = match (alpha, container.is_premultiplied) {
        (None, _) => AlphaMode::Opaque,
        (Some(_), false) => AlphaMode::Straight,
        (Some(_), true) => AlphaMode::Premultiplied,
    };
    let conversion = Conversion::<T>::new(model, task, &mut metadata);
    let image = conversion.run(container.color.size, mode, |y, colors, opacities| {
        let mut buffers = RowBuffers::default();
        for (frame, y, pixels) in color.row(y, colors, model.samples()) {
            yuv.convert_row(frame, y, pixels, &mut buffers);
        }
        let Some(alpha) = alpha else { return };
        for (frame, y, opacities) in alpha.row(y, opacities, 1) {
            yuv::read_alpha_row(frame, y, opacities, &mut buffers);
        }
    });
    let image = match container.crop {
        Some(crop) => crop.apply(image),
        None => image,
    };
    let orientations: Vec<_> = container.turns.iter().filter_map(|turn| orientation(*turn)).collect();
    upright(ImageKind::Avif, image, &orientations, metadata)
}

/// All metadata of the file.
pub(super) fn source_metadata(bytes: &[u8]) -> Kept {
    container::parse(bytes, AV1).map(|container| metadata_sources(&container).kept()).unwrap_or_default()
}

fn metadata_sources<'a>(container: &'a Container<'_>) -> MetadataSources<'a> {
    let xmp = container.xmp.as_deref().map(Cow::Borrowed);
    MetadataSources { exif: container.exif.as_deref(), xmp, ..MetadataSources::default() }
}

/// The ICC profile, else the code points.
fn color_encoding<'a>(container: &Container<'a>, code_points: CodePoints) -> ColorEncoding<'a> {
    match container.profile {
        Some(profile) => ColorEncoding::Icc(profile),
        None => code_points.cicp_profile().map_or(ColorEncoding::Unspecified, ColorEncoding::Cicp),
    }
}

/// Gray if there is no chroma and no RGB profile or code points. With those, gray has their transfer curve and is
/// converted as RGB.
fn color_model(container: &Container<'_>, frames: &[Frame], encoding: ColorEncoding<'_>) -> ColorModel {
    let has_chroma = frames.iter().any(Frame::has_chroma);
    // Bytes 16 to 19 of an ICC profile name its color space.
    let is_gray_profile = || container.profile.and_then(|profile| profile.get(16..20)) == Some(b"GRAY");
    if !has_chroma && (matches!(encoding, ColorEncoding::Unspecified) || is_gray_profile()) {
        ColorModel::Gray
    } else {
        ColorModel::Rgb
    }
}

/// A turn as an orientation; `None` if it changes nothing.
fn orientation(turn: Turn) -> Option<Orientation> {
    Some(match turn {
        Turn::Rotate(0 | 4..) => return None,
        Turn::Rotate(1) => Orientation::Rotate270,
        Turn::Rotate(2) => Orientation::Rotate180,
        Turn::Rotate(3) => Orientation::Rotate90,
        Turn::FlipVertical => Orientation::FlipVertical,
        Turn::FlipHorizontal => Orientation::FlipHorizontal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotates_counterclockwise() {
        assert_eq!(orientation(Turn::Rotate(1)), Some(Orientation::Rotate270));
        assert_eq!(orientation(Turn::Rotate(0)), None);
    }
}
