//! PackBits, Photoshop's run-length encoding of rows (TIFF 6.0, section 9).

use super::document::Document;

/// No byte unpacks to more than this: two bytes encode a run of at most 128.
const MAX_RATIO: usize = 64;

/// Unpacks the first `channels` planes, with rows of `stride` bytes. `None` if the data end early or do not fill their
/// rows.
pub(super) fn unpack(document: &Document<'_>, channels: usize, stride: usize) -> Option<Vec<u8>> {
    let height = document.header.size.1 as usize;
    // The packed lengths of all rows of all channels precede the rows.
    let length_size = if document.header.is_large { 4 } else { 2 };
    let lengths = height * document.header.channels * length_size;
    let (lengths, mut rest) = document.merged_image.split_at_checked(lengths)?;
    let rows = height * channels;
    // Bounds memory by the file's length, whatever its header says.
    if rows.checked_mul(stride)? > rest.len().checked_mul(MAX_RATIO)? {
        return None;
    }
    let mut unpacked = vec![0; rows * stride];
    for (length, row) in lengths.chunks_exact(length_size).zip(unpacked.chunks_exact_mut(stride)) {
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let (packed, after) = rest.split_at_checked(length)?;
        unpack_row(packed, row)?;
        rest = after;
    }
    Some(unpacked)
}

/// Unpacks a row. Like other programs, ignores data past its end.
fn unpack_row(mut packed: &[u8], mut row: &mut [u8]) -> Option<()> {
    while !row.is_empty() {
        let (header, rest) = packed.split_first()?;
        match *header {
            // No operation.
            128 => packed = rest,
            // Literal bytes.
            count @ 0..=127 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(count) + 1)?;
                let (target, after) = row.split_at_mut(bytes.len().min(row.len()));
                target.copy_from_slice(&bytes[..target.len()]);
                (packed, row) = (rest, after);
            }
            // A run of one byte.
            count => {
                let (byte, rest) = rest.split_first()?;
                let (target, after) = row.split_at_mut((257 - usize::from(count)).min(row.len()));
                target.fill(*byte);
                (packed, row) = (rest, after);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_runs_and_literals() {
        let mut row = [0; 8];
        assert_eq!(unpack_row(&[254, 7, 128, 1, 8, 9, 253, 5, 5], &mut row), Some(()));
        assert_eq!(row, [7, 7, 7, 8, 9, 5, 5, 5]);
        assert_eq!(unpack_row(&[254, 7, 3, 1, 2], &mut row), None);
        assert_eq!(unpack_row(&[254, 7], &mut row), None);
        assert_eq!(unpack_row(&[], &mut row), None);
    }
}
