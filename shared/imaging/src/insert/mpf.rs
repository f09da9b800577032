//! The index of a JPEG with several pictures (CIPA DC-007, "Multi-Picture Format"): where the others begin, counted from the
//! index's own header, and how long each is.

use std::ops::Range;

use super::patch::{Edit, Patch};
use crate::decode::ifd::Ifd;

/// What the content of the segment begins with.
const SIGNATURE: &[u8] = b"MPF\0";
/// The tag with an entry for each picture.
const ENTRIES: u16 = 0xB002;
/// Bytes of an entry: attributes, size and offset in four each, and two more pictures in two each.
const ENTRY: usize = 16;

/// Whether a segment APP2 with this content is an index.
pub(super) fn is_index(content: &[u8]) -> bool {
    content.starts_with(SIGNATURE)
}

/// The edits that keep an index right after `patch`: offsets of pictures that move farther than the index, and the size
/// of the first picture, which grows. An index that was wrong before stays as it is.
pub(super) fn fixes(file: &[u8], content: Range<usize>, patch: &Patch) -> Vec<Edit> {
    let base = content.start + SIGNATURE.len();
    let header = &file[base..content.end];
    let Some(directory) = Ifd::first(header) else { return Vec::new() };
    let Some(entries) = directory.value_range(ENTRIES) else { return Vec::new() };
    let mut edits = Vec::new();
    for entry in entries.step_by(ENTRY).filter(|entry| entry + ENTRY <= header.len()) {
        let number = |at: usize| directory.number_at(at).and_then(|number| usize::try_from(number).ok());
        let (Some(size), Some(offset)) = (number(entry + 4), number(entry + 8)) else { continue };
        let (at, old, new) = if offset == 0 {
            // The first picture, from the start of the file. Its last bytes are the marker of its end.
            let ends = file.get(..size).is_some_and(|picture| picture.ends_with(&[0xFF, 0xD9]));
            (entry + 4, size, if ends { patch.moved(size) } else { size })
        } else {
            let is_inside = base.checked_add(offset).filter(|at| *at < file.len());
            (entry + 8, offset, is_inside.map_or(offset, |at| patch.moved(at).saturating_sub(patch.moved(base))))
        };
        if let Some(bytes) = u32::try_from(new).ok().filter(|_| new != old).map(|new| directory.encoded(new.into(), 4))
        {
            edits.push(Edit { range: base + at..base + at + 4, bytes });
        }
    }
    edits
}
