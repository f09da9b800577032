//! JPEG: the subject on white, without chroma subsampling, and the segments for profile, credit and clipping path.

use cutline_core::Channels;
use cutline_core::domain::rendering::Rendering;
use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::{GenericImageView, Pixel, Rgb};

use super::document::Document;
use super::exif::{ExifColors, FittedExif};
use super::jpeg_limits::{EXIF, MAX_EXIF, MAX_SEGMENT, MAX_XMP, XMP};
use super::metadata::FileMetadata;
use super::raster::on_white;
use super::xmp::FittedXmp;
use super::{clipping_path, icc};
use crate::error::Cause;
use crate::photoshop;
use crate::planes::PlanarRgba;
use crate::sample::ColorSample;

/// Out of 100.
const DEFAULT_QUALITY: u8 = 92;
mod marker {
    pub(super) const APP1: u8 = 0xE1;
    pub(super) const APP2: u8 = 0xE2;
    pub(super) const APP13: u8 = 0xED;
}

pub(super) fn write<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
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
fn segments<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
    let colors = ExifColors::of(rendering.channels, &document.file.profile);
    let mut segments = Vec::new();
    let FittedExif { block, .. } = metadata.exif_within(document.cutout.dimensions(), colors, MAX_EXIF)?;
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
    if let Some(profile) = icc::of_channels(rendering.channels, &document.file.profile) {
        append_profile(&mut segments, &profile)?;
    }
    Ok(segments)
}

/// Appends a profile, in as many segments as it takes. Each has its number and their count.
fn append_profile(segments: &mut Vec<u8>, profile: &[u8]) -> Result<(), Cause> {
    const NAME: &[u8] = b"ICC_PROFILE\0";
    let parts = profile.chunks(MAX_SEGMENT - NAME.len() - 2);
    let count = u8::try_from(parts.len())?;
    for (part, number) in parts.zip(1_u8..) {
        append_segment(segments, marker::APP2, &[NAME, &[number, count], part])?;
    }
    Ok(())
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
struct OnWhite<'a, T: ColorSample>(&'a PlanarRgba<T>);

impl<T: ColorSample> GenericImageView for OnWhite<'_, T> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let alpha = self.0.alpha().get_pixel(x, y).0[0];
        let color = self.0.color().get_pixel(x, y).channels();
        Rgb([color[0], color[1], color[2]].map(|value| on_white(value, alpha).to_u8()))
    }
}
