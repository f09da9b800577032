//! The markers of a JPEG, walked before its decoder sees them. The decoder does not ask how many scans a
//! baseline file has, and each may go over all pixels: a file of nothing but scans would hold it for hours.

use cutline_core::domain::kind::ImageKind;

use super::damaged;
use super::meta::Sources;
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
const APP1: u8 = 0xE1;
const APP13: u8 = 0xED;
const APP14: u8 = 0xEE;

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

/// What a JPEG says before its first scan about its picture, where it stands.
#[derive(Debug, Default)]
pub(super) struct Metadata<'a> {
    exif: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
    photoshop: Vec<&'a [u8]>,
    dpi: Option<f64>,
    /// Whether there is the marker of Adobe's programs.
    pub(super) adobe: bool,
}

impl<'a> Metadata<'a> {
    /// Photoshop's resources, which may be parted anywhere.
    pub(super) fn photoshop(&self) -> Option<Vec<u8>> {
        (!self.photoshop.is_empty()).then(|| self.photoshop.concat())
    }

    pub(super) fn sources(&self) -> Sources<'a> {
        Sources { exif: self.exif, xmp: self.xmp, dpi: self.dpi, ..Sources::default() }
    }
}

/// Walks the segments up to the first scan. Of what there should be one of, the first counts.
pub(super) fn metadata(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let Some((marker, after)) = marker_from(bytes, at) else { break };
        if matches!(marker, START_OF_SCAN | END_OF_IMAGE) {
            break;
        }
        let Some(length) = length_at(bytes, after) else { break };
        let Some(data) = bytes.get(after + 2..after + length) else { break };
        at = after + length;
        match marker {
            APP0 => found.dpi = found.dpi.or_else(|| density(data)),
            APP1 => {
                if let Some(exif) = data.strip_prefix(b"Exif\0\0") {
                    found.exif.get_or_insert(exif);
                } else if let Some(xmp) = data.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    found.xmp.get_or_insert(xmp);
                }
            }
            APP13 => found.photoshop.extend(data.strip_prefix(b"Photoshop 3.0\0")),
            APP14 => found.adobe |= data.starts_with(b"Adobe"),
            _ => {}
        }
    }
    found
}

/// The density of a JFIF header in dots per inch, if it has a unit.
fn density(data: &[u8]) -> Option<f64> {
    let [_, _, unit, a, b, ..] = data.strip_prefix(b"JFIF\0")? else { return None };
    let dots = f64::from(u16::from_be_bytes([*a, *b]));
    match unit {
        1 => Some(dots),
        2 => Some(dots * 2.54),
        _ => None,
    }
}

/// The sides that the frame header of a JPEG tells, before its first scan.
pub(super) fn frame_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let (marker, after) = marker_from(bytes, at)?;
        if marker == START_OF_SCAN {
            return None;
        }
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let [_, _, _, a, b, c, d] = bytes.get(after..)?.first_chunk()?;
            return Some((u16::from_be_bytes([*c, *d]).into(), u16::from_be_bytes([*a, *b]).into()));
        }
        at = after + length_at(bytes, after)?;
    }
    None
}
