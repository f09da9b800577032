//! PNG, fast and small: all threads filter and compress strips of rows, which are joined to the single stream that a PNG
//! holds. Each strip ends at a byte boundary without ending the stream, as in `pigz`. Only the strips in progress are in
//! memory.
//!
//! Filtered rows of a photograph hardly repeat anything but single bytes, so in color only runs are searched for
//! (zlib's strategy `Rle`). That takes half the time of zlib's level 3, and makes smaller files than its level 6, whose
//! short matches spoil the Huffman codes. Mattes have edges that do repeat. Their strips are searched in full, each with
//! the 32 KiB before it as its dictionary.

mod filter;

use std::io::Write;

use cutline_core::domain::rendering::Rendering;
use filter::RowFilter;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status, Strategy};

use super::document::Document;
use super::exif::ExifColors;
use super::metadata::FileMetadata;
use super::raster::{ByteOrder, Raster};
use super::waves::in_waves;
use crate::error::Cause;
use crate::file_colors::EmbeddedProfile;
use crate::sample::ColorSample;

/// The smallest strip of filtered rows, in bytes, unless the picture has less.
const MIN_STRIP: usize = 512 << 10;
/// Deflate's window, in bytes.
const WINDOW: usize = 32 << 10;
/// zlib's level where matches are searched for.
const LEVEL: i32 = 6;
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];

pub(super) fn write<T: ColorSample>(
    document: &Document<'_, T>,
    rendering: &Rendering,
    metadata: &FileMetadata,
) -> Result<Vec<u8>, Cause> {
    let raster = Raster::new(document.cutout, rendering.channels, document.file.depth, ByteOrder::BigEndian);
    let (width, height) = raster.dimensions();
    let mut file = SIGNATURE.to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Bits a sample; RGBA or gray; the only methods of compression, filtering and interlacing.
    header.extend([raster.depth().bits(), if raster.is_color() { 6 } else { 0 }, 0, 0, 0]);
    append_chunk(&mut file, b"IHDR", &[&header])?;
    // Alpha alone is gray, for which no profile of colors is made.
    append_profile(&mut file, if raster.is_color() { &document.file.profile } else { &EmbeddedProfile::Srgb })?;
    let dots_per_meter = (metadata.dpi / 0.0254).round() as u32;
    append_chunk(&mut file, b"pHYs", &[&dots_per_meter.to_be_bytes(), &dots_per_meter.to_be_bytes(), &[1]])?;
    for (keyword, text) in [("Author", &metadata.artist), ("Copyright", &metadata.copyright)] {
        if let Some(text) = text {
            append_text(&mut file, keyword, text.as_bytes())?;
        }
    }
    if let Some(packet) = metadata.xmp() {
        append_text(&mut file, "XML:com.adobe.xmp", &packet)?;
    }
    if metadata.keeps_exif() {
        let colors = ExifColors::of(rendering.channels, &document.file.profile);
        append_chunk(&mut file, b"eXIf", &[&metadata.exif((width, height), colors)?])?;
    }
    append_image_data(&mut file, &raster)?;
    append_chunk(&mut file, b"IEND", &[])?;
    Ok(file)
}

fn append_chunk(file: &mut Vec<u8>, kind: &[u8; 4], parts: &[&[u8]]) -> Result<(), Cause> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    file.extend(u32::try_from(length)?.to_be_bytes());
    let start = file.len();
    file.extend(kind);
    for part in parts {
        file.extend(*part);
    }
    let checksum = zlib_rs::crc32::crc32(0, &file[start..]);
    file.extend(checksum.to_be_bytes());
    Ok(())
}

/// Appends what says which colors the samples mean.
fn append_profile(file: &mut Vec<u8>, profile: &EmbeddedProfile) -> Result<(), Cause> {
    match profile {
        // The rendering intent: perceptual.
        EmbeddedProfile::Srgb => append_chunk(file, b"sRGB", &[&[0]]),
        // A PNG of inks is refused before.
        EmbeddedProfile::Untagged | EmbeddedProfile::Inks(_) => Ok(()),
        EmbeddedProfile::Icc(bytes) => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(LEVEL as u32));
            encoder.write_all(bytes)?;
            // Any name, and the only method of compression.
            append_chunk(file, b"iCCP", &[b"ICC profile\0\0", &encoder.finish()?])
        }
    }
}

/// Appends UTF-8 text, uncompressed and without a language.
fn append_text(file: &mut Vec<u8>, keyword: &str, text: &[u8]) -> Result<(), Cause> {
    append_chunk(file, b"iTXt", &[keyword.as_bytes(), &[0, 0, 0, 0, 0], text])
}

/// Compressed rows, and the checksum and length of what was compressed.
struct Strip {
    compressed: Vec<u8>,
    adler: u32,
    length: usize,
}

fn append_image_data<T: ColorSample>(file: &mut Vec<u8>, raster: &Raster<'_, T>) -> Result<(), Cause> {
    let height = raster.dimensions().1 as usize;
    let rows = MIN_STRIP.div_ceil(raster.stride() + 1).min(height);
    let strips = height.div_ceil(rows);
    let mut adler = 1;
    let mut count = 0;
    in_waves(
        strips,
        |strip| compress_strip(raster, strip * rows, rows.min(height - strip * rows)),
        |strip| {
            adler = zlib_rs::adler32::adler32_combine(adler, strip.adler, strip.length as u64);
            count += 1;
            // The header of a zlib stream: deflate with a window of 32 KiB.
            let before: &[u8] = if count == 1 { &[0x78, 0x5E] } else { &[] };
            let after: &[u8] = if count == strips { &adler.to_be_bytes() } else { &[] };
            append_chunk(file, b"IDAT", &[before, &strip.compressed, after])
        },
    )
}

fn compress_strip<T: ColorSample>(raster: &Raster<'_, T>, first: usize, rows: usize) -> Result<Strip, Cause> {
    let row = raster.stride() + 1;
    let height = raster.dimensions().1 as usize;
    let strategy = if raster.is_color() { Strategy::Rle } else { Strategy::Default };
    let dictionary_rows = match strategy {
        Strategy::Rle => 0,
        // These rows are filtered a second time rather than waited for: a row's filter does not depend on its strip.
        _ => WINDOW.div_ceil(row).min(first),
    };
    let filtered = filter_rows(raster, first - dictionary_rows, dictionary_rows + rows);
    let (dictionary, filtered) = filtered.split_at(dictionary_rows * row);
    // Negative window bits: raw deflate, without the header and checksum of a zlib stream.
    let config = DeflateConfig { level: LEVEL, window_bits: -15, mem_level: 9, strategy, ..Default::default() };
    let mut deflate = Deflate::new_with_config(config);
    if !dictionary.is_empty() {
        deflate
            .set_dictionary(&dictionary[dictionary.len().saturating_sub(WINDOW)..])
            .map_err(|error| error.as_str())?;
    }
    let flush = if first + rows == height { DeflateFlush::Finish } else { DeflateFlush::SyncFlush };
    Ok(Strip {
        compressed: compress(&mut deflate, filtered, flush)?,
        adler: zlib_rs::adler32::adler32(1, filtered),
        length: filtered.len(),
    })
}

fn filter_rows<T: ColorSample>(raster: &Raster<'_, T>, first: usize, rows: usize) -> Vec<u8> {
    let mut filtered = Vec::with_capacity(rows * (raster.stride() + 1));
    let mut filter = RowFilter::new(raster.stride(), raster.pixel());
    if first > 0 {
        raster.copy_row(first - 1, filter.next_row());
    }
    for y in first..first + rows {
        raster.copy_row(y, filter.next_row());
        filter.append(&mut filtered);
    }
    filtered
}

fn compress(deflate: &mut Deflate, input: &[u8], flush: DeflateFlush) -> Result<Vec<u8>, Cause> {
    let mut output = vec![0; input.len() / 2 + 1024];
    loop {
        let (read, written) = (deflate.total_in() as usize, deflate.total_out() as usize);
        let status = deflate.compress(&input[read..], &mut output[written..], flush).map_err(|error| error.as_str())?;
        let written = deflate.total_out() as usize;
        // A flush is complete once it leaves room in the output.
        let done = match flush {
            DeflateFlush::Finish => status == Status::StreamEnd,
            _ => written < output.len(),
        };
        if done {
            output.truncate(written);
            return Ok(output);
        }
        output.resize(output.len() * 2, 0);
    }
}
