//! Palettes (TIFF 6.0, section 5).

use super::kind::KIND;
use crate::decode::color::Sample;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

const COLOR_MAP: u16 = 320;

/// RGB of 16 bits by index.
pub(super) struct Palette(Vec<[u16; 3]>);

impl Palette {
    /// Reads the palette of a page with indices of `bits` bits: all reds, then all greens, then all blues.
    pub(super) fn read(ifd: &Ifd<'_>, bits: usize) -> Result<Self, Error> {
        let count = 1 << bits;
        let numbers: Vec<u16> = ifd.integers(COLOR_MAP).take(3 * count).map(|number| number as u16).collect();
        if numbers.len() < 3 * count {
            return Err(Error::damaged(KIND, "its palette is missing or too short"));
        }
        // Some writers store colors of 8 bits.
        let scale = if numbers.iter().all(|number| *number < 256) { 257 } else { 1 };
        let channel = |channel: usize, index: usize| numbers[channel * count + index] * scale;
        Ok(Self((0..count).map(|index| [channel(0, index), channel(1, index), channel(2, index)]).collect()))
    }

    /// Writes the color of an index. One past the end is black.
    pub(super) fn look_up<T: Sample>(&self, index: T, pixel: &mut [T]) {
        let color = self.0.get(index.to_u32() as usize).copied().unwrap_or_default();
        for (sample, value) in pixel.iter_mut().zip(color) {
            // The highest byte: some writers put colors of 8 bits there, and leave the other 0.
            *sample = T::from_u32(u32::from(value >> 8) * (T::MAX / 255));
        }
    }
}
