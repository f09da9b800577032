//! Checks of strips and tiles: the decoder allocates memory by their sizes, in addition to the image.

use tiff::decoder::ChunkType;
use tiff::tags::{CompressionMethod, Tag};

use super::decoder::{KIND, TiffDecoder, decoder_error};
use super::sample_format::SampleFormat;
use crate::decode::jpeg::markers;
use crate::decode::limits::Limits;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

/// Longest tables that the JPEGs of a file share, in bytes.
const MAX_JPEG_TABLES: usize = 64 << 10;
const JPEG_TABLES: u16 = 347;
/// Bytes per sample of the decoder's tile buffer, at most.
const MAX_SAMPLE_BYTES: u64 = 2;

/// Where strips or tiles are in the file.
struct Chunks {
    offsets: Vec<u64>,
    /// In bytes.
    lengths: Vec<u64>,
}

/// Checks the size of a tile, that strips or tiles do not overlap, and the headers of JPEGs in them.
pub(super) fn check(
    bytes: &[u8],
    ifd: &Ifd<'_>,
    decoder: &mut TiffDecoder<'_>,
    format: &SampleFormat,
    limits: &Limits,
) -> Result<(), Error> {
    let (width, height) = decoder.chunk_dimensions();
    if decoder.get_chunk_type() == ChunkType::Tile {
        let pixels = u64::from(width).saturating_mul(height.into());
        limits.check_alloc(pixels.saturating_mul(format.samples as u64 * MAX_SAMPLE_BYTES))?;
    }
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(decoder_error)?;
    let compression = compression.map_or(CompressionMethod::None, CompressionMethod::from_u16_exhaustive);
    if compression == CompressionMethod::None {
        return Ok(());
    }
    let chunks = read_chunks(decoder)?;
    // If each were the whole file, decompressing them could take long and yield little.
    let total = chunks.lengths.iter().fold(0, |total: u64, length| total.saturating_add(*length));
    if total > 2 * bytes.len() as u64 {
        return Err(Error::damaged(KIND, "its strips or tiles overlap"));
    }
    if compression == CompressionMethod::ModernJPEG {
        check_jpegs(bytes, ifd, &chunks, (width, height))?;
    }
    Ok(())
}

fn read_chunks(decoder: &mut TiffDecoder<'_>) -> Result<Chunks, Error> {
    let (offsets, lengths) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let offsets = decoder.get_tag_u64_vec(offsets).map_err(decoder_error)?;
    let lengths = decoder.get_tag_u64_vec(lengths).map_err(decoder_error)?;
    Ok(Chunks { offsets, lengths })
}

/// Checks that no JPEG is larger than the strip or tile it is in.
fn check_jpegs(bytes: &[u8], ifd: &Ifd<'_>, chunks: &Chunks, size: (u32, u32)) -> Result<(), Error> {
    // The decoder puts the shared tables, without their end marker, in place of each JPEG's start marker.
    let tables = ifd.bytes(JPEG_TABLES).map(|tables| tables.get(..tables.len().saturating_sub(2)).unwrap_or_default());
    if tables.is_some_and(|tables| tables.len() > MAX_JPEG_TABLES) {
        return Err(Error::damaged(KIND, "its JPEG tables are too long"));
    }
    for (offset, length) in chunks.offsets.iter().zip(&chunks.lengths) {
        let chunk = usize::try_from(*offset).ok().zip(usize::try_from(offset.saturating_add(*length)).ok());
        let chunk = chunk.and_then(|(start, end)| bytes.get(start..end)).ok_or_else(|| Error::truncated(KIND))?;
        let joined = tables.map(|tables| [tables, chunk.get(2..).unwrap_or_default()].concat());
        let jpeg = markers::first_image(KIND, joined.as_deref().unwrap_or(chunk))?;
        let (width, height) =
            markers::frame_size(jpeg).ok_or_else(|| Error::damaged(KIND, "a strip or tile has no JPEG header"))?;
        // The last strip's JPEG may be taller than the rest of the image, but not than other strips.
        if width > size.0.next_multiple_of(16) || height > size.1.next_multiple_of(16) {
            return Err(Error::damaged(KIND, "a JPEG is larger than its strip or tile"));
        }
    }
    Ok(())
}
