//! PackBits, in which Photoshop stores rows: runs of one byte, and bytes as they are.

use super::header::Document;

/// Unpacks the first channels of a merged picture, whose rows have so many bytes. None where the data end early or do
/// not fill their rows.
pub(super) fn unpack(document: &Document<'_>, channels: usize, row: usize) -> Option<Vec<u8>> {
    // The packed lengths of all rows of all channels stand before the rows.
    let width = if document.large { 4 } else { 2 };
    let (lengths, mut rest) = document.picture.split_at_checked(document.height * document.channels * width)?;
    let rows = document.height * channels;
    // Two bytes unpack to no more than 128, so that a file takes memory by its own length and not by its header.
    if rows.checked_mul(row)? > rest.len().checked_mul(64)? {
        return None;
    }
    let mut unpacked = vec![0; rows * row];
    for (length, into) in lengths.chunks_exact(width).zip(unpacked.chunks_exact_mut(row)) {
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let (packed, after) = rest.split_at_checked(length)?;
        unpack_row(packed, into)?;
        rest = after;
    }
    Some(unpacked)
}

/// Unpacks a row. What would go past its end is left out, as others do.
fn unpack_row(mut packed: &[u8], mut row: &mut [u8]) -> Option<()> {
    while !row.is_empty() {
        let (count, rest) = packed.split_first()?;
        match *count {
            // By the standard it means nothing.
            128 => packed = rest,
            count @ 0..=127 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(count) + 1)?;
                let (into, after) = row.split_at_mut(bytes.len().min(row.len()));
                into.copy_from_slice(&bytes[..into.len()]);
                (packed, row) = (rest, after);
            }
            count => {
                let (byte, rest) = rest.split_first()?;
                let (into, after) = row.split_at_mut((257 - usize::from(count)).min(row.len()));
                into.fill(*byte);
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
    fn runs_and_bytes_are_unpacked() {
        let mut row = [0; 8];
        assert_eq!(unpack_row(&[254, 7, 128, 1, 8, 9, 253, 5, 5], &mut row), Some(()));
        assert_eq!(row, [7, 7, 7, 8, 9, 5, 5, 5]);
        assert_eq!(unpack_row(&[254, 7, 3, 1, 2], &mut row), None);
        assert_eq!(unpack_row(&[254, 7], &mut row), None);
        assert_eq!(unpack_row(&[], &mut row), None);
    }
}
