//! JPEG: the resources are in segments APP13 that begin with `Photoshop 3.0`, and continue from one to the next. All of them
//! are joined, edited, and split again. Bytes after the picture (further pictures, a video) stay.

use cutline_core::domain::kind::ImageKind;

use super::insertion::{Inserted, Insertion};
use super::patch::{Edit, Patch};
use super::segments::{Segment, before_scan, marker};
use super::{c2pa, mpf, resources};
use crate::error::Error;
use crate::photoshop::{Block, Blocks, CLIPPING_PATH_NAME, IPTC};

const KIND: ImageKind = ImageKind::Jpeg;

/// What the content of a segment with resources begins with.
const SIGNATURE: &[u8] = b"Photoshop 3.0\0";
/// The most resources in one segment, in bytes: its 16-bit length counts its own two bytes and the signature.
const MAX_PART: usize = u16::MAX as usize - 2 - SIGNATURE.len();
/// What the content of a segment with JUMBF boxes begins with.
const JUMBF: &[u8] = b"JP";

pub(super) fn insert(file: &[u8], insertion: &Insertion<'_>) -> Result<Inserted, Error> {
    let segments = before_scan(file)?;
    let content = |segment: &Segment| &file[segment.content.clone()];
    let is_ours = |segment: &&Segment| segment.marker == marker::APP13 && content(segment).starts_with(SIGNATURE);
    let old: Vec<&Segment> = segments.iter().filter(is_ours).collect();
    let joined: Vec<u8> = old.iter().flat_map(|segment| &content(segment)[SIGNATURE.len()..]).copied().collect();

    let resources::Edited { resources, mut warnings } = resources::edit(KIND, &joined, insertion)?;
    let mut edits = Vec::new();
    if resources != joined {
        let at = old.first().map_or_else(|| after_leading(&segments), |segment| segment.range.start);
        edits.push(Edit { range: at..old.first().map_or(at, |segment| segment.range.end), bytes: split(&resources) });
        edits.extend(old.iter().skip(1).map(|segment| Edit { range: segment.range.clone(), bytes: Vec::new() }));
    }
    let mut patch = Patch::new(edits);
    if let Some(index) =
        segments.iter().find(|segment| segment.marker == marker::APP2 && mpf::is_index(content(segment)))
    {
        let fixes = mpf::fixes(file, index.content.clone(), &patch);
        patch = Patch::new(patch.edits().iter().cloned().chain(fixes).collect());
    }
    let is_signed = |segment: &Segment| {
        segment.marker == marker::APP11 && content(segment).starts_with(JUMBF) && c2pa::is_manifest(content(segment))
    };
    if segments.iter().any(is_signed) {
        warnings.push(c2pa::WARNING.to_owned());
    }
    Ok(Inserted { patch, warnings })
}

/// The place behind the leading JFIF, Exif and XMP.
fn after_leading(segments: &[Segment]) -> usize {
    let leads = |segment: &&Segment| matches!(segment.marker, marker::APP0 | marker::APP1);
    segments.iter().take_while(leads).last().map_or(2, |segment| segment.range.end)
}

/// The resources as segments. No block is split that fits into a segment.
///
/// If they need several segments, the credit and the name of the clipping path come first: some readers look no further.
fn split(resources: &[u8]) -> Vec<u8> {
    let mut segments = Vec::with_capacity(resources.len() + (resources.len() / MAX_PART + 2) * (SIGNATURE.len() + 4));
    if resources.len() <= MAX_PART {
        append(&mut segments, resources);
        return segments;
    }
    let comes_first = |block: &Block<'_>| matches!(block.id, Some(IPTC | CLIPPING_PATH_NAME));
    let all = || Blocks::of(resources).map_while(Result::ok);
    let mut part = Vec::with_capacity(MAX_PART);
    for block in all().filter(comes_first).chain(all().filter(|block| !comes_first(block))) {
        if part.len() + block.bytes.len() > MAX_PART && !part.is_empty() {
            append(&mut segments, &part);
            part.clear();
        }
        if block.bytes.len() > MAX_PART {
            block.bytes.chunks(MAX_PART).for_each(|chunk| append(&mut segments, chunk));
        } else {
            part.extend(block.bytes);
        }
    }
    if !part.is_empty() {
        append(&mut segments, &part);
    }
    segments
}

/// Appends a segment with at most [`MAX_PART`] bytes of resources.
fn append(segments: &mut Vec<u8>, part: &[u8]) {
    segments.extend([0xFF, marker::APP13]);
    segments.extend(((SIGNATURE.len() + part.len() + 2) as u16).to_be_bytes());
    segments.extend(SIGNATURE);
    segments.extend(part);
}
