//! The decoded samples of a page.

use std::num::NonZeroUsize;

use tiff::decoder::{BufferLayoutPreference, ChunkType, DecodingSampleType};

use super::decoder::{KIND, REMEDY, TiffDecoder, decoder_error};
use super::predictor;
use super::sample_format::SampleFormat;
use crate::decode::color::Sample;
use crate::decode::limits::Limits;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

const SAMPLES_PER_PIXEL: u16 = 277;
const PREDICTOR: u16 = 317;
const HORIZONTAL_DIFFERENCING: u64 = 2;

/// The decoded samples of a page, pixel by pixel or plane by plane, in native byte order.
pub(super) struct Page {
    bytes: Vec<u8>,
    is_16_bit: bool,
    /// Bytes per row.
    stride: usize,
    /// Bytes per plane, if each sample of a pixel has a plane of its own.
    plane: Option<usize>,
}

impl Page {
    /// Decodes a page whose size and chunks are checked.
    pub(super) fn decode(
        decoder: &mut TiffDecoder<'_>,
        ifd: &Ifd<'_>,
        format: &SampleFormat,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let layout = decoder.image_buffer_layout().map_err(decoder_error)?;
        limits.check_alloc(layout.complete_len as u64)?;
        let is_16_bit = is_16_bit(&layout)?;
        let stored = ifd.integer(SAMPLES_PER_PIXEL).and_then(|samples| usize::try_from(samples).ok()).unwrap_or(1);
        let drops_samples = layout.planes == 1 && stored > format.samples;
        if drops_samples && decoder.get_chunk_type() == ChunkType::Tile {
            // The decoder would take a row of a tile for a row of the image.
            let remedy = "save it without extra channels";
            return Err(Error::unsupported(KIND, format!("tiles of {stored} samples per pixel"), remedy));
        }
        let mut bytes = vec![0; layout.complete_len];
        decoder.read_image_bytes(&mut bytes).map_err(decoder_error)?;
        let stride = layout.row_stride.map_or(0, NonZeroUsize::get);
        if drops_samples && ifd.integer(PREDICTOR) == Some(HORIZONTAL_DIFFERENCING) {
            for row in bytes.chunks_mut(stride.max(1)) {
                if is_16_bit {
                    predictor::correct_row::<2>(row, stored, format.samples);
                } else {
                    predictor::correct_row::<1>(row, stored, format.samples);
                }
            }
        }
        let plane = layout.plane_stride.filter(|_| layout.planes > 1).map(NonZeroUsize::get);
        Ok(Self { bytes, is_16_bit, stride, plane })
    }

    pub(super) fn is_16_bit(&self) -> bool {
        self.is_16_bit
    }

    /// Reads row `y`: colors pixel by pixel, and alpha unless its slice is empty.
    pub(super) fn read_row<T: Sample>(&self, format: &SampleFormat, y: usize, colors: &mut [T], alpha: &mut [T]) {
        if format.depth < 8 {
            self.unpack_row(format.depth, y, colors);
            return;
        }
        let model_samples = format.model.samples();
        for (x, pixel) in colors.chunks_exact_mut(model_samples).enumerate() {
            for (sample, color) in pixel.iter_mut().enumerate() {
                *color = self.sample(format, x, y, sample);
            }
            if format.is_ycbcr {
                ycbcr_to_rgb(pixel);
            }
        }
        for (x, alpha) in alpha.iter_mut().enumerate() {
            *alpha = self.sample(format, x, y, model_samples);
        }
    }

    /// One sample of 8 or 16 bits. 0 where the decoder returned too few.
    fn sample<T: Sample>(&self, format: &SampleFormat, x: usize, y: usize, sample: usize) -> T {
        let size = usize::from(format.depth / 8);
        let at = match self.plane {
            Some(plane) => sample * plane + y * self.stride + x * size,
            None => y * self.stride + (x * format.samples + sample) * size,
        };
        match self.bytes.get(at..at + size) {
            Some([byte]) => T::from_u32((*byte).into()),
            Some([a, b]) => T::from_u32(u16::from_ne_bytes([*a, *b]).into()),
            _ => T::default(),
        }
    }

    /// Unpacks samples of fewer than 8 bits, the first one in the highest bits, and scales them to the full range.
    fn unpack_row<T: Sample>(&self, depth: u8, y: usize, row: &mut [T]) {
        let (per_byte, max) = (usize::from(8 / depth), (1_u32 << depth) - 1);
        for (x, value) in row.iter_mut().enumerate() {
            let byte = self.bytes.get(y * self.stride + x / per_byte).copied().unwrap_or_default();
            let shift = 8 - depth * ((x % per_byte) as u8 + 1);
            *value = T::from_u32((u32::from(byte) >> shift & max) * T::MAX / max);
        }
    }
}

/// Whether samples are decoded as 16 bits; else as 8.
fn is_16_bit(layout: &BufferLayoutPreference) -> Result<bool, Error> {
    match layout.sample_type {
        Some(DecodingSampleType::U8) => Ok(false),
        Some(DecodingSampleType::U16) => Ok(true),
        Some(DecodingSampleType::F16 | DecodingSampleType::F32 | DecodingSampleType::F64) => {
            Err(Error::unsupported(KIND, "floating-point samples", REMEDY))
        }
        _ => Err(Error::unsupported(KIND, "an uncommon type of samples", REMEDY)),
    }
}

/// Converts one pixel of full-range YCbCr by the matrix of JFIF.
fn ycbcr_to_rgb<T: Sample>(pixel: &mut [T]) {
    let [red, green, blue] = pixel else { return };
    let half = (T::MAX / 2 + 1) as f32;
    let (y, cb, cr) = (red.to_u32() as f32, green.to_u32() as f32 - half, blue.to_u32() as f32 - half);
    // A cast from a float saturates.
    let rounded = |value: f32| T::from_u32(value.round() as u32);
    (*red, *green, *blue) =
        (rounded(y + 1.402 * cr), rounded(y - 0.344_136 * cb - 0.714_136 * cr), rounded(y + 1.772 * cb));
}
