//! PNG, fast and small: rows are filtered and compressed in strips by all threads, and the strips joined to
//! the one stream that a PNG holds, each ending at a whole byte without ending the stream, as `pigz` does it.
//! No row of pixels is held but those at work.
//!
//! In the filtered rows of a photograph hardly anything comes twice but the same byte again and again, so that is all
//! that is looked for in colors: it takes half the time of zlib's level 3, and makes smaller files than its
//! level 6, which spoils the letter codes with short matches. A matte is drawn, with edges that do come twice; its
//! strips are searched in full, each with the 32 KiB before it as its dictionary.

mod filter;

use filter::Filter;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status, Strategy};

use super::Raster;
use super::metadata::Facts;
use super::waves::in_waves;
use crate::error::Cause;

/// What a strip has of filtered rows at least, in bytes, unless the picture has less.
const STRIP: usize = 512 << 10;
/// How far back deflate looks.
const WINDOW: usize = 32 << 10;
/// Of zlib, where matches are searched for.
const LEVEL: i32 = 6;
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];

pub(super) fn write(raster: &Raster<'_>, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let (width, height) = raster.dimensions();
    let mut file = SIGNATURE.to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Bits a sample; color and alpha, or gray; one way each to compress, filter and interlace.
    header.extend([8, if raster.samples() == 4 { 6 } else { 0 }, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &[&header])?;
    // The rendering intent: perceptual.
    chunk(&mut file, b"sRGB", &[&[0]])?;
    let dots_a_metre = (facts.dpi / 0.0254).round() as u32;
    chunk(&mut file, b"pHYs", &[&dots_a_metre.to_be_bytes(), &dots_a_metre.to_be_bytes(), &[1]])?;
    for (keyword, text) in [("Author", &facts.artist), ("Copyright", &facts.copyright)] {
        if let Some(text) = text {
            international_text(&mut file, keyword, text.as_bytes())?;
        }
    }
    if let Some(packet) = facts.xmp() {
        international_text(&mut file, "XML:com.adobe.xmp", &packet)?;
    }
    data(&mut file, raster)?;
    chunk(&mut file, b"IEND", &[])?;
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], parts: &[&[u8]]) -> Result<(), Cause> {
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

/// Text in UTF-8, not compressed, without a language.
fn international_text(file: &mut Vec<u8>, keyword: &str, text: &[u8]) -> Result<(), Cause> {
    chunk(file, b"iTXt", &[keyword.as_bytes(), &[0, 0, 0, 0, 0], text])
}

/// A strip: compressed, and the checksum and the length of what was.
struct Strip {
    compressed: Vec<u8>,
    adler: u32,
    length: usize,
}

fn data(file: &mut Vec<u8>, raster: &Raster<'_>) -> Result<(), Cause> {
    let height = raster.dimensions().1 as usize;
    let rows = STRIP.div_ceil(raster.stride() + 1).min(height);
    let strips = height.div_ceil(rows);
    let mut adler = 1;
    let mut next = 0;
    in_waves(
        strips,
        |strip| self::strip(raster, strip * rows, rows.min(height - strip * rows)),
        |strip| {
            adler = zlib_rs::adler32::adler32_combine(adler, strip.adler, strip.length as u64);
            next += 1;
            // What a zlib stream begins with: deflate with a window of 32 KiB.
            let before: &[u8] = if next == 1 { &[0x78, 0x5E] } else { &[] };
            let after: &[u8] = if next == strips { &adler.to_be_bytes() } else { &[] };
            chunk(file, b"IDAT", &[before, &strip.compressed, after])
        },
    )
}

fn strip(raster: &Raster<'_>, first: usize, rows: usize) -> Result<Strip, Cause> {
    let row = raster.stride() + 1;
    let height = raster.dimensions().1 as usize;
    let strategy = if raster.samples() == 1 { Strategy::Default } else { Strategy::Rle };
    let before = match strategy {
        Strategy::Rle => 0,
        // The rows before are filtered again rather than waited for: their filters do not depend on the strip.
        _ => WINDOW.div_ceil(row).min(first),
    };
    let mut filtered = Vec::with_capacity((before + rows) * row);
    let mut filter = Filter::new(raster.stride(), raster.samples());
    if first > before {
        raster.row(first - before - 1, filter.next());
    }
    for y in first - before..first + rows {
        raster.row(y, filter.next());
        filter.append(&mut filtered);
    }
    let (dictionary, filtered) = filtered.split_at(before * row);
    // A negative number of bits leaves out what a zlib stream has around its data.
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

fn compress(deflate: &mut Deflate, input: &[u8], flush: DeflateFlush) -> Result<Vec<u8>, Cause> {
    let mut output = vec![0; input.len() / 2 + 1024];
    loop {
        let (read, written) = (deflate.total_in() as usize, deflate.total_out() as usize);
        let status = deflate.compress(&input[read..], &mut output[written..], flush).map_err(|error| error.as_str())?;
        let written = deflate.total_out() as usize;
        // A flush is done once it leaves room in the output.
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
