//! Undoing the prediction of samples within a row (TIFF 6.0, section 14; TIFF Technical Note 3 for floating point).

use super::kind::{KIND, REMEDY};
use super::layout::Layout;
use crate::decode::differences;
use crate::decode::metadata::ifd::Ifd;
use crate::error::Error;

const PREDICTOR: u16 = 317;

/// How samples were predicted before they were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Each sample is stored as the difference to that of the pixel before it.
    Differences,
    /// The bytes of floating-point samples, highest first, are stored plane by plane, each as a difference.
    FloatDifferences,
}

impl Predictor {
    /// The predictor by the directory, or why it is not supported.
    pub(super) fn read(ifd: &Ifd<'_>, layout: &Layout) -> Result<Self, Error> {
        let is_whole_bytes = matches!(layout.bits, 8 | 16 | 24 | 32 | 64);
        match ifd.integer(PREDICTOR) {
            None | Some(0 | 1) => Ok(Self::None),
            Some(2) if is_whole_bytes => Ok(Self::Differences),
            Some(3) if is_whole_bytes => Ok(Self::FloatDifferences),
            Some(code) => Err(Error::unsupported(KIND, format!("predictor {code} with {} bits", layout.bits), REMEDY)),
        }
    }

    /// Restores one row of pixels of `samples` samples of `size` bytes each. Returns whether bytes are now in big-endian
    /// order.
    pub(super) fn restore(self, row: &mut [u8], samples: usize, size: usize, is_big_endian: bool) -> bool {
        match self {
            Self::None => is_big_endian,
            Self::Differences => {
                differences::add_up(row, samples, size, is_big_endian);
                is_big_endian
            }
            Self::FloatDifferences => {
                for at in samples..row.len() {
                    row[at] = row[at].wrapping_add(row[at - samples]);
                }
                interleave(row, size);
                true
            }
        }
    }
}

/// From planes of bytes to samples of `size` bytes.
fn interleave(row: &mut [u8], size: usize) {
    let planes = row.to_vec();
    let count = row.len() / size;
    for (at, byte) in planes.iter().take(count * size).enumerate() {
        row[at % count * size + at / count] = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_floating_point() {
        // The bytes of 1.0 and 2.0: 3F 80 00 00, 40 00 00 00.
        let mut row = [0x3F, 0x01, 0x40, 0x80, 0x00, 0x00, 0x00, 0x00];
        let planes = [0x3F_u8, 0x40, 0x80, 0x00, 0, 0, 0, 0];
        for (at, byte) in planes.iter().enumerate() {
            row[at] = byte.wrapping_sub(if at == 0 { 0 } else { planes[at - 1] });
        }
        assert!(Predictor::FloatDifferences.restore(&mut row, 1, 4, false));
        assert_eq!(row, [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0]);
    }

    #[test]
    fn short_rows_are_harmless() {
        for size in [1, 2, 3, 4, 8] {
            for length in 0..20 {
                Predictor::FloatDifferences.restore(&mut vec![1; length], 2, size, true);
            }
        }
    }
}
