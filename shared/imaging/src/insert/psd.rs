//! Photoshop documents: the section of image resources gets new bytes and a new length. Layers and pixels follow it, and no
//! offset leads to them.

use std::ops::Range;

use cutline_core::domain::kind::ImageKind;

use super::insertion::{Inserted, Insertion};
use super::patch::{Edit, Patch};
use super::resources;
use crate::error::Error;

const KIND: ImageKind = ImageKind::Psd;

/// The length of the file header in bytes.
const HEADER: usize = 26;

pub(super) fn insert(file: &[u8], insertion: &Insertion<'_>) -> Result<Inserted, Error> {
    // A palette, or the inks of a duotone.
    let color_mode = section(file, HEADER)?;
    let old = section(file, color_mode.end)?;
    let edited = resources::edit(KIND, &file[old.clone()], insertion)?;
    let mut edits = Vec::new();
    if edited.resources != file[old.clone()] {
        let length = u32::try_from(edited.resources.len()).map_err(|_| resources::full(KIND))?;
        edits.push(Edit { range: old.start - 4..old.start, bytes: length.to_be_bytes().to_vec() });
        edits.push(Edit { range: old, bytes: edited.resources });
    }
    Ok(Inserted { patch: Patch::new(edits), warnings: edited.warnings })
}

/// The content of the section at `at`, whose length precedes it.
fn section(file: &[u8], at: usize) -> Result<Range<usize>, Error> {
    let length = file.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(|| Error::truncated(KIND))?;
    let start = at + 4;
    let end = usize::try_from(u32::from_be_bytes(*length)).ok().and_then(|length| start.checked_add(length));
    end.filter(|end| *end <= file.len()).map(|end| start..end).ok_or_else(|| Error::truncated(KIND))
}
