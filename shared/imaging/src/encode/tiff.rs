//! TIFF: strips of Deflate over horizontal differences, compressed by all threads; alpha that is not multiplied in.
//!
//! After "TIFF Revision 6.0" and Adobe's "Photoshop TIFF Technical Notes".

use std::io::Write;

use cutline_core::domain::rendering::Rendering;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::ifd::{self, Value};
use super::metadata::Facts;
use super::waves::in_waves;
use super::{Document, Raster, icc, path_resources};
use crate::error::Cause;

/// A file has 4 GiB at most, and a pixel that does not shrink four bytes and a little.
pub(super) const MAX_PIXELS: u64 = 32_000 * 32_000;
/// The side of a square of so many pixels.
pub(super) const MAX_SIDE_OF_SQUARE: u32 = 32_000;
/// What a strip has of samples at least, in bytes, unless the picture has less.
const STRIP: usize = 256 << 10;
/// Of zlib.
const LEVEL: u32 = 4;

pub(super) fn write(document: &Document<'_>, rendering: &Rendering, facts: &Facts) -> Result<Vec<u8>, Cause> {
    let raster = Raster::of(document, rendering.channels);
    let (width, height) = raster.dimensions();
    let color = raster.samples() == 4;
    let rows = STRIP.div_ceil(raster.stride()).min(height as usize);
    let mut file = [ifd::HEADER, [0; 4]].concat();
    let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
    in_waves(
        (height as usize).div_ceil(rows),
        |strip| self::strip(&raster, strip * rows, rows.min(height as usize - strip * rows)),
        |strip| {
            offsets.push(u32::try_from(file.len())?);
            lengths.push(u32::try_from(strip.len())?);
            file.extend(strip);
            Ok(())
        },
    )?;
    // Directories begin at even offsets.
    file.resize(file.len().next_multiple_of(2), 0);
    let begins_at = u32::try_from(file.len())?.to_le_bytes();
    file[4..8].copy_from_slice(&begins_at);

    let resources = path_resources(document, rendering)?;
    let short = |value: u16| Value::Short(vec![value]);
    let mut tags = vec![
        (256, Value::Long(vec![width])),
        (257, Value::Long(vec![height])),
        (258, Value::Short(vec![8; raster.samples()])),
        // Deflate, as Adobe registered it.
        (259, short(8)),
        // RGB, or gray where 0 is black.
        (262, short(if color { 2 } else { 1 })),
        (273, Value::Long(offsets)),
        (277, short(raster.samples() as u16)),
        (278, Value::Long(vec![rows as u32])),
        (279, Value::Long(lengths)),
        (282, facts.dpi_in_thousandths()),
        (283, facts.dpi_in_thousandths()),
        (284, short(1)),
        (296, short(2)),
    ];
    tags.extend(facts.artist.clone().map(|artist| (315, Value::Ascii(artist))));
    // Differences from the pixel on the left.
    tags.push((317, short(2)));
    // Unassociated alpha: colors are not multiplied by it.
    tags.extend(color.then(|| (338, short(2))));
    tags.extend(facts.xmp().map(|packet| (700, Value::Byte(packet))));
    tags.extend(facts.copyright.clone().map(|copyright| (33_432, Value::Ascii(copyright))));
    // Of the type that Adobe's XMP specification, part 3, gives it; others have it as 32-bit numbers, and swap its bytes.
    tags.extend(facts.iptc().map(|sets| (33_723, Value::Undefined(sets))));
    tags.extend((!resources.is_empty()).then_some((34_377, Value::Byte(resources))));
    tags.push((34_675, Value::Undefined(if color { icc::srgb() } else { icc::gray() })));
    ifd::append(&mut file, &tags)?;
    Ok(file)
}

fn strip(raster: &Raster<'_>, first: usize, rows: usize) -> Result<Vec<u8>, Cause> {
    let (stride, samples) = (raster.stride(), raster.samples());
    let mut row = vec![0; samples + stride];
    let mut differences = vec![0; stride];
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(rows * stride / 2), Compression::new(LEVEL));
    for y in first..first + rows {
        // Behind one pixel of zeros, so that the first is told in full.
        raster.row(y, &mut row[samples..]);
        for ((to, sample), left) in differences.iter_mut().zip(&row[samples..]).zip(&row) {
            *to = sample.wrapping_sub(*left);
        }
        encoder.write_all(&differences)?;
    }
    Ok(encoder.finish()?)
}
