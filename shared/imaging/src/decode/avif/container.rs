//! The container: the items that make up the image, and their properties. Decodes nothing.
//!
//! Tracks of a sequence are ignored: a file that has them has its first image as an item too.

use std::borrow::Cow;

use super::boxes::{self, BoxType, Reader, boxes, damaged};
use super::code_points::CodePoints;
use super::crop::Crop;
use super::grid::CodedImage;
use super::item_boxes::ItemId;
use super::items::ItemTable;
use crate::error::Error;

/// A rotation or a reflection of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Quarter turns counterclockwise, 0 to 3.
    Rotate(u8),
    /// Top and bottom exchanged.
    FlipVertical,
    /// Left and right exchanged.
    FlipHorizontal,
}

/// The primary image of a file, and its properties.
#[derive(Debug)]
pub(super) struct Container<'a> {
    pub(super) color: CodedImage<'a>,
    /// Alpha, of the same size as the colors.
    pub(super) alpha: Option<CodedImage<'a>>,
    pub(super) is_premultiplied: bool,
    /// In the order in which they apply.
    pub(super) turns: Vec<Turn>,
    /// The part of the image that is to be shown, before it is turned.
    pub(super) crop: Option<Crop>,
    /// Whether alpha states the same turns and crop for itself, or the image has no alpha. By the standard, those of the
    /// colors hold for both.
    pub(super) is_alpha_alike: bool,
    /// Whether the file states a part that cannot be cut out.
    pub(super) has_invalid_crop: bool,
    /// An ICC profile.
    pub(super) profile: Option<&'a [u8]>,
    pub(super) code_points: Option<CodePoints>,
    pub(super) exif: Option<Cow<'a, [u8]>>,
    pub(super) xmp: Option<Cow<'a, [u8]>>,
    /// Whether there are frames in addition to the image.
    pub(super) is_sequence: bool,
}

/// Properties of the primary image other than its size.
#[derive(Default)]
struct Properties<'a> {
    turns: Vec<Turn>,
    aperture: Option<&'a [u8]>,
    profile: Option<&'a [u8]>,
    code_points: Option<CodePoints>,
}

impl Container<'_> {
    /// Width and height of the part that is to be shown, before it is turned.
    pub(super) fn shown_size(&self) -> (u32, u32) {
        self.crop.map_or(self.color.size, |crop| crop.size)
    }
}

/// Parses a file whose images have a codec: the type of its items.
pub(super) fn parse(file: &[u8], codec: BoxType) -> Result<Container<'_>, Error> {
    let (meta, is_sequence) = top_level(file)?;
    let primary = primary_item(meta)?;
    let items = ItemTable::parse(file, meta, codec)?;

    let color = items.image(primary)?;
    let alpha_item = items.alpha_of(primary);
    let Properties { turns, aperture, profile, code_points } = Properties::read(&items, primary);
    let crop = aperture.and_then(|aperture| Crop::read(aperture, color.size));
    let is_premultiplied = alpha_item.is_some_and(|alpha| items.has_reference(*b"prem", primary, alpha));
    let is_alpha_alike = alpha_item
        .map(|alpha| Properties::read(&items, alpha))
        .is_none_or(|of_alpha| of_alpha.turns == turns && of_alpha.aperture == aperture);
    let alpha = alpha_item.map(|alpha| items.image(alpha)).transpose()?;
    if alpha.as_ref().is_some_and(|alpha| alpha.size != color.size) {
        return Err(damaged("alpha and colors differ in size"));
    }
    let exif = items.description_of(primary, b"Exif", b"").and_then(|exif| exif_block(&exif));
    let xmp = items.description_of(primary, b"mime", b"application/rdf+xml");
    Ok(Container {
        color,
        alpha,
        is_premultiplied,
        turns,
        crop,
        is_alpha_alike,
        has_invalid_crop: aperture.is_some() && crop.is_none(),
        profile,
        code_points,
        exif: exif.map(Cow::Owned),
        xmp,
        is_sequence,
    })
}

/// The content of the `meta` box, without version and flags, and whether the file has tracks.
fn top_level(file: &[u8]) -> Result<(&[u8], bool), Error> {
    let (mut meta, mut is_sequence) = (None, false);
    for found in boxes(file) {
        // Boxes may be cut off at the end. If the image's data are in one, reading the items fails.
        let Ok((kind, content)) = found else { break };
        match kind {
            b"meta" => meta = meta.or(Some(content)),
            b"moov" => is_sequence = true,
            _ => {}
        }
    }
    let mut reader = Reader::new(meta.ok_or_else(|| damaged("the description of its items is missing"))?);
    reader.version_and_flags()?;
    Ok((reader.rest(), is_sequence))
}

fn primary_item(meta: &[u8]) -> Result<ItemId, Error> {
    let mut reader = Reader::new(boxes::require(meta, b"pitm")?);
    let (version, _) = reader.version_and_flags()?;
    reader.u32(if version == 0 { 2 } else { 4 })
}

/// The Exif block of an Exif item, which begins with the block's offset in the rest of the item.
fn exif_block(item: &[u8]) -> Option<Vec<u8>> {
    let offset = Reader::new(item).u32(4).ok()? as usize;
    Some(item.get(offset.checked_add(4)?..)?.to_vec())
}

impl<'a> Properties<'a> {
    /// Reads the properties of an item. Of repeated profiles and code points the first counts.
    fn read(items: &ItemTable<'a>, item: ItemId) -> Self {
        let mut properties = Self::default();
        for (kind, content) in items.properties(item) {
            match (kind, content) {
                (b"irot", [angle, ..]) => properties.turns.push(Turn::Rotate(angle & 3)),
                (b"imir", [axis, ..]) => {
                    properties.turns.push(if axis & 1 == 0 { Turn::FlipVertical } else { Turn::FlipHorizontal });
                }
                (b"clap", aperture) => {
                    properties.aperture.get_or_insert(aperture);
                }
                (b"colr", [b'p', b'r', b'o', b'f', icc @ ..] | [b'r', b'I', b'C', b'C', icc @ ..]) => {
                    properties.profile.get_or_insert(icc);
                }
                (b"colr", [b'n', b'c', b'l', b'x', _, primaries, _, transfer, _, matrix, range, ..]) => {
                    properties.code_points.get_or_insert(CodePoints {
                        primaries: *primaries,
                        transfer: *transfer,
                        matrix: *matrix,
                        full_range: range & 0x80 != 0,
                    });
                }
                _ => {}
            }
        }
        properties
    }
}
