//! Where a page's samples are in the file: strips or tiles, interleaved or plane by plane. All numbers are untrusted.

use std::ops::Range;

use super::compression::Compression;
use super::kind::{KIND, REMEDY};
use crate::decode::limits::Limits;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const PLANAR_CONFIGURATION: u16 = 284;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

/// Most samples of a pixel.
const MAX_SAMPLES: u64 = 64;
const PLANAR: u64 = 2;
const LOWEST_BIT_FIRST: u64 = 2;

/// The layout of a page's samples.
#[derive(Debug)]
pub(super) struct Layout {
    /// Width and height in pixels, both above 0.
    pub(super) size: (u32, u32),
    /// Bits per sample, from 1 to 64.
    pub(super) bits: usize,
    /// Samples per pixel, at least 1.
    pub(super) samples: usize,
    /// Whether each sample of a pixel has a plane of its own.
    pub(super) is_planar: bool,
    pub(super) compression: Compression,
    /// Whether the bits of each byte are reversed.
    pub(super) reverses_bits: bool,
    /// Whether chunks are tiles, which are stored at full size even where they reach beyond the page.
    pub(super) is_tiled: bool,
    /// Width and height of a chunk in pixels.
    pub(super) chunk_size: (usize, usize),
    /// The place of each chunk in the file, row by row, plane by plane.
    pub(super) chunks: Vec<Range<usize>>,
}

/// Width and height by the directory.
pub(super) fn size(ifd: &Ifd<'_>) -> Result<(u32, u32), Error> {
    let side = |tag| ifd.integer(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
    side(IMAGE_WIDTH).zip(side(IMAGE_LENGTH)).ok_or_else(|| Error::damaged(KIND, "the image has no size"))
}

impl Layout {
    /// Reads and checks the layout. Chunks end within `bytes`.
    pub(super) fn read(bytes: &[u8], ifd: &Ifd<'_>, limits: &Limits) -> Result<Self, Error> {
        let size = size(ifd)?;
        let samples = ifd.integer(SAMPLES_PER_PIXEL).unwrap_or(1);
        if !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(Error::unsupported(KIND, format!("{samples} samples per pixel"), REMEDY));
        }
        let mut layout = Self {
            size,
            bits: bits(ifd)?,
            samples: samples as usize,
            is_planar: ifd.integer(PLANAR_CONFIGURATION) == Some(PLANAR) && samples > 1,
            compression: Compression::read(ifd)?,
            reverses_bits: ifd.integer(FILL_ORDER) == Some(LOWEST_BIT_FIRST),
            is_tiled: ifd.integer(TILE_WIDTH).is_some(),
            chunk_size: (0, 0),
            chunks: Vec::new(),
        };
        layout.chunk_size = layout.read_chunk_size(ifd)?;
        // Chunks are read row by row.
        limits.check_alloc(layout.row_bytes() as u64)?;
        layout.chunks = layout.read_chunks(bytes, ifd)?;
        Ok(layout)
    }

    /// Samples of a pixel in one chunk.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }

    /// Bytes of one row of a chunk. Rows begin at whole bytes.
    pub(super) fn row_bytes(&self) -> usize {
        (self.chunk_size.0 * self.chunk_samples() * self.bits).div_ceil(8)
    }

    /// Bytes of `rows` rows of a chunk, uncompressed.
    pub(super) fn chunk_bytes(&self, rows: usize) -> usize {
        self.row_bytes().saturating_mul(rows)
    }

    /// Chunks side by side, and one above the other.
    pub(super) fn chunk_grid(&self) -> (usize, usize) {
        let (width, height) = self.chunk_size;
        ((self.size.0 as usize).div_ceil(width), (self.size.1 as usize).div_ceil(height))
    }

    fn read_chunk_size(&self, ifd: &Ifd<'_>) -> Result<(usize, usize), Error> {
        let side = |tag| ifd.integer(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0);
        let chunk = if self.is_tiled {
            side(TILE_WIDTH).zip(side(TILE_LENGTH)).ok_or_else(|| Error::damaged(KIND, "its tiles have no size"))?
        } else {
            (self.size.0, side(ROWS_PER_STRIP).unwrap_or(self.size.1).min(self.size.1))
        };
        // No product of these overflows 64 bits: sides of 32 bits are checked before they are multiplied again.
        let samples = u64::from(chunk.0) * u64::from(chunk.1);
        if samples > u64::from(u32::MAX) || u64::from(chunk.0) > u64::from(u32::MAX) / 64 {
            return Err(Error::TooMuchMemory);
        }
        Ok((chunk.0 as usize, chunk.1 as usize))
    }

    fn read_chunks(&self, bytes: &[u8], ifd: &Ifd<'_>) -> Result<Vec<Range<usize>>, Error> {
        let (offsets, lengths) =
            if self.is_tiled { (TILE_OFFSETS, TILE_BYTE_COUNTS) } else { (STRIP_OFFSETS, STRIP_BYTE_COUNTS) };
        let (across, down) = self.chunk_grid();
        let count = across.saturating_mul(down).saturating_mul(if self.is_planar { self.samples } else { 1 });
        let mut lengths = ifd.integers(lengths);
        let mut chunks = Vec::new();
        let (mut total, mut stated_total) = (0_u64, 0_u64);
        for offset in ifd.integers(offsets).take(count) {
            let offset = usize::try_from(offset).ok().filter(|offset| *offset <= bytes.len());
            let start = offset.ok_or_else(|| Error::truncated(KIND))?;
            // Some old writers leave out the lengths of uncompressed pages.
            let rest = bytes.len() - start;
            let stated = lengths.next().filter(|length| *length > 0).and_then(|length| usize::try_from(length).ok());
            let length = match stated {
                Some(length) => length.min(rest),
                None if self.compression != Compression::None => {
                    return Err(Error::damaged(KIND, "the lengths of its strips or tiles are missing"));
                }
                None => self.chunk_bytes(self.chunk_size.1).min(rest),
            };
            total = total.saturating_add(length as u64);
            stated_total = stated_total.saturating_add(stated.unwrap_or(length) as u64);
            chunks.push(start..start + length);
        }
        if chunks.len() < count {
            return Err(Error::damaged(KIND, "it has too few strips or tiles"));
        }
        // If each were the whole file, decompressing them could take long and yield little.
        let max_total = if self.compression == Compression::None { u64::MAX } else { 2 * bytes.len() as u64 };
        if total > max_total {
            return Err(Error::unsupported(KIND, "strips or tiles that share their data", REMEDY));
        }
        if stated_total > max_total {
            return Err(Error::damaged(KIND, "its strips or tiles are longer than the file"));
        }
        Ok(chunks)
    }
}

/// Bits per sample, the same for all.
fn bits(ifd: &Ifd<'_>) -> Result<usize, Error> {
    let mut bits = ifd.integers(BITS_PER_SAMPLE);
    let first = bits.next().unwrap_or(1);
    if bits.any(|other| other != first) {
        return Err(Error::unsupported(KIND, "samples of different depths", REMEDY));
    }
    if !(1..=64).contains(&first) {
        return Err(Error::unsupported(KIND, format!("{first} bits per sample"), REMEDY));
    }
    Ok(first as usize)
}
