//! The decoded samples of a page, pixel by pixel.

use std::io::Read;

use super::compression::reader_error;
use super::layout::Layout;
use super::palette::Palette;
use super::predictor::Predictor;
use super::sample_format::{Number, SampleFormat, Stored};
use super::unpack::StoredSamples;
use crate::decode::color::Sample;
use crate::decode::limits::Limits;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

/// The samples of a page, those of a pixel next to each other: [`SampleFormat::samples`] of them.
pub(super) struct Page<T> {
    pub(super) samples: Vec<T>,
    /// Samples per row.
    pub(super) stride: usize,
    pub(super) format: SampleFormat,
    pub(super) palette: Option<Palette>,
}

/// Whether samples are decoded to 16 bits; else to 8.
pub(super) fn is_deep(layout: &Layout, format: &SampleFormat) -> bool {
    layout.bits > 8 || format.number == Number::Float
}

impl<T: Sample> Page<T> {
    /// Decodes the strips or tiles of a page in `bytes`.
    pub(super) fn decode(
        bytes: &[u8],
        ifd: &Ifd<'_>,
        layout: &Layout,
        format: SampleFormat,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let palette = (format.stored == Stored::Index).then(|| Palette::read(ifd, layout.bits)).transpose()?;
        let stride = layout.size.0 as usize * format.samples();
        limits.check_alloc((stride * layout.size.1 as usize * size_of::<T>()) as u64)?;
        let mut page = Self { samples: vec![T::default(); stride * layout.size.1 as usize], stride, format, palette };
        let rows = RowReader::new(ifd, layout, &format)?;
        let (across, down) = layout.chunk_grid();
        for (index, place) in layout.chunks.iter().enumerate() {
            let (plane, at) = (index / (across * down), index % (across * down));
            // Planes of further samples are not needed.
            if plane >= format.samples() {
                break;
            }
            let corner = (at % across * layout.chunk_size.0, at / across * layout.chunk_size.1);
            page.read_chunk(&rows, &bytes[place.clone()], plane, corner)?;
        }
        Ok(page)
    }

    /// Reads the part of a strip or tile that lies on the page. `corner` is its first column and row.
    fn read_chunk(
        &mut self,
        rows: &RowReader<'_>,
        packed: &[u8],
        plane: usize,
        (left, top): (usize, usize),
    ) -> Result<(), Error> {
        let layout = rows.layout;
        let columns = layout.chunk_size.0.min(layout.size.0 as usize - left);
        let (kept, stored) = (self.format.samples(), layout.chunk_samples());
        let reversed = layout.reverses_bits.then(|| packed.iter().map(|byte| byte.reverse_bits()).collect::<Vec<_>>());
        let mut reader = layout.compression.reader(reversed.as_deref().unwrap_or(packed))?;
        let mut bytes = vec![0; layout.row_bytes()];
        let mut unpacked = vec![T::default(); if kept == stored { 0 } else { columns * stored }];
        let visible_rows = self.samples.chunks_exact_mut(self.stride).skip(top).take(layout.chunk_size.1);
        for row in visible_rows {
            let target = &mut row[left * kept..][..columns * kept];
            let is_big_endian = rows.read(&mut *reader, &mut bytes)?;
            if kept == stored {
                rows.samples.unpack(&bytes, is_big_endian, target);
                continue;
            }
            rows.samples.unpack(&bytes, is_big_endian, &mut unpacked);
            for (pixel, stored) in target.chunks_exact_mut(kept).zip(unpacked.chunks_exact(stored)) {
                if layout.is_planar {
                    pixel[plane] = stored[0];
                } else {
                    pixel.copy_from_slice(&stored[..kept]);
                }
            }
        }
        Ok(())
    }

    /// Reads row `y`: colors pixel by pixel, and alpha unless its slice is empty.
    pub(super) fn read_row(&self, y: usize, colors: &mut [T], alpha: &mut [T]) {
        let kept = self.format.samples();
        let color_samples = self.format.color_samples();
        let stored = &self.samples[y * self.stride..][..self.stride];
        let pixels = colors.chunks_exact_mut(self.format.model.samples()).zip(stored.chunks_exact(kept));
        match (self.format.stored, &self.palette) {
            (Stored::Plain, _) if kept == color_samples => colors.copy_from_slice(stored),
            (Stored::Index, Some(palette)) => pixels.for_each(|(pixel, stored)| palette.look_up(stored[0], pixel)),
            (Stored::Inverted, _) => pixels.for_each(|(pixel, stored)| {
                for (color, stored) in pixel.iter_mut().zip(stored) {
                    *color = T::from_u32(T::MAX - stored.to_u32());
                }
            }),
            (Stored::YCbCr, _) => pixels.for_each(|(pixel, stored)| {
                pixel.copy_from_slice(&stored[..3]);
                ycbcr_to_rgb(pixel);
            }),
            _ => pixels.for_each(|(pixel, stored)| pixel.copy_from_slice(&stored[..color_samples])),
        }
        for (alpha, stored) in alpha.iter_mut().zip(stored.chunks_exact(kept)) {
            *alpha = stored[color_samples];
        }
    }
}

/// Reads the rows of strips and tiles.
struct RowReader<'a> {
    layout: &'a Layout,
    samples: StoredSamples,
    predictor: Predictor,
    is_big_endian: bool,
}

impl<'a> RowReader<'a> {
    fn new(ifd: &Ifd<'_>, layout: &'a Layout, format: &SampleFormat) -> Result<Self, Error> {
        let is_scaled = format.stored != Stored::Index;
        let samples = StoredSamples { bits: layout.bits, number: format.number, is_scaled };
        let predictor = Predictor::read(ifd, layout)?;
        Ok(Self { layout, samples, predictor, is_big_endian: ifd.is_big_endian() })
    }

    /// Reads one row. Returns whether its samples are in big-endian order.
    fn read(&self, reader: &mut dyn Read, row: &mut [u8]) -> Result<bool, Error> {
        reader.read_exact(row).map_err(reader_error)?;
        let size = self.layout.bits.div_ceil(8);
        Ok(self.predictor.restore(row, self.layout.chunk_samples(), size, self.is_big_endian))
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
