//! Rows in PackBits, Photoshop's run-length encoding.

use super::document::Document;
use crate::decode::packbits;

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
        packbits::unpack(packed, row)?;
        rest = after;
    }
    Some(unpacked)
}
