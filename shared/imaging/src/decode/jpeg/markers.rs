//! The markers of a JPEG, checked before a decoder sees them (ITU-T T.81, annex B).
//!
//! Each scan may cover all pixels, so a file full of scans would occupy a decoder for hours. The one for JPEGs in TIFFs does
//! not limit the scans of a baseline file.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use cutline_core::domain::kind::ImageKind;

use crate::decode::metadata::{CM_PER_INCH, MetadataSources};
use crate::error::Error;

/// Most scans. Progressive files have about 10.
pub(super) const MAX_SCANS: usize = 100;
/// Most segments. The longest metadata take a few hundred; the decoder looks at some of them again with every further
/// segment.
const MAX_SEGMENTS: usize = 10_000;
/// What helps against too many of either.
const REMEDY: &str = "save it with default settings";
/// Where segments begin, after the start-of-image marker.
const FIRST_SEGMENT: usize = 2;

const START_OF_FRAME: RangeInclusive<u8> = 0xC0..=0xCF;
/// Markers in the range of frame headers that mean something else: Huffman tables, reserved, arithmetic conditioning.
const NOT_A_FRAME: [u8; 3] = [0xC4, 0xC8, 0xCC];
const RESTARTS: RangeInclusive<u8> = 0xD0..=0xD7;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP13: u8 = 0xED;
const APP14: u8 = 0xEE;

/// The file up to the end of its first image, checked. Anything may follow: a second image, or the video of a motion
/// photo. `kind` is for errors: a TIFF may contain JPEGs.
pub(in crate::decode) fn first_image(kind: ImageKind, bytes: &[u8]) -> Result<&[u8], Error> {
    let (mut segments, mut first_scan) = (0, None);
    let mut at = FIRST_SEGMENT;
    let end = loop {
        let Some((marker, after)) = next_marker(bytes, at) else { break bytes.len() };
        match marker {
            END_OF_IMAGE if first_scan.is_some() => break after,
            marker if RESTARTS.contains(&marker) && first_scan.is_some() => at = after,
            // The decoder expects a length after every other marker.
            marker => {
                segments += 1;
                if marker == START_OF_SCAN {
                    first_scan.get_or_insert(after);
                }
                let Some(length) = segment_length(bytes, after) else { break bytes.len() };
                // The decoder for TIFFs reads five bytes of an APP0 that has four. Skipping fewer bytes than the decoder would
                // let a file hide scans.
                at = after + if marker == APP0 && length == 6 { 7 } else { length };
            }
        }
    };
    if segments > MAX_SEGMENTS {
        return Err(Error::unsupported(kind, format!("more than {MAX_SEGMENTS} segments"), REMEDY));
    }
    // From the first scan on, scans count even inside of segments, where the decoder might find them. Before the first
    // scan they may belong to thumbnails.
    let scans = bytes.get(first_scan.unwrap_or(end)..end).unwrap_or_default();
    let further_scans = scans.windows(2).filter(|pair| *pair == [0xFF, START_OF_SCAN]).count();
    if further_scans >= MAX_SCANS {
        return Err(too_many_scans(kind));
    }
    Ok(&bytes[..end])
}

/// The error of a file with more than [`MAX_SCANS`] scans. It may be valid.
pub(super) fn too_many_scans(kind: ImageKind) -> Error {
    Error::unsupported(kind, format!("more than {MAX_SCANS} scans"), REMEDY)
}

/// The next marker and the offset after it. Skips stray bytes, and scan data, in which a zero follows every `FF`.
pub(super) fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let found = bytes.get(at..)?.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))?;
    Some((bytes[at + found + 1], at + found + 2))
}

/// The length of a segment, which includes the two bytes of the length itself.
pub(super) fn segment_length(bytes: &[u8], at: usize) -> Option<usize> {
    let length = u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
    (length >= 2).then_some(length.into())
}

/// Metadata in the segments before the first scan.
#[derive(Debug, Default)]
pub(super) struct Segments<'a> {
    exif: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
    /// Parts of an extended XMP packet.
    extended_xmp: Vec<&'a [u8]>,
    /// Photoshop's image resources, which may be split anywhere.
    photoshop: Vec<&'a [u8]>,
    dpi: Option<f64>,
    /// The parts of the ICC profile, each with its number.
    profile: Vec<(u8, &'a [u8])>,
    /// Whether the file has a JFIF header.
    pub(super) is_jfif: bool,
    /// The color transform by the marker of Adobe's programs, if the file has it.
    pub(super) adobe_transform: Option<u8>,
}

impl<'a> Segments<'a> {
    /// Reads the segments up to the first scan. Of repeated ones the first counts.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut segments = Self::default();
        let mut at = FIRST_SEGMENT;
        for _ in 0..MAX_SEGMENTS {
            let Some((marker, after)) = next_marker(bytes, at) else { break };
            if matches!(marker, START_OF_SCAN | END_OF_IMAGE) {
                break;
            }
            let Some(length) = segment_length(bytes, after) else { break };
            let Some(data) = bytes.get(after + 2..after + length) else { break };
            segments.add(marker, data);
            at = after + length;
        }
        segments
    }

    fn add(&mut self, marker: u8, data: &'a [u8]) {
        match marker {
            APP0 => {
                self.is_jfif |= data.starts_with(b"JFIF\0");
                self.dpi = self.dpi.or_else(|| jfif_density(data));
            }
            APP1 => {
                if let Some(exif) = data.strip_prefix(b"Exif\0\0") {
                    self.exif.get_or_insert(exif);
                } else if let Some(xmp) = data.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.xmp.get_or_insert(xmp);
                } else {
                    self.extended_xmp.extend(data.strip_prefix(b"http://ns.adobe.com/xmp/extension/\0"));
                }
            }
            APP13 => self.photoshop.extend(data.strip_prefix(b"Photoshop 3.0\0")),
            APP2 => {
                if let Some([number, _count, part @ ..]) = data.strip_prefix(b"ICC_PROFILE\0") {
                    self.profile.push((*number, part));
                }
            }
            APP14 => {
                // A version, two sets of flags, the transform.
                let adobe = data.strip_prefix(b"Adobe").map(|rest| rest.get(6).copied().unwrap_or(0));
                self.adobe_transform = self.adobe_transform.or(adobe);
            }
            _ => {}
        }
    }

    /// The ICC profile, whose parts may stand in any order.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        let mut parts = self.profile.clone();
        parts.sort_by_key(|(number, _)| *number);
        (!parts.is_empty()).then(|| parts.iter().flat_map(|(_, part)| part.iter().copied()).collect())
    }

    pub(super) fn metadata_sources(&self) -> MetadataSources<'a> {
        MetadataSources {
            exif: self.exif,
            xmp: self.xmp.map(Cow::Borrowed),
            extended_xmp: self.extended_xmp.clone(),
            photoshop: (!self.photoshop.is_empty()).then(|| Cow::Owned(self.photoshop.concat())),
            dpi: self.dpi,
            ..MetadataSources::default()
        }
    }
}

/// The horizontal density of a JFIF header in dots per inch, if it has a unit.
fn jfif_density(data: &[u8]) -> Option<f64> {
    const DOTS_PER_INCH: u8 = 1;
    const DOTS_PER_CM: u8 = 2;
    let [_, _, unit, a, b, ..] = data.strip_prefix(b"JFIF\0")? else { return None };
    let density = f64::from(u16::from_be_bytes([*a, *b]));
    match *unit {
        DOTS_PER_INCH => Some(density),
        DOTS_PER_CM => Some(density * CM_PER_INCH),
        _ => None,
    }
}

/// Width and height by the frame header, if there is one before the first scan.
pub(in crate::decode) fn frame_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = FIRST_SEGMENT;
    for _ in 0..MAX_SEGMENTS {
        let (marker, after) = next_marker(bytes, at)?;
        if marker == START_OF_SCAN {
            return None;
        }
        if START_OF_FRAME.contains(&marker) && !NOT_A_FRAME.contains(&marker) {
            // Length, bits per sample, height, width.
            let [_, _, _, a, b, c, d] = bytes.get(after..)?.first_chunk()?;
            return Some((u16::from_be_bytes([*c, *d]).into(), u16::from_be_bytes([*a, *b]).into()));
        }
        at = after + segment_length(bytes, after)?;
    }
    None
}
