//! The rows of one channel of a layer.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::document::Compression;
use super::kind::KIND;
use crate::decode::{differences, packbits};
use crate::error::Error;

/// A rectangle on the canvas, in pixels. It may lie partly outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rect {
    pub(super) top: i32,
    pub(super) left: i32,
    pub(super) bottom: i32,
    pub(super) right: i32,
}

impl Rect {
    pub(super) fn width(self) -> usize {
        usize::try_from(i64::from(self.right) - i64::from(self.left)).unwrap_or(0)
    }

    pub(super) fn height(self) -> usize {
        usize::try_from(i64::from(self.bottom) - i64::from(self.top)).unwrap_or(0)
    }

    pub(super) fn pixels(self) -> u64 {
        (self.width() as u64).saturating_mul(self.height() as u64)
    }

    /// The part within a canvas of this size.
    pub(super) fn on_canvas(self, (width, height): (u32, u32)) -> Self {
        let side = |value: i32, most: u32| value.clamp(0, i32::try_from(most).unwrap_or(i32::MAX));
        Self {
            top: side(self.top, height),
            left: side(self.left, width),
            bottom: side(self.bottom, height),
            right: side(self.right, width),
        }
    }
}

/// A channel whose rows are read from top to bottom.
pub(super) struct ChannelRows<'a> {
    rect: Rect,
    rows: Rows<'a>,
    /// Bytes per sample: 1 or 2.
    sample_size: usize,
    /// The row of the canvas that is read next.
    next: i64,
    row: Vec<u8>,
}

enum Rows<'a> {
    Raw(&'a [u8]),
    PackBits { lengths: &'a [u8], length_size: usize, packed: &'a [u8] },
    Deflate { decoder: Box<ZlibDecoder<&'a [u8]>>, is_predicted: bool },
}

/// Sizes in a document's channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelSizes {
    /// Bytes per sample: 1 or 2.
    pub(super) sample: usize,
    /// Bytes of the packed length of a row.
    pub(super) row_length: usize,
}

impl<'a> ChannelRows<'a> {
    /// The rows in the data of a channel, which begin with its compression.
    pub(super) fn new(data: &'a [u8], rect: Rect, sizes: ChannelSizes) -> Result<Self, Error> {
        let (code, data) = data.split_first_chunk().ok_or_else(|| Error::truncated(KIND))?;
        let rows = match Compression::from_code(u16::from_be_bytes(*code))? {
            Compression::None => Rows::Raw(data),
            Compression::PackBits => {
                let lengths = rect.height().saturating_mul(sizes.row_length);
                let (lengths, packed) = data.split_at_checked(lengths).ok_or_else(|| Error::truncated(KIND))?;
                Rows::PackBits { lengths, length_size: sizes.row_length, packed }
            }
            Compression::Deflate { is_predicted } => {
                Rows::Deflate { decoder: Box::new(ZlibDecoder::new(data)), is_predicted }
            }
        };
        let row = vec![0; rect.width().saturating_mul(sizes.sample)];
        Ok(Self { rect, rows, sample_size: sizes.sample, next: rect.top.into(), row })
    }

    /// The samples of row `y` of the canvas, from the left of the rectangle; `None` if the rectangle ends before it or
    /// begins after it. Rows must be asked for from top to bottom.
    pub(super) fn row(&mut self, y: i32) -> Result<Option<&[u8]>, Error> {
        if y < self.rect.top || y >= self.rect.bottom {
            return Ok(None);
        }
        while self.next <= y.into() {
            self.read_row().ok_or_else(|| Error::truncated(KIND))?;
            self.next += 1;
        }
        Ok(Some(&self.row))
    }

    /// The rectangle of the channel.
    pub(super) fn rect(&self) -> Rect {
        self.rect
    }

    fn read_row(&mut self) -> Option<()> {
        match &mut self.rows {
            Rows::Raw(data) => {
                let (row, rest) = data.split_at_checked(self.row.len())?;
                self.row.copy_from_slice(row);
                *data = rest;
            }
            Rows::PackBits { lengths, length_size, packed } => {
                let (length, rest) = lengths.split_at_checked(*length_size)?;
                *lengths = rest;
                let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
                let (row, rest) = packed.split_at_checked(length)?;
                *packed = rest;
                packbits::unpack(row, &mut self.row)?;
            }
            Rows::Deflate { decoder, is_predicted } => {
                decoder.read_exact(&mut self.row).ok()?;
                if *is_predicted {
                    differences::add_up(&mut self.row, 1, self.sample_size, true);
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECT: Rect = Rect { top: -1, left: 0, bottom: 2, right: 2 };
    const SIZES: ChannelSizes = ChannelSizes { sample: 1, row_length: 2 };

    #[test]
    fn reads_rows_from_above_the_canvas() {
        let raw = [0, 0, 1, 2, 3, 4, 5, 6];
        let packed = [0, 1, 0, 3, 0, 2, 0, 3, 1, 1, 2, 255, 3, 1, 5, 6];
        for (data, second) in [(raw.as_slice(), [3, 4]), (&packed, [3, 3])] {
            let mut rows = ChannelRows::new(data, RECT, SIZES).expect("has rows");
            assert_eq!(rows.row(0).expect("is complete"), Some(second.as_slice()));
            assert_eq!(rows.row(1).expect("is complete"), Some([5, 6].as_slice()));
            assert_eq!(rows.row(2).expect("is complete"), None);
        }
        let mut short = ChannelRows::new(&raw[..5], RECT, SIZES).expect("has rows");
        assert!(short.row(0).is_err());
    }

    #[test]
    fn rectangles_are_cut_at_the_canvas() {
        assert_eq!(RECT.on_canvas((1, 1)), Rect { top: 0, left: 0, bottom: 1, right: 1 });
        let reversed = Rect { top: i32::MAX, left: 5, bottom: i32::MIN, right: 1 };
        assert_eq!((reversed.width(), reversed.height(), reversed.pixels()), (0, 0, 0));
    }
}
