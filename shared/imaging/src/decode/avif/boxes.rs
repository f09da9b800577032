//! The boxes of an AVIF: which items make the picture, where their data are, and what is said about them. Nothing is
//! decoded here, and no memory is taken by a number that the file tells.
//!
//! By ISO/IEC 14496-12 (boxes), 23008-12 (items) and the AVIF specification 1.1. Sequences of frames are not looked
//! at: a file that has them has its first picture as an item too.

use std::borrow::Cow;

/// Why a file is damaged, or the form of it that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Reason {
    Damaged(&'static str),
    Unsupported(&'static str),
}

type Result<T> = std::result::Result<T, Reason>;

/// The most items, parts of those, properties, associations and references that are looked at, each.
const MAX_ENTRIES: usize = 4096;
/// The most tiles of a grid.
const MAX_TILES: usize = 256;

/// Turning and mirroring, in the order in which they are to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Turn {
    /// So many quarters of a turn against the clock.
    Rotate(u8),
    /// The upper and the lower side are exchanged.
    UpsideDown,
    /// The left and the right side are exchanged.
    Mirror,
}

/// Code points of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) struct Nclx {
    pub(in crate::decode) primaries: u8,
    pub(in crate::decode) transfer: u8,
    pub(in crate::decode) matrix: u8,
    pub(in crate::decode) full_range: bool,
}

/// A picture of one or several AV1 streams, row by row.
#[derive(Debug)]
pub(in crate::decode) struct Picture<'a> {
    /// Width and height.
    pub(in crate::decode) size: (u32, u32),
    /// Width and height of each tile; that of the picture if there is but one.
    pub(in crate::decode) tile: (u32, u32),
    pub(in crate::decode) columns: usize,
    pub(in crate::decode) tiles: Vec<Cow<'a, [u8]>>,
}

impl Picture<'_> {
    /// Width and height of all tiles together, which may reach beyond the picture.
    pub(in crate::decode) fn coded(&self) -> (u32, u32) {
        let rows = self.tiles.len() / self.columns;
        let side = |tile: u32, count: usize| tile.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        (side(self.tile.0, self.columns), side(self.tile.1, rows))
    }
}

/// An AVIF.
#[derive(Debug)]
pub(in crate::decode) struct Avif<'a> {
    pub(in crate::decode) color: Picture<'a>,
    pub(in crate::decode) alpha: Option<Picture<'a>>,
    pub(in crate::decode) premultiplied: bool,
    pub(in crate::decode) turns: Vec<Turn>,
    /// Whether a part of the picture was to be cut out.
    pub(in crate::decode) cropped: bool,
    pub(in crate::decode) profile: Option<&'a [u8]>,
    pub(in crate::decode) nclx: Option<Nclx>,
    pub(in crate::decode) exif: Option<Cow<'a, [u8]>>,
    pub(in crate::decode) xmp: Option<Cow<'a, [u8]>>,
    /// Whether there are frames beside the picture.
    pub(in crate::decode) sequence: bool,
}

/// Reads numbers off the front of some bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Reason::Damaged("a box is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of so many bytes, 0 to 8. Of none it is 0.
    fn number(&mut self, length: usize) -> Result<u64> {
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn small(&mut self, length: usize) -> Result<u32> {
        u32::try_from(self.number(length)?).map_err(|_| Reason::Damaged("a number is too large"))
    }

    /// Version and flags of a box that has them.
    fn version(&mut self) -> Result<(u8, u32)> {
        let word = self.small(4)?;
        Ok(((word >> 24) as u8, word & 0xFF_FFFF))
    }
}

/// The boxes in some bytes: type and content. What follows the last whole one is an error only if it is more than a
/// few bytes.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = Result<(&[u8; 4], &[u8])>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 8 {
            return None;
        }
        let read = |reader: &mut Reader<'_>| {
            let length = reader.number(4)?;
            reader.take(4)?;
            Ok(match length {
                0 => rest.len() as u64,
                1 => reader.number(8)?,
                length => length,
            })
        };
        let mut reader = Reader(rest);
        let length = match read(&mut reader) {
            Ok(length) => length,
            Err(reason) => {
                rest = &[];
                return Some(Err(reason));
            }
        };
        let head = rest.len() - reader.0.len();
        let name = rest[4..].first_chunk::<4>();
        let whole = usize::try_from(length).ok().and_then(|length| rest.get(..length)).and_then(|all| all.get(head..));
        let (Some(name), Some(content)) = (name, whole) else {
            rest = &[];
            return Some(Err(Reason::Damaged("a box ends past what holds it")));
        };
        rest = &rest[length as usize..];
        Some(Ok((name, content)))
    })
    .take(MAX_ENTRIES)
}

fn find<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Result<Option<&'a [u8]>> {
    for found in boxes(bytes) {
        let (kind, content) = found?;
        if kind == name {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

fn must<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Result<&'a [u8]> {
    find(bytes, name)?.ok_or(Reason::Damaged("a box is missing"))
}

/// Number and type of an item, and its media type if it has one.
type Item<'a> = (u32, [u8; 4], &'a [u8]);

/// The boxes that describe the items.
struct Meta<'a> {
    file: &'a [u8],
    /// What some items have their data in.
    idat: &'a [u8],
    items: Vec<Item<'a>>,
    locations: Vec<Location>,
    /// Type of a reference, from an item, to an item.
    references: Vec<([u8; 4], u32, u32)>,
    properties: Vec<(&'a [u8; 4], &'a [u8])>,
    /// Item and index of a property.
    associations: Vec<(u32, usize)>,
}

struct Location {
    item: u32,
    in_idat: bool,
    /// Offset and length. A length of 0 reaches to the end.
    extents: Vec<(u64, u64)>,
}

/// Reads the boxes of a file.
pub(in crate::decode) fn parse(file: &[u8]) -> Result<Avif<'_>> {
    let (mut meta, mut sequence) = (None, false);
    for found in boxes(file) {
        // What follows the picture's own boxes may be cut off; its data then are missing, which is told below.
        let Ok((name, content)) = found else { break };
        match name {
            b"meta" => meta = meta.or(Some(content)),
            b"moov" => sequence = true,
            _ => {}
        }
    }
    let meta = meta.ok_or(Reason::Damaged("there is no description of the items"))?;
    let mut reader = Reader(meta);
    reader.version()?;
    let meta = reader.0;
    let mut primary = Reader(must(meta, b"pitm")?);
    let (version, _) = primary.version()?;
    let primary = primary.small(if version == 0 { 2 } else { 4 })?;
    let described = Meta::read(file, meta)?;

    let (color, alpha) = (described.picture(primary)?, described.alpha_of(primary));
    let (mut turns, mut cropped, mut profile, mut nclx) = (Vec::new(), false, None, None);
    for (name, content) in described.properties_of(primary) {
        match (name, content) {
            (b"irot", [angle, ..]) => turns.push(Turn::Rotate(angle & 3)),
            (b"imir", [axis, ..]) => turns.push(if axis & 1 == 0 { Turn::UpsideDown } else { Turn::Mirror }),
            (b"clap", _) => cropped = true,
            (b"colr", [b'p', b'r', b'o', b'f', icc @ ..] | [b'r', b'I', b'C', b'C', icc @ ..]) => {
                profile = profile.or(Some(icc));
            }
            (b"colr", [b'n', b'c', b'l', b'x', _, primaries, _, transfer, _, matrix, range, ..]) => {
                let full_range = range & 0x80 != 0;
                nclx = nclx.or(Some(Nclx { primaries: *primaries, transfer: *transfer, matrix: *matrix, full_range }));
            }
            _ => {}
        }
    }
    let premultiplied = alpha.is_some_and(|alpha| described.references.contains(&(*b"prem", primary, alpha)));
    let alpha = alpha.map(|alpha| described.picture(alpha)).transpose()?;
    if alpha.as_ref().is_some_and(|alpha| alpha.size != color.size) {
        return Err(Reason::Damaged("alpha has another size"));
    }
    // An Exif item begins with the offset of its header in what follows.
    let exif = described.metadata(primary, b"Exif", b"").and_then(|exif| {
        let at = Reader(&exif).small(4).ok()? as usize;
        let body = exif.get(at.checked_add(4)?..)?.to_vec();
        Some(Cow::Owned(body))
    });
    let xmp = described.metadata(primary, b"mime", b"application/rdf+xml");
    Ok(Avif { color, alpha, premultiplied, turns, cropped, profile, nclx, exif, xmp, sequence })
}

impl<'a> Meta<'a> {
    fn read(file: &'a [u8], meta: &'a [u8]) -> Result<Self> {
        let properties = must(meta, b"iprp")?;
        let references = find(meta, b"iref")?.map(references).transpose()?.unwrap_or_default();
        Ok(Self {
            file,
            idat: find(meta, b"idat")?.unwrap_or_default(),
            items: items(must(meta, b"iinf")?)?,
            locations: locations(must(meta, b"iloc")?)?,
            references,
            properties: boxes(must(properties, b"ipco")?).collect::<Result<_>>()?,
            associations: associations(properties)?,
        })
    }

    fn kind(&self, item: u32) -> Option<&[u8; 4]> {
        self.items.iter().find(|(id, ..)| *id == item).map(|(_, kind, _)| kind)
    }

    fn properties_of(&self, item: u32) -> impl Iterator<Item = (&'a [u8; 4], &'a [u8])> {
        let of_item = self.associations.iter().filter(move |(id, _)| *id == item);
        // Counted from 1; 0 means none.
        of_item.filter_map(|(_, index)| self.properties.get(index.checked_sub(1)?).copied())
    }

    fn property(&self, item: u32, name: &[u8; 4]) -> Option<&'a [u8]> {
        self.properties_of(item).find(|(found, _)| *found == name).map(|(_, content)| content)
    }

    fn size(&self, item: u32) -> Result<(u32, u32)> {
        let mut reader = Reader(self.property(item, b"ispe").ok_or(Reason::Damaged("the picture has no size"))?);
        reader.version()?;
        let size = (reader.small(4)?, reader.small(4)?);
        if size.0 == 0 || size.1 == 0 { Err(Reason::Damaged("the picture is empty")) } else { Ok(size) }
    }

    /// The item that holds the alpha of another one.
    fn alpha_of(&self, primary: u32) -> Option<u32> {
        let of_primary = self.references.iter().filter(|(kind, _, to)| kind == b"auxl" && *to == primary);
        let is_alpha = |item: &u32| {
            self.property(*item, b"auxC").and_then(|content| content.get(4..)).is_some_and(|urn| {
                urn.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
                    || urn.starts_with(b"urn:mpeg:hevc:2015:auxid:1\0")
            })
        };
        of_primary.map(|(_, from, _)| *from).find(is_alpha)
    }

    /// The first item of a type that describes another one, of those whose data can be read.
    fn metadata(&self, primary: u32, kind: &[u8; 4], media_type: &[u8]) -> Option<Cow<'a, [u8]>> {
        let describes = |id: u32| self.references.contains(&(*b"cdsc", id, primary));
        let item = self.items.iter().find(|(id, found, media)| {
            found == kind && describes(*id) && (media_type.is_empty() || media.starts_with(media_type))
        })?;
        self.data(item.0).ok()
    }

    /// A picture of one stream, or a grid of those.
    fn picture(&self, item: u32) -> Result<Picture<'a>> {
        let size = self.size(item)?;
        match self.kind(item) {
            Some(b"av01") => Ok(Picture { size, tile: size, columns: 1, tiles: vec![self.data(item)?] }),
            Some(b"grid") => self.grid(item, size),
            Some(_) => Err(Reason::Unsupported("the picture is derived or coded in another way than AV1")),
            None => Err(Reason::Damaged("the picture is missing")),
        }
    }

    fn grid(&self, item: u32, size: (u32, u32)) -> Result<Picture<'a>> {
        let data = self.data(item)?;
        let mut reader = Reader(&data);
        reader.take(1)?;
        let word = if reader.number(1)? & 1 == 0 { 2 } else { 4 };
        let (rows, columns) = (reader.number(1)? as usize + 1, reader.number(1)? as usize + 1);
        if (reader.small(word)?, reader.small(word)?) != size {
            return Err(Reason::Damaged("the grid is not of the size that was promised"));
        }
        let tiles = self.references.iter().filter(|(kind, from, _)| kind == b"dimg" && *from == item);
        let tiles: Vec<u32> = tiles.map(|(.., to)| *to).collect();
        if rows * columns > MAX_TILES || tiles.len() != rows * columns {
            return Err(Reason::Damaged("the grid has not as many tiles as it has places"));
        }
        let tile = self.size(tiles[0])?;
        let covers = |tile: u32, count: usize, side: u32| {
            let across = u64::from(tile) * count as u64;
            // No further tile than is needed.
            across >= side.into() && across - u64::from(tile) < side.into()
        };
        if !covers(tile.0, columns, size.0) || !covers(tile.1, rows, size.1) {
            return Err(Reason::Damaged("the tiles do not cover the picture"));
        }
        let mut found = Vec::new();
        for id in tiles {
            if self.kind(id) != Some(b"av01") || self.size(id)? != tile {
                return Err(Reason::Damaged("the tiles differ"));
            }
            found.push(self.data(id)?);
        }
        Ok(Picture { size, tile, columns, tiles: found })
    }

    /// The data of an item. Parts that overlap do not make them longer than the file is.
    fn data(&self, item: u32) -> Result<Cow<'a, [u8]>> {
        let location = self.locations.iter().find(|found| found.item == item);
        let location = location.ok_or(Reason::Damaged("an item has no data"))?;
        let source = if location.in_idat { self.idat } else { self.file };
        let part = |(at, length): (u64, u64)| {
            let at = usize::try_from(at).ok()?;
            let rest = source.get(at..)?;
            if length == 0 { Some(rest) } else { rest.get(..usize::try_from(length).ok()?) }
        };
        let outside = Reason::Damaged("the data of an item end past the file");
        if let [extent] = location.extents.as_slice() {
            return part(*extent).map(Cow::Borrowed).ok_or(outside);
        }
        let mut data = Vec::new();
        for extent in &location.extents {
            let part = part(*extent).ok_or(outside)?;
            if data.len() + part.len() > source.len() {
                return Err(Reason::Damaged("the parts of an item overlap"));
            }
            data.extend_from_slice(part);
        }
        Ok(Cow::Owned(data))
    }
}

fn items(content: &[u8]) -> Result<Vec<Item<'_>>> {
    let mut reader = Reader(content);
    let (version, _) = reader.version()?;
    reader.take(if version == 0 { 2 } else { 4 })?;
    let mut items = Vec::new();
    for found in boxes(reader.0) {
        let (b"infe", content) = found? else { continue };
        let mut reader = Reader(content);
        let (version, _) = reader.version()?;
        if version < 2 {
            continue;
        }
        let id = reader.small(if version == 2 { 2 } else { 4 })?;
        let protected = reader.number(2)? != 0;
        let kind = *reader.take(4)?.first_chunk::<4>().ok_or(Reason::Damaged("a box is too short"))?;
        // A name, then for some a media type.
        let media = reader.0.iter().position(|byte| *byte == 0).map_or(&[][..], |end| &reader.0[end + 1..]);
        if !protected {
            items.push((id, kind, media));
        }
    }
    Ok(items)
}

fn locations(content: &[u8]) -> Result<Vec<Location>> {
    let mut reader = Reader(content);
    let (version, _) = reader.version()?;
    let sizes = reader.number(2)? as usize;
    let (offset, length, base) = (sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15);
    let index = if version == 0 { 0 } else { sizes & 15 };
    if [offset, length, base, index].iter().any(|size| *size > 8) {
        return Err(Reason::Damaged("numbers are too long"));
    }
    let id_length = if version < 2 { 2 } else { 4 };
    let count = reader.small(id_length)?;
    let (mut locations, mut left) = (Vec::new(), MAX_ENTRIES);
    for _ in 0..count.min(MAX_ENTRIES as u32) {
        let item = reader.small(id_length)?;
        let method = if version == 0 { 0 } else { reader.number(2)? & 15 };
        let elsewhere = reader.number(2)? != 0;
        let base = reader.number(base)?;
        let count = reader.number(2)?;
        let mut extents = Vec::new();
        for _ in 0..count {
            // Their numbers may take no bytes at all.
            left = left.checked_sub(1).ok_or(Reason::Damaged("there are too many parts of items"))?;
            reader.take(index)?;
            let at = reader.number(offset)?.checked_add(base).ok_or(Reason::Damaged("a number is too large"))?;
            extents.push((at, reader.number(length)?));
        }
        if !elsewhere && method < 2 {
            locations.push(Location { item, in_idat: method == 1, extents });
        }
    }
    Ok(locations)
}

fn references(content: &[u8]) -> Result<Vec<([u8; 4], u32, u32)>> {
    let mut reader = Reader(content);
    let id_length = if reader.version()?.0 == 0 { 2 } else { 4 };
    let mut references = Vec::new();
    for found in boxes(reader.0) {
        let (kind, content) = found?;
        let mut reader = Reader(content);
        let from = reader.small(id_length)?;
        for _ in 0..reader.number(2)? {
            if references.len() < MAX_ENTRIES {
                references.push((*kind, from, reader.small(id_length)?));
            }
        }
    }
    Ok(references)
}

fn associations(properties: &[u8]) -> Result<Vec<(u32, usize)>> {
    let mut associations = Vec::new();
    for found in boxes(properties) {
        let (b"ipma", content) = found? else { continue };
        let mut reader = Reader(content);
        let (version, flags) = reader.version()?;
        for _ in 0..reader.small(4)?.min(MAX_ENTRIES as u32) {
            let item = reader.small(if version == 0 { 2 } else { 4 })?;
            for _ in 0..reader.number(1)? {
                // Above the index a bit says whether the property must be understood.
                let index = if flags & 1 == 0 { reader.number(1)? & 0x7F } else { reader.number(2)? & 0x7FFF };
                if associations.len() < MAX_ENTRIES {
                    associations.push((item, index as usize));
                }
            }
        }
    }
    Ok(associations)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of no bytes are read without end unless they are counted.
    #[test]
    fn parts_of_items_that_take_no_bytes_are_counted() {
        let mut content = vec![0, 0, 0, 0, 0, 0, 0, 3];
        for _ in 0..3 {
            content.extend([0, 1, 0, 0, 0x0F, 0xFF]);
        }
        let told = locations(&content).map(|found| found.len());
        assert_eq!(told, Err(Reason::Damaged("there are too many parts of items")));
        content[7] = 1;
        assert_eq!(locations(&content).map(|found| found[0].extents.len()), Ok(0xFFF));
    }

    #[test]
    fn a_grid_is_as_large_as_its_tiles() {
        let tiles = vec![Cow::Borrowed(&[][..]); 6];
        let picture = Picture { size: (1, 1), tile: (65_536, 40_000), columns: 3, tiles };
        assert_eq!(picture.coded(), (196_608, 80_000));
        assert_eq!(Picture { tile: (u32::MAX, 1), ..picture }.coded(), (u32::MAX, 2));
    }
}
