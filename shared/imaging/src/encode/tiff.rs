//! TIFF: strips of Deflate over horizontal differences, compressed by all threads, and unassociated alpha.
//!
//! Sources: "TIFF Revision 6.0", and Adobe's "Photoshop TIFF Technical Notes".

use std::io::Write;

use cutline_core::domain::rendering::Rendering;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::document::Document;
use super::exif::{self, Directories, ExifColors};
use super::ifd::{self, TagValue};
use super::metadata::FileMetadata;
use super::raster::{ByteOrder, Raster};
use super::waves::in_waves;
use super::{clipping_path, icc};
use crate::error::Cause;
use crate::file_colors::BitDepth;
use crate::sample::ColorSample;

/// The smallest strip of samples, in bytes, unless the picture has less.
const MIN_STRIP: usize = 256 << 10;
/// zlib's level.
const LEVEL: u32 = 4;

/// The order of bytes that the file's header states.
const ORDER: ByteOrder = ByteOrder::LittleEndian;

/// The numbers of tags.
mod tag {
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC_INTERPRETATION: u16 = 262;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(super) const X_RESOLUTION: u16 = 282;
    pub(super) const Y_RESOLUTION: u16 = 283;
    pub(super) const PLANAR_CONFIGURATION: u16 = 284;
    pub(super) const RESOLUTION_UNIT: u16 = 296;
    pub(super) const ARTIST: u16 = 315;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const XMP: u16 = 700;
    pub(super) const COPYRIGHT: u16 = 33_432;
    pub(super) const IPTC: u16 = 33_723;
    pub(super) const PHOTOSHOP_RESOURCES: u16 = 34_377;
    pub(super) const ICC_PROFILE: u16 = 34_675;
}

pub(super) fn write<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
    let raster = Raster::new(document.cutout, rendering.channels, document.file.depth, ORDER);
    let mut file = [ifd::HEADER, [0; 4]].concat();
    let kept = metadata.all.as_ref().filter(|_| metadata.keeps_exif());
    let colors = ExifColors::of(rendering.channels, &document.file.profile);
    let kept = kept.map(|all| Directories::of_tiff(&all.exif, colors));
    if let Some(kept) = &kept {
        kept.place_note(&mut file);
    }
    let strips = append_strips(&mut file, &raster)?;
    // Directories begin at even offsets.
    file.resize(file.len().next_multiple_of(2), 0);
    let others = kept.as_ref().map(|kept| kept.append_others(&mut file)).transpose()?;
    let directory_offset = u32::try_from(file.len())?.to_le_bytes();
    file[4..8].copy_from_slice(&directory_offset);
    let resources = clipping_path::resources(document, rendering)?;
    let profile = icc::of_channels(rendering.channels, &document.file.profile);
    let mut tags = tags(&raster, metadata, strips, resources);
    // The highest number.
    tags.extend(profile.map(|profile| (tag::ICC_PROFILE, TagValue::Undefined(profile.into_owned()))));
    let tags = match kept.zip(others) {
        Some((kept, others)) => exif::with_own(kept.image_with(others), tags),
        None => tags,
    };
    ifd::append(&mut file, &tags)?;
    Ok(file)
}

/// Where the strips are in the file.
struct StripTable {
    rows_per_strip: u32,
    offsets: Vec<u32>,
    lengths: Vec<u32>,
}

fn append_strips<T: ColorSample>(file: &mut Vec<u8>, raster: &Raster<'_, T>) -> Result<StripTable, Cause> {
    let height = raster.dimensions().1 as usize;
    let rows = MIN_STRIP.div_ceil(raster.stride()).min(height);
    let mut table = StripTable { rows_per_strip: rows as u32, offsets: Vec::new(), lengths: Vec::new() };
    in_waves(
        height.div_ceil(rows),
        |strip| compress_strip(raster, strip * rows, rows.min(height - strip * rows)),
        |strip| {
            table.offsets.push(u32::try_from(file.len())?);
            table.lengths.push(u32::try_from(strip.len())?);
            file.extend(strip);
            Ok(())
        },
    )?;
    Ok(table)
}

/// The directory's tags in ascending order, without the profile.
fn tags<T: ColorSample>(
    raster: &Raster<'_, T>,
    metadata: &FileMetadata,
    strips: StripTable,
    resources: Vec<u8>,
) -> Vec<(u16, TagValue)> {
    let (width, height) = raster.dimensions();
    let color = raster.is_color();
    let short = |value: u16| TagValue::Short(vec![value]);
    let mut tags = vec![
        (tag::WIDTH, TagValue::Long(vec![width])),
        (tag::HEIGHT, TagValue::Long(vec![height])),
        (tag::BITS_PER_SAMPLE, TagValue::Short(vec![raster.depth().bits().into(); raster.samples()])),
        // Deflate, as Adobe registered it.
        (tag::COMPRESSION, short(8)),
        (tag::PHOTOMETRIC_INTERPRETATION, short(photometric_interpretation(raster))),
        (tag::STRIP_OFFSETS, TagValue::Long(strips.offsets)),
        (tag::SAMPLES_PER_PIXEL, short(raster.samples() as u16)),
        (tag::ROWS_PER_STRIP, TagValue::Long(vec![strips.rows_per_strip])),
        (tag::STRIP_BYTE_COUNTS, TagValue::Long(strips.lengths)),
        (tag::X_RESOLUTION, metadata.dpi_in_thousandths()),
        (tag::Y_RESOLUTION, metadata.dpi_in_thousandths()),
        // Interleaved samples.
        (tag::PLANAR_CONFIGURATION, short(1)),
        // In inches.
        (tag::RESOLUTION_UNIT, short(2)),
    ];
    tags.extend(metadata.artist.clone().map(|artist| (tag::ARTIST, TagValue::Ascii(artist))));
    // Differences from the pixel on the left.
    tags.push((tag::PREDICTOR, short(2)));
    // Unassociated alpha: colors are not multiplied by it.
    tags.extend(color.then(|| (tag::EXTRA_SAMPLES, short(2))));
    tags.extend(metadata.xmp().map(|packet| (tag::XMP, TagValue::Byte(packet))));
    tags.extend(metadata.copyright.clone().map(|copyright| (tag::COPYRIGHT, TagValue::Ascii(copyright))));
    // The type is from Adobe's XMP specification, part 3. Readers that take it for 32-bit numbers swap its bytes.
    tags.extend(metadata.iptc().map(|data_sets| (tag::IPTC, TagValue::Undefined(data_sets))));
    tags.extend((!resources.is_empty()).then_some((tag::PHOTOSHOP_RESOURCES, TagValue::Byte(resources))));
    tags
}

/// The meaning of the colors. Separated ones are CMYK unless a tag of their own says otherwise.
fn photometric_interpretation<T: ColorSample>(raster: &Raster<'_, T>) -> u16 {
    const BLACK_IS_ZERO: u16 = 1;
    const RGB: u16 = 2;
    const SEPARATED: u16 = 5;
    match (raster.is_color(), raster.has_inks()) {
        (_, true) => SEPARATED,
        (true, false) => RGB,
        (false, false) => BLACK_IS_ZERO,
    }
}

fn compress_strip<T: ColorSample>(raster: &Raster<'_, T>, first: usize, rows: usize) -> Result<Vec<u8>, Cause> {
    let (stride, pixel) = (raster.stride(), raster.pixel());
    let mut row = vec![0; pixel + stride];
    let mut differences = vec![0; stride];
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(rows * stride / 2), Compression::new(LEVEL));
    for y in first..first + rows {
        // One pixel of zeros comes first, so that the first pixel is stored as it is.
        raster.copy_row(y, &mut row[pixel..]);
        match raster.depth() {
            BitDepth::Eight => {
                for ((to, sample), left) in differences.iter_mut().zip(&row[pixel..]).zip(&row) {
                    *to = sample.wrapping_sub(*left);
                }
            }
            BitDepth::Sixteen => {
                let samples = row[pixel..].as_chunks::<2>().0.iter().zip(row.as_chunks::<2>().0);
                for (to, (sample, left)) in differences.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
                    *to = ORDER.bytes(ORDER.sample(*sample).wrapping_sub(ORDER.sample(*left)));
                }
            }
        }
        encoder.write_all(&differences)?;
    }
    Ok(encoder.finish()?)
}
