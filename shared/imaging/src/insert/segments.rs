//! The segments of a JPEG in front of its pixels (ITU-T T.81, annex B).

use std::ops::Range;

use cutline_core::domain::kind::ImageKind;

use crate::error::Error;

/// The most segments. The longest metadata take a few hundred.
const MAX_SEGMENTS: usize = 10_000;

/// Markers that matter here.
pub(super) mod marker {
    pub(in super::super) const APP0: u8 = 0xE0;
    pub(in super::super) const APP1: u8 = 0xE1;
    pub(in super::super) const APP2: u8 = 0xE2;
    pub(in super::super) const APP11: u8 = 0xEB;
    pub(in super::super) const APP13: u8 = 0xED;
    pub(super) const TEMPORARY: u8 = 0x01;
    pub(super) const RESTART: std::ops::RangeInclusive<u8> = 0xD0..=0xD7;
    pub(super) const END_OF_IMAGE: u8 = 0xD9;
    pub(super) const START_OF_SCAN: u8 = 0xDA;
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) marker: u8,
    /// The whole segment, from its `FF`.
    pub(super) range: Range<usize>,
    /// Its content.
    pub(super) content: Range<usize>,
}

/// The segments up to the first scan. Stray bytes between segments belong to none of them.
pub(super) fn before_scan(file: &[u8]) -> Result<Vec<Segment>, Error> {
    let truncated = || Error::truncated(ImageKind::Jpeg);
    let (mut segments, mut at) = (Vec::new(), 2);
    loop {
        let rest = file.get(at..).ok_or_else(truncated)?;
        let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF);
        at += rest.windows(2).position(is_marker).ok_or_else(truncated)?;
        let marker = file[at + 1];
        match marker {
            marker::START_OF_SCAN => return Ok(segments),
            marker::END_OF_IMAGE => return Err(Error::damaged(ImageKind::Jpeg, "it has no pixels")),
            marker if marker == marker::TEMPORARY || marker::RESTART.contains(&marker) => at += 2,
            marker => {
                let length = file.get(at + 2..).and_then(|rest| rest.first_chunk()).ok_or_else(truncated)?;
                let range = at..at + 2 + usize::from(u16::from_be_bytes(*length));
                let content = at + 4..range.end;
                if content.start > content.end {
                    return Err(Error::damaged(ImageKind::Jpeg, "a segment is too short"));
                }
                if segments.len() == MAX_SEGMENTS {
                    let feature = format!("more than {MAX_SEGMENTS} segments");
                    return Err(Error::unsupported(ImageKind::Jpeg, feature, "save it with default settings"));
                }
                at = range.end;
                segments.push(Segment { marker, range, content });
            }
        }
    }
}
