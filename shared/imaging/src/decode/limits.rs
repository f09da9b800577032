//! The budget for decoding one file.

use std::sync::atomic::{AtomicU64, Ordering};

use cutline_core::domain::limits::{MAX_PIXELS, MAX_SIDE};

use crate::error::Error;

/// The limits for decoding one image.
///
/// The whole file is held in memory. In addition, decoding holds at most, in bytes per pixel:
///
/// | kind | bytes per pixel |
/// |---|---|
/// | JPEG | 7 (CMYK 9) |
/// | PNG, TIFF | the file's own (up to 8; up to 16 with samples that are ignored), and 4 for the result |
/// | WebP | 10, animated 12 |
/// | WebP, PNG | 40 for an animation whose first frame is blank; at most `max_alloc` |
/// | GIF | 8 |
/// | AVIF | 4.5 (8 bits, 4:2:0) to 12 (10 bits, 4:4:4, alpha) |
/// | HEIC | 7.5 (8 bits, 4:2:0) to 18 (10 bits, 4:4:4, alpha) |
/// | PSD | 4 to 14; layers 8 (16 bits: 13), and 4 (8) for each open group |
/// | SVG | 16, and 220 MB: the unfolded document, layers, patterns and outlines held at once; at most `max_alloc` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest number of pixels, by the file's header.
    pub max_pixels: u64,
    /// Longest side in pixels, by the file's header. An image of a single row has few pixels and can still be
    /// expensive: the cost of scaling it down grows with its longer side alone.
    pub max_side: u32,
    /// Largest decoded image in bytes, in the file's own samples: a pixel of 16-bit RGBA takes 8 bytes. A PNG's row
    /// buffers and metadata count against this too, and against a lower limit of their own.
    pub max_alloc: u64,
}

impl Limits {
    /// Checks an image that takes `bytes_per_pixel` when decoded.
    pub(super) fn check(&self, (width, height): (u32, u32), bytes_per_pixel: u8) -> Result<(), Error> {
        self.check_size((width, height))?;
        self.check_alloc(u64::from(width) * u64::from(height) * u64::from(bytes_per_pixel))
    }

    /// Checks the width and the height of an image, in pixels as stored.
    pub(super) fn check_size(&self, (width, height): (u32, u32)) -> Result<(), Error> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(Error::TooManyPixels { width, height, max_pixels: self.max_pixels });
        }
        if width.max(height) > self.max_side {
            return Err(Error::SideTooLong { width, height, max_side: self.max_side });
        }
        Ok(())
    }

    /// Checks the size of one buffer, in bytes.
    pub(super) fn check_alloc(&self, bytes: u64) -> Result<(), Error> {
        if bytes > self.max_alloc { Err(Error::TooMuchMemory) } else { Ok(()) }
    }

    /// `max_alloc` for decoders that count in `usize`.
    pub(super) fn max_alloc_usize(&self) -> usize {
        usize::try_from(self.max_alloc).unwrap_or(usize::MAX)
    }

    /// The same limits, each `factor` times as high.
    pub(super) fn times(&self, factor: u32) -> Self {
        Self {
            max_pixels: self.max_pixels.saturating_mul(factor.into()),
            max_side: self.max_side.saturating_mul(factor),
            max_alloc: self.max_alloc.saturating_mul(factor.into()),
        }
    }
}

impl Default for Limits {
    /// The product's limits, and 512 MiB. A source of [`MAX_PIXELS`] takes 400 MB in 16-bit RGBA.
    fn default() -> Self {
        Self { max_pixels: MAX_PIXELS, max_side: MAX_SIDE, max_alloc: 512 << 20 }
    }
}

/// Pixels that several images share. Never refilled.
#[derive(Debug)]
pub(super) struct PixelBudget {
    spent: AtomicU64,
    max: u64,
}

impl PixelBudget {
    pub(super) fn new(max: u64) -> Self {
        Self { spent: AtomicU64::new(0), max }
    }

    /// Spends pixels; false if the budget does not cover them. They count even then.
    pub(super) fn spend(&self, pixels: u64) -> bool {
        self.spent.fetch_add(pixels, Ordering::Relaxed).saturating_add(pixels) <= self.max
    }
}
