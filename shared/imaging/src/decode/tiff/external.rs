//! Pages compressed by JPEG or for fax, decoded by the `tiff` crate.

use std::io::{Cursor, ErrorKind};

use tiff::decoder::{ChunkType, Decoder};
use tiff::{TiffError, TiffUnsupportedError};

use super::compression::Compression;
use super::kind::{KIND, REMEDY};
use super::layout::Layout;
use super::page::Page;
use super::sample_format::{Number, SampleFormat, Stored};
use super::unpack::StoredSamples;
use crate::decode::jpeg::markers;
use crate::decode::limits::Limits;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

type TiffDecoder<'a> = Decoder<Cursor<&'a [u8]>>;

/// Most bytes of one tag's value, such as the offsets of the strips or a profile.
const MAX_TAG_BYTES: usize = 16 << 20;
/// Longest tables that the JPEGs of a file share, in bytes.
const MAX_JPEG_TABLES: usize = 64 << 10;
const JPEG_TABLES: u16 = 347;

/// Decodes page `index` of the file. The `tiff` crate returns light for gray, whatever the page says.
pub(super) fn decode(
    bytes: &[u8],
    (ifd, index): (&Ifd<'_>, usize),
    layout: &Layout,
    format: SampleFormat,
    limits: &Limits,
) -> Result<Page<u8>, Error> {
    let is_jpeg = layout.compression == Compression::Jpeg;
    let kept = format.samples();
    if layout.is_planar || layout.samples != kept || layout.bits != if is_jpeg { 8 } else { 1 } {
        let feature = format!("{} samples of {} bits per pixel with this compression", layout.samples, layout.bits);
        return Err(Error::unsupported(KIND, feature, REMEDY));
    }
    if is_jpeg {
        check_jpegs(bytes, ifd, layout)?;
    }
    let mut decoder = open(bytes, index, limits)?;
    let (width, height) = layout.size;
    if decoder.dimensions().map_err(decoder_error)? != (width, height) {
        return Err(Error::damaged(KIND, "the image has two sizes"));
    }
    let is_tiled = decoder.get_chunk_type() == ChunkType::Tile;
    if is_tiled != layout.is_tiled {
        return Err(Error::damaged(KIND, "it has both strips and tiles"));
    }
    if is_tiled {
        let (width, height) = decoder.chunk_dimensions();
        limits.check_alloc(u64::from(width).saturating_mul(height.into()).saturating_mul(kept as u64))?;
    }
    let stored = decoder.image_buffer_layout().map_err(decoder_error)?.complete_len;
    let stride = width as usize * kept;
    let packed_stride = (stride * layout.bits).div_ceil(8);
    if stored != packed_stride * height as usize {
        return Err(Error::damaged(KIND, "its samples do not fill the image"));
    }
    limits.check_alloc((stride * height as usize) as u64)?;
    let mut samples = vec![0; stored];
    decoder.read_image_bytes(&mut samples).map_err(decoder_error)?;
    if !is_jpeg {
        samples = unpack_bits(&samples, packed_stride, stride);
    }
    let stored = if format.stored == Stored::Inverted { Stored::Plain } else { format.stored };
    Ok(Page { samples, stride, format: SampleFormat { stored, ..format }, palette: None })
}

fn unpack_bits(packed: &[u8], packed_stride: usize, stride: usize) -> Vec<u8> {
    let format = StoredSamples { bits: 1, number: Number::Unsigned, is_scaled: true };
    let mut samples = vec![0; packed.len() / packed_stride * stride];
    for (row, packed) in samples.chunks_exact_mut(stride).zip(packed.chunks_exact(packed_stride)) {
        format.unpack(packed, true, row);
    }
    samples
}

/// A decoder of a page with these limits.
fn open<'a>(bytes: &'a [u8], index: usize, limits: &Limits) -> Result<TiffDecoder<'a>, Error> {
    let max_alloc = limits.max_alloc_usize();
    let mut decoder_limits = tiff::decoder::Limits::default();
    decoder_limits.decoding_buffer_size = max_alloc;
    decoder_limits.intermediate_buffer_size = max_alloc;
    decoder_limits.ifd_value_size = max_alloc.min(MAX_TAG_BYTES);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(decoder_error)?.with_limits(decoder_limits);
    if index > 0 {
        decoder.seek_to_image(index).map_err(decoder_error)?;
    }
    Ok(decoder)
}

/// Checks that no JPEG is larger than the strip or tile it is in.
fn check_jpegs(bytes: &[u8], ifd: &Ifd<'_>, layout: &Layout) -> Result<(), Error> {
    // The decoder puts the shared tables, without their end marker, in place of each JPEG's start marker.
    let tables = ifd.bytes(JPEG_TABLES).map(|tables| tables.get(..tables.len().saturating_sub(2)).unwrap_or_default());
    if tables.is_some_and(|tables| tables.len() > MAX_JPEG_TABLES) {
        return Err(Error::unsupported(KIND, "long JPEG tables", REMEDY));
    }
    for place in &layout.chunks {
        let chunk = &bytes[place.clone()];
        let joined = tables.map(|tables| [tables, chunk.get(2..).unwrap_or_default()].concat());
        let jpeg = markers::first_image(KIND, joined.as_deref().unwrap_or(chunk))?;
        let (width, height) =
            markers::frame_size(jpeg).ok_or_else(|| Error::damaged(KIND, "a strip or tile has no JPEG header"))?;
        // The last strip's JPEG may be taller than the rest of the image, but not than other strips.
        let most = |side: usize| u32::try_from(side.next_multiple_of(16)).unwrap_or(u32::MAX);
        if width > most(layout.chunk_size.0) || height > most(layout.chunk_size.1) {
            return Err(Error::damaged(KIND, "a JPEG is larger than its strip or tile"));
        }
    }
    Ok(())
}

fn decoder_error(error: TiffError) -> Error {
    match error {
        TiffError::LimitsExceeded => Error::TooMuchMemory,
        TiffError::UnsupportedError(ref unsupported) => {
            let feature = match unsupported {
                TiffUnsupportedError::UnknownCompressionMethod
                | TiffUnsupportedError::UnsupportedCompressionMethod(_) => "an uncommon compression",
                _ => "an uncommon variant of the format",
            };
            Error::unsupported(KIND, feature, REMEDY).caused_by(error)
        }
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::truncated(KIND).caused_by(error)
        }
        error => Error::undecodable(KIND, error),
    }
}
