//! The markers of a JPEG, walked before its decoder sees them. The decoder does not ask how many scans a
//! baseline file has, and each may go over all pixels: a file of nothing but scans would hold it for hours.

use cutline_core::kind::ImageKind;

use super::damaged;
use crate::error::Error;

/// The most scans. Progressive files have about ten, and the decoder has the same limit for them.
const MAX_SCANS: usize = 100;
/// The most segments. The longest metadata take a few hundred; the decoder looks at some of them anew with
/// every other one.
const MAX_SEGMENTS: usize = 10_000;

const RESTARTS: std::ops::RangeInclusive<u8> = 0xD0..=0xD7;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const APP0: u8 = 0xE0;

/// The file up to the end of its first picture. What follows may be anything: a second picture, or the
/// video of a motion photo.
pub(super) fn first_picture(bytes: &[u8]) -> Result<&[u8], Error> {
    let (mut segments, mut first_scan) = (0, None);
    // After the mark at the file's start.
    let mut at = 2;
    let end = loop {
        let Some((marker, after)) = marker_from(bytes, at) else { break bytes.len() };
        match marker {
            END_OF_IMAGE if first_scan.is_some() => break after,
            marker if RESTARTS.contains(&marker) && first_scan.is_some() => at = after,
            // Whatever it is, the decoder too takes a length to follow.
            marker => {
                segments += 1;
                if marker == START_OF_SCAN {
                    first_scan.get_or_insert(after);
                }
                let Some(length) = length_at(bytes, after) else { break bytes.len() };
                // Of an APP0 that has four bytes the decoder reads five. To skip anything else than it does would
                // let a file hide scans.
                at = after + if marker == APP0 && length == 6 { 7 } else { length };
            }
        }
    };
    if segments > MAX_SEGMENTS {
        return Err(damaged(ImageKind::Jpeg, "there are too many segments"));
    }
    // From the first scan on segments are not skipped: a scan in them, which the decoder might be led to see,
    // counts like others. Before it they may hold thumbnails, which have scans of their own.
    let scans = bytes.get(first_scan.unwrap_or(end)..end).unwrap_or_default();
    let further = scans.windows(2).filter(|pair| *pair == [0xFF, START_OF_SCAN]).count();
    if further >= MAX_SCANS {
        return Err(damaged(ImageKind::Jpeg, "there are too many scans"));
    }
    Ok(&bytes[..end])
}

/// The next marker from a place on, and the place after it. What is not one is skipped: stray bytes, and in
/// a scan its data, where a zero follows every `FF`.
fn marker_from(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let found = bytes.get(at..)?.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
    Some((bytes[at + found + 1], at + found + 2))
}

/// The length of a segment, its own two bytes included, which is why there is none below 2.
fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    let length = u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
    (length >= 2).then_some(length.into())
}
