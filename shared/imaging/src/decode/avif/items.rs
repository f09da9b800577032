//! The items of a container: their types, data, references and properties.

use std::borrow::Cow;

use cutline_core::domain::kind::ImageKind;

use super::boxes::{self, BoxType, Reader, boxes, damaged, unsupported};
use super::grid::CodedImage;
use super::hevc;
use super::item_boxes::{
    Association, DataSource, Extent, Item, ItemId, Location, Reference, parse_associations, parse_items,
    parse_locations, parse_references,
};
use crate::error::Error;

type Result<T> = std::result::Result<T, Error>;

/// The type of items that are HEVC streams.
pub(super) const HEVC: BoxType = *b"hvc1";
/// Most tiles of a grid.
const MAX_TILES: usize = 256;
/// How much longer the tiles of a grid may be together than their file, in bytes. Encoders store equal tiles once, and those
/// are plain and short.
const MAX_SHARED: usize = 16 << 20;
const ALPHA_URNS: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];

/// All items of a container, by the boxes in its `meta` box.
pub(super) struct ItemTable<'a> {
    /// The type of items that hold a stream.
    codec: BoxType,
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
    pub(super) fn parse(file: &'a [u8], meta: &'a [u8], codec: BoxType) -> Result<Self> {
        let properties = boxes::require(meta, b"iprp")?;
        let references = boxes::find(meta, b"iref")?.map(parse_references).transpose()?.unwrap_or_default();
        Ok(Self {
            codec,
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

    /// An image of one stream, or a grid of them.
    pub(super) fn image(&self, item: ItemId) -> Result<CodedImage<'a>> {
        let size = self.size(item)?;
        match self.kind(item) {
            Some(kind) if *kind == self.codec => {
                Ok(CodedImage { size, tile_size: size, columns: 1, tiles: vec![self.stream(item, size)?] })
            }
            Some(b"grid") => self.grid(item, size),
            Some(_) => Err(unsupported("a derived image or another codec")),
            None => Err(damaged("the image is missing")),
        }
    }

    /// The stream of an item of this size in pixels. A stream of HEVC is no larger than that.
    fn stream(&self, item: ItemId, size: (u32, u32)) -> Result<Cow<'a, [u8]>> {
        let stream = self.data(item)?;
        if self.codec == HEVC {
            let config = self.property(item, b"hvcC").ok_or_else(|| damaged("its codec is not described"))?;
            hevc::check_coded_size(config, &stream, size)?;
        }
        Ok(stream)
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

    fn grid(&self, item: ItemId, size: (u32, u32)) -> Result<CodedImage<'a>> {
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
        if rows * columns > MAX_TILES {
            return Err(unsupported(format!("a grid of {} tiles", rows * columns)));
        }
        if tiles.len() != rows * columns {
            return Err(damaged("the grid has too few or too many tiles"));
        }
        let tile_size = self.size(tiles[0])?;
        if !covers_exactly(tile_size.0, columns, size.0) || !covers_exactly(tile_size.1, rows, size.1) {
            return Err(damaged("the tiles do not cover the image"));
        }
        let (mut streams, mut bytes) = (Vec::with_capacity(tiles.len()), 0);
        for tile in tiles {
            if self.kind(tile) != Some(&self.codec) || self.size(tile)? != tile_size {
                return Err(damaged("the tiles differ in size or type"));
            }
            let stream = self.stream(tile, tile_size)?;
            bytes += stream.len();
            if bytes > self.file.len() + MAX_SHARED {
                return Err(unsupported("a grid that repeats long tiles"));
            }
            streams.push(stream);
        }
        Ok(CodedImage { size, tile_size, columns, tiles: streams })
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
                return Err(unsupported("an item whose extents overlap"));
            }
            data.extend_from_slice(bytes);
        }
        Ok(Cow::Owned(data))
    }
}

/// Whether `count` tiles cover a side, and no fewer would.
fn covers_exactly(tile: u32, count: usize, side: u32) -> bool {
    let covered = u64::from(tile) * count as u64;
    covered >= side.into() && covered - u64::from(tile) < side.into()
}
