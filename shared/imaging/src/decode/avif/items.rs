//! The items of a container: their types, data, references and properties (ISO/IEC 14496-12, clause 8.11; ISO/IEC
//! 23008-12, clause 9.3).
//!
//! Allocates nothing by a number that the file states.

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;

use super::boxes::{self, BoxType, Reader, boxes, damaged};
use super::grid::Av1Image;
use crate::error::Error;

type Result<T> = std::result::Result<T, Error>;

/// Id of an item.
pub(super) type ItemId = u32;

/// Most items, extents, references and property associations that are read, of each.
const MAX_ENTRIES: usize = 4096;
/// Most tiles of a grid.
const MAX_TILES: usize = 256;
const ALPHA_URNS: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];

struct Item<'a> {
    id: ItemId,
    kind: BoxType,
    /// Media type of a MIME item, and bytes after it. Empty for others.
    media_type: &'a [u8],
}

/// Where an item's data are.
struct Location {
    item: ItemId,
    source: DataSource,
    extents: Vec<Extent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataSource {
    File,
    /// The `idat` box.
    ItemData,
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    offset: u64,
    /// `None` reaches to the end of the source.
    length: Option<u64>,
}

/// A typed reference between items.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    kind: BoxType,
    from: ItemId,
    to: ItemId,
}

/// That an item has a property.
struct Association {
    item: ItemId,
    /// Index into the properties, from 1; 0 means none.
    property: usize,
}

/// All items of a container, by the boxes in its `meta` box.
pub(super) struct ItemTable<'a> {
    file: &'a [u8],
    idat: &'a [u8],
    items: Vec<Item<'a>>,
    locations: Vec<Location>,
    references: Vec<Reference>,
    properties: Vec<(&'a BoxType, &'a [u8])>,
    associations: Vec<Association>,
}

impl<'a> ItemTable<'a> {
    /// Parses the boxes within the `meta` box of a file.
    pub(super) fn parse(file: &'a [u8], meta: &'a [u8]) -> Result<Self> {
        let properties = boxes::require(meta, b"iprp")?;
        let references = boxes::find(meta, b"iref")?.map(parse_references).transpose()?.unwrap_or_default();
        Ok(Self {
            file,
            idat: boxes::find(meta, b"idat")?.unwrap_or_default(),
            items: parse_items(boxes::require(meta, b"iinf")?)?,
            locations: parse_locations(boxes::require(meta, b"iloc")?)?,
            references,
            properties: boxes(boxes::require(properties, b"ipco")?).collect::<Result<_>>()?,
            associations: parse_associations(properties)?,
        })
    }

    /// The properties of an item: type and content.
    pub(super) fn properties(&self, item: ItemId) -> impl Iterator<Item = (&'a BoxType, &'a [u8])> {
        let of_item = self.associations.iter().filter(move |association| association.item == item);
        of_item.filter_map(|association| self.properties.get(association.property.checked_sub(1)?).copied())
    }

    pub(super) fn has_reference(&self, kind: BoxType, from: ItemId, to: ItemId) -> bool {
        self.references.contains(&Reference { kind, from, to })
    }

    /// The item with the alpha of an image.
    pub(super) fn alpha_of(&self, image: ItemId) -> Option<ItemId> {
        let auxiliary = self.references.iter().filter(|reference| &reference.kind == b"auxl" && reference.to == image);
        let is_alpha = |item: &ItemId| {
            // The URN follows version and flags.
            let urn = self.property(*item, b"auxC").and_then(|content| content.get(4..));
            urn.is_some_and(|urn| ALPHA_URNS.iter().any(|alpha| urn.starts_with(alpha)))
        };
        auxiliary.map(|reference| reference.from).find(is_alpha)
    }

    /// The data of the first item of a type that describes an image, if they are readable.
    pub(super) fn description_of(&self, image: ItemId, kind: &BoxType, media_type: &[u8]) -> Option<Cow<'a, [u8]>> {
        let item = self.items.iter().find(|item| {
            &item.kind == kind
                && self.has_reference(*b"cdsc", item.id, image)
                && (media_type.is_empty() || item.media_type.starts_with(media_type))
        })?;
        self.data(item.id).ok()
    }

    /// An image of one AV1 stream, or a grid of them.
    pub(super) fn image(&self, item: ItemId) -> Result<Av1Image<'a>> {
        let size = self.size(item)?;
        match self.kind(item) {
            Some(b"av01") => Ok(Av1Image { size, tile_size: size, columns: 1, tiles: vec![self.data(item)?] }),
            Some(b"grid") => self.grid(item, size),
            Some(_) => Err(Error::unsupported(
                ImageKind::Avif,
                "a derived image or a codec other than AV1",
                "save it again as a plain AVIF of one image",
            )),
            None => Err(damaged("the image is missing")),
        }
    }

    fn kind(&self, item: ItemId) -> Option<&BoxType> {
        self.items.iter().find(|other| other.id == item).map(|item| &item.kind)
    }

    fn property(&self, item: ItemId, kind: &BoxType) -> Option<&'a [u8]> {
        self.properties(item).find(|(found, _)| *found == kind).map(|(_, content)| content)
    }

    /// Width and height in pixels, both above 0.
    fn size(&self, item: ItemId) -> Result<(u32, u32)> {
        let property = self.property(item, b"ispe").ok_or_else(|| damaged("the image has no size"))?;
        let mut reader = Reader::new(property);
        reader.version_and_flags()?;
        let (width, height) = (reader.u32(4)?, reader.u32(4)?);
        if width == 0 || height == 0 { Err(damaged("the image is empty")) } else { Ok((width, height)) }
    }

    fn grid(&self, item: ItemId, size: (u32, u32)) -> Result<Av1Image<'a>> {
        let data = self.data(item)?;
        let mut reader = Reader::new(&data);
        let _version = reader.bytes(1)?;
        let side_length = if reader.u64(1)? & 1 == 0 { 2 } else { 4 };
        let (rows, columns) = (reader.u64(1)? as usize + 1, reader.u64(1)? as usize + 1);
        if (reader.u32(side_length)?, reader.u32(side_length)?) != size {
            return Err(damaged("the grid and the image differ in size"));
        }
        let tiles = self.references.iter().filter(|reference| &reference.kind == b"dimg" && reference.from == item);
        let tiles: Vec<ItemId> = tiles.map(|reference| reference.to).collect();
        if rows * columns > MAX_TILES || tiles.len() != rows * columns {
            return Err(damaged("the grid has too few or too many tiles"));
        }
        let tile_size = self.size(tiles[0])?;
        if !covers_exactly(tile_size.0, columns, size.0) || !covers_exactly(tile_size.1, rows, size.1) {
            return Err(damaged("the tiles do not cover the image"));
        }
        let tile_data = |tile: ItemId| {
            if self.kind(tile) != Some(b"av01") || self.size(tile)? != tile_size {
                return Err(damaged("the tiles differ in size or type"));
            }
            self.data(tile)
        };
        let tiles = tiles.into_iter().map(tile_data).collect::<Result<_>>()?;
        Ok(Av1Image { size, tile_size, columns, tiles })
    }

    /// The data of an item, at most as long as their source.
    fn data(&self, item: ItemId) -> Result<Cow<'a, [u8]>> {
        let location = self.locations.iter().find(|location| location.item == item);
        let location = location.ok_or_else(|| damaged("an item has no data"))?;
        let source = match location.source {
            DataSource::File => self.file,
            DataSource::ItemData => self.idat,
        };
        let bytes = |extent: &Extent| extent.of(source).ok_or_else(|| Error::truncated(ImageKind::Avif));
        if let [extent] = location.extents.as_slice() {
            return bytes(extent).map(Cow::Borrowed);
        }
        let mut data = Vec::new();
        for extent in &location.extents {
            let bytes = bytes(extent)?;
            if data.len() + bytes.len() > source.len() {
                return Err(damaged("the extents of an item overlap"));
            }
            data.extend_from_slice(bytes);
        }
        Ok(Cow::Owned(data))
    }
}

impl Extent {
    fn of(self, source: &[u8]) -> Option<&[u8]> {
        let rest = source.get(usize::try_from(self.offset).ok()?..)?;
        match self.length {
            None => Some(rest),
            Some(length) => rest.get(..usize::try_from(length).ok()?),
        }
    }
}

/// Whether `count` tiles cover a side, and no fewer would.
fn covers_exactly(tile: u32, count: usize, side: u32) -> bool {
    let covered = u64::from(tile) * count as u64;
    covered >= side.into() && covered - u64::from(tile) < side.into()
}

/// Parses `iinf`, the types of items. Protected items are skipped.
fn parse_items(content: &[u8]) -> Result<Vec<Item<'_>>> {
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
fn parse_locations(content: &[u8]) -> Result<Vec<Location>> {
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
            remaining_extents = remaining_extents.checked_sub(1).ok_or_else(|| damaged("it has too many extents"))?;
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
fn parse_references(content: &[u8]) -> Result<Vec<Reference>> {
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
fn parse_associations(properties: &[u8]) -> Result<Vec<Association>> {
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
        assert!(matches!(&error, Error::Damaged { problem, .. } if problem == "it has too many extents"), "{error}");
        content[7] = 1;
        let locations = parse_locations(&content).expect("is within the limit");
        assert_eq!(locations[0].extents.len(), 0xFFF);
    }
}
