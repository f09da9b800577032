//! The boxes that describe items (ISO/IEC 14496-12, clause 8.11; ISO/IEC 23008-12, clause 9.3).
//!
//! Allocates nothing by a number that the file states.

use super::boxes::{BoxType, Reader, boxes, damaged, unsupported};
use crate::error::Error;

type Result<T> = std::result::Result<T, Error>;

/// Id of an item.
pub(super) type ItemId = u32;

/// Most items, extents, references and property associations that are read, of each.
const MAX_ENTRIES: usize = 4096;
pub(super) struct Item<'a> {
    pub(super) id: ItemId,
    pub(super) kind: BoxType,
    /// Media type of a MIME item, and bytes after it. Empty for others.
    pub(super) media_type: &'a [u8],
}

/// The location of an item's data.
pub(super) struct Location {
    pub(super) item: ItemId,
    pub(super) source: DataSource,
    pub(super) extents: Vec<Extent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataSource {
    File,
    /// The `idat` box.
    ItemData,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) offset: u64,
    /// `None` reaches to the end of the source.
    pub(super) length: Option<u64>,
}

/// A typed reference between items.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) kind: BoxType,
    pub(super) from: ItemId,
    pub(super) to: ItemId,
}

/// A link from an item to one of its properties.
pub(super) struct Association {
    pub(super) item: ItemId,
    /// Index into the properties, from 1; 0 means none.
    pub(super) property: usize,
}

impl Extent {
    /// The bytes of the extent; `None` if it ends outside the source.
    pub(super) fn of(self, source: &[u8]) -> Option<&[u8]> {
        let rest = source.get(usize::try_from(self.offset).ok()?..)?;
        match self.length {
            None => Some(rest),
            Some(length) => rest.get(..usize::try_from(length).ok()?),
        }
    }
}

/// Parses `iinf`, the types of items. Protected items are skipped.
pub(super) fn parse_items(content: &[u8]) -> Result<Vec<Item<'_>>> {
    let mut reader = Reader::new(content);
    let (version, _) = reader.version_and_flags()?;
    let _count = reader.bytes(if version == 0 { 2 } else { 4 })?;
    let mut items = Vec::new();
    for found in boxes(reader.rest()) {
        let (b"infe", content) = found? else { continue };
        let mut reader = Reader::new(content);
        let (version, _) = reader.version_and_flags()?;
        if version < 2 {
            continue;
        }
        let id = reader.u32(if version == 2 { 2 } else { 4 })?;
        let is_protected = reader.u64(2)? != 0;
        let kind = *reader.bytes(4)?.first_chunk::<4>().ok_or_else(|| damaged("a box is too short"))?;
        // A name, then for some a media type.
        let rest = reader.rest();
        let media_type = rest.iter().position(|byte| *byte == 0).map_or(&[][..], |end| &rest[end + 1..]);
        if !is_protected {
            items.push(Item { id, kind, media_type });
        }
    }
    Ok(items)
}

/// Parses `iloc`, where the data of items are. Items in other files or built from other items are skipped.
pub(super) fn parse_locations(content: &[u8]) -> Result<Vec<Location>> {
    let mut reader = Reader::new(content);
    let (version, _) = reader.version_and_flags()?;
    let sizes = reader.u64(2)? as usize;
    let (offset_size, length_size, base_size) = (sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15);
    let index_size = if version == 0 { 0 } else { sizes & 15 };
    if [offset_size, length_size, base_size, index_size].iter().any(|size| *size > 8) {
        return Err(damaged("its numbers are too long"));
    }
    let id_size = if version < 2 { 2 } else { 4 };
    let count = reader.u32(id_size)?;
    let (mut locations, mut remaining_extents) = (Vec::new(), MAX_ENTRIES);
    for _ in 0..count.min(MAX_ENTRIES as u32) {
        let item = reader.u32(id_size)?;
        let construction_method = if version == 0 { 0 } else { reader.u64(2)? & 15 };
        let is_external = reader.u64(2)? != 0;
        let base = reader.u64(base_size)?;
        let mut extents = Vec::new();
        for _ in 0..reader.u64(2)? {
            // An extent's numbers may take no bytes, so the file's length does not bound their count.
            let too_many = || unsupported(format!("more than {MAX_ENTRIES} extents"));
            remaining_extents = remaining_extents.checked_sub(1).ok_or_else(too_many)?;
            let _index = reader.bytes(index_size)?;
            let offset = reader.u64(offset_size)?.checked_add(base).ok_or_else(|| damaged("a number is too large"))?;
            let length = reader.u64(length_size)?;
            extents.push(Extent { offset, length: (length != 0).then_some(length) });
        }
        let source = match construction_method {
            0 => DataSource::File,
            1 => DataSource::ItemData,
            _ => continue,
        };
        if !is_external {
            locations.push(Location { item, source, extents });
        }
    }
    Ok(locations)
}

/// Parses `iref`, the references between items.
pub(super) fn parse_references(content: &[u8]) -> Result<Vec<Reference>> {
    let mut reader = Reader::new(content);
    let id_size = if reader.version_and_flags()?.0 == 0 { 2 } else { 4 };
    let mut references = Vec::new();
    for found in boxes(reader.rest()) {
        let (kind, content) = found?;
        let mut reader = Reader::new(content);
        let from = reader.u32(id_size)?;
        for _ in 0..reader.u64(2)? {
            if references.len() < MAX_ENTRIES {
                references.push(Reference { kind: *kind, from, to: reader.u32(id_size)? });
            }
        }
    }
    Ok(references)
}

/// Parses all `ipma` boxes, which associate items with properties.
pub(super) fn parse_associations(properties: &[u8]) -> Result<Vec<Association>> {
    let mut associations = Vec::new();
    for found in boxes(properties) {
        let (b"ipma", content) = found? else { continue };
        let mut reader = Reader::new(content);
        let (version, flags) = reader.version_and_flags()?;
        for _ in 0..reader.u32(4)?.min(MAX_ENTRIES as u32) {
            let item = reader.u32(if version == 0 { 2 } else { 4 })?;
            for _ in 0..reader.u64(1)? {
                // The highest bit says whether readers must understand the property.
                let property = if flags & 1 == 0 { reader.u64(1)? & 0x7F } else { reader.u64(2)? & 0x7FFF };
                if associations.len() < MAX_ENTRIES {
                    associations.push(Association { item, property: property as usize });
                }
            }
        }
    }
    Ok(associations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_extents_that_take_no_bytes() {
        let mut content = vec![0, 0, 0, 0, 0, 0, 0, 3];
        for _ in 0..3 {
            content.extend([0, 1, 0, 0, 0x0F, 0xFF]);
        }
        let error = parse_locations(&content).map(|locations| locations.len()).expect_err("is refused");
        let feature = "more than 4096 extents";
        assert!(matches!(&error, Error::UnsupportedFeature { feature: found, .. } if found == feature), "{error}");
        content[7] = 1;
        let locations = parse_locations(&content).expect("is within the limit");
        assert_eq!(locations[0].extents.len(), 0xFFF);
    }
}
