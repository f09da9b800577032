//! JPEG: the subject on white, without chroma subsampling, and the segments for profile, credit and clipping path.

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;
use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::{GenericImageView, Rgb};

use super::document::Document;
use super::exif::FittedExif;
use super::jpeg_limits::{EXIF, MAX_EXIF, MAX_SEGMENT, MAX_XMP, XMP};
use super::metadata::FileMetadata;
use super::raster::on_white;
use super::xmp::FittedXmp;
use super::{clipping_path, icc};
use crate::error::Cause;
use crate::photoshop;
use crate::planes::PlanarRgba;

/// Out of 100.
const DEFAULT_QUALITY: u8 = 92;
mod marker {
    pub(super) const APP1: u8 = 0xE1;
    pub(super) const APP2: u8 = 0xE2;
    pub(super) const APP13: u8 = 0xED;
}

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, metadata: &FileMetadata) -> Result<Vec<u8>, Cause> {
    let quality = rendering.quality.map_or(DEFAULT_QUALITY, |quality| quality.get());
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    let density = metadata.dpi.round() as u16;
    encoder.set_pixel_density(PixelDensity { density: (density, density), unit: PixelDensityUnit::Inches });
    match rendering.channels {
        Channels::Alpha => encoder.encode_image(document.cutout.alpha())?,
        Channels::Rgba => encoder.encode_image(&OnWhite(document.cutout))?,
    }
    let segments = segments(document, rendering, metadata)?;

    // They follow the JFIF segment, which has to be the first.
    let after_jfif = match file.get(..6) {
        Some([0xFF, 0xD8, 0xFF, 0xE0, high, low]) => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => return Err("unexpected output of the JPEG encoder: no JFIF segment".into()),
    };
    file.splice(after_jfif..after_jfif, segments);
    Ok(file)
}

/// The segments with metadata, clipping path and profile.
fn segments(document: &Document<'_>, rendering: &Rendering, metadata: &FileMetadata) -> Result<Vec<u8>, Cause> {
    let gray = rendering.channels == Channels::Alpha;
    let mut segments = Vec::new();
    let FittedExif { block, .. } = metadata.exif_within(document.cutout.dimensions(), gray, MAX_EXIF)?;
    append_segment(&mut segments, marker::APP1, &[EXIF, &block])?;
    if let FittedXmp { packet: Some(packet), .. } = metadata.xmp_within(MAX_XMP) {
        append_segment(&mut segments, marker::APP1, &[XMP, &packet])?;
    }
    let mut resources = Vec::new();
    if let Some(data_sets) = metadata.iptc() {
        photoshop::append(&mut resources, photoshop::IPTC, &[], &data_sets)?;
    }
    resources.extend(clipping_path::resources(document, rendering)?);
    // Resources that are longer than a segment continue in the next one.
    const NAME: &[u8] = b"Photoshop 3.0\0";
    for part in resources.chunks(MAX_SEGMENT - NAME.len()) {
        append_segment(&mut segments, marker::APP13, &[NAME, part])?;
    }
    // Segment 1 of 1 of the profile.
    let profile = if gray { icc::gray() } else { icc::srgb() };
    append_segment(&mut segments, marker::APP2, &[b"ICC_PROFILE\0\x01\x01", &profile])?;
    Ok(segments)
}

fn append_segment(segments: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) -> Result<(), Cause> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    segments.extend([0xFF, marker]);
    segments.extend(u16::try_from(length + 2)?.to_be_bytes());
    for part in parts {
        segments.extend(*part);
    }
    Ok(())
}

/// The subject on white. The encoder reads each pixel once, so none of it is stored.
struct OnWhite<'a>(&'a PlanarRgba);

impl GenericImageView for OnWhite<'_> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let alpha = self.0.alpha().get_pixel(x, y).0[0];
        Rgb(self.0.color().get_pixel(x, y).0.map(|value| on_white(value, alpha)))
    }
}
