//! Exif data: own tags about the picture, and those of the source if they are kept.
//!
//! Source: CIPA DC-008 (Exif 2.32).

use std::collections::{BTreeMap, BTreeSet};

use cutline_core::Channels;

use super::ifd::{self, TagValue};
use super::metadata::FileMetadata;
use crate::error::Cause;
use crate::file_colors::EmbeddedProfile;
use crate::source_metadata::{ExifData, ExifEntry, MakerNote};

/// Exif tags.
mod tag {
    pub(super) const X_RESOLUTION: u16 = 0x011A;
    pub(super) const Y_RESOLUTION: u16 = 0x011B;
    pub(super) const RESOLUTION_UNIT: u16 = 0x0128;
    pub(super) const ARTIST: u16 = 0x013B;
    pub(super) const YCBCR_POSITIONING: u16 = 0x0213;
    pub(super) const COPYRIGHT: u16 = 0x8298;
    pub(super) const PHOTO: u16 = 0x8769;
    pub(super) const PLACE: u16 = 0x8825;
    pub(super) const EXIF_VERSION: u16 = 0x9000;
    pub(super) const COMPONENTS: u16 = 0x9101;
    pub(super) const MAKER_NOTE: u16 = 0x927C;
    pub(super) const FLASHPIX_VERSION: u16 = 0xA000;
    pub(super) const COLOR_SPACE: u16 = 0xA001;
    pub(super) const WIDTH: u16 = 0xA002;
    pub(super) const HEIGHT: u16 = 0xA003;
    pub(super) const INTEROPERABILITY: u16 = 0xA005;
    /// In the directory of interoperability alone.
    pub(super) const INTEROPERABILITY_INDEX: u16 = 1;
}

/// Tags whose value in the source is the better one, unless it is blank.
const OF_SOURCE: [u16; 4] = [tag::ARTIST, tag::COPYRIGHT, tag::EXIF_VERSION, tag::FLASHPIX_VERSION];

/// The color space in Exif data that is not sRGB.
const UNCALIBRATED: u16 = 0xFFFF;

/// The colors of a file, as Exif data names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExifColors {
    /// One component.
    Gray,
    /// sRGB.
    Srgb,
    /// Any other space, or an unknown one.
    Other,
}

impl ExifColors {
    pub(super) fn of(channels: Channels, profile: &EmbeddedProfile) -> Self {
        match (channels, profile) {
            (Channels::Alpha, _) => Self::Gray,
            (Channels::Rgba, EmbeddedProfile::Srgb) => Self::Srgb,
            (Channels::Rgba, EmbeddedProfile::Untagged | EmbeddedProfile::Icc(_) | EmbeddedProfile::Inks(_)) => {
                Self::Other
            }
        }
    }

    /// The value of the color space's tag.
    const fn color_space(self) -> u16 {
        match self {
            Self::Gray | Self::Srgb => 1,
            Self::Other => UNCALIBRATED,
        }
    }
}

/// Tags and their values, in ascending order.
type Tags = BTreeMap<u16, TagValue>;

/// The directories of Exif data, without the pointers between them.
#[derive(Debug, Clone)]
pub(super) struct Directories<'a> {
    /// The directory of the picture.
    image: Tags,
    photo: Tags,
    place: Tags,
    interoperability: Tags,
    /// A maker note that has to be at its old place.
    note: Option<(&'a [u8], usize)>,
}

/// Where directories begin in a file; `None` for one that is missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pointers {
    photo: Option<u32>,
    place: Option<u32>,
}

/// A block within a limit, and the names of what did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FittedExif {
    pub(super) block: Vec<u8>,
    pub(super) left_out: Vec<String>,
}

impl FileMetadata {
    /// Whether tags of the source are kept.
    pub(super) fn keeps_exif(&self) -> bool {
        self.all.as_ref().is_some_and(|all| !all.exif.is_empty())
    }

    /// Exif data of a picture of this size, from the byte order mark on: without the prefix that a JPEG's segment adds.
    pub(super) fn exif(&self, size: (u32, u32), colors: ExifColors) -> Result<Vec<u8>, Cause> {
        let nothing = ExifData::default();
        Directories::of_block(self, self.all.as_ref().map_or(&nothing, |all| &all.exif), (size, colors)).block()
    }

    /// The same in at most `max_bytes` bytes. The longest tags of the source are left out until the rest fits.
    pub(super) fn exif_within(
        &self,
        size: (u32, u32),
        colors: ExifColors,
        max_bytes: usize,
    ) -> Result<FittedExif, Cause> {
        let mut block = self.exif(size, colors)?;
        let mut left_out = Vec::new();
        if let Some(all) = self.all.as_ref().filter(|_| block.len() > max_bytes) {
            let mut exif = all.exif.clone();
            while block.len() > max_bytes {
                let names = drop_longest(&mut exif, block.len() - max_bytes);
                if names.is_empty() {
                    break;
                }
                left_out.extend(names);
                block = Directories::of_block(self, &exif, (size, colors)).block()?;
            }
        }
        Ok(FittedExif { block, left_out })
    }
}

/// Removes the longest values until at least `excess` bytes are gone. Returns the names of the tags.
fn drop_longest(exif: &mut ExifData, excess: usize) -> Vec<String> {
    // An entry is 12 bytes and its values. With a maker note goes the space before it.
    let directories = [&mut exif.image, &mut exif.photo, &mut exif.place, &mut exif.interoperability];
    let entries = directories.iter().enumerate().flat_map(|(directory, entries)| {
        entries.iter().map(move |entry| (entry.bytes.len() + 12, Some((directory, entry.tag))))
    });
    let note = exif.maker_note.as_ref().map(|note| (note.bytes.len() + note.offset.unwrap_or(0), None));
    let mut longest: Vec<_> = entries.chain(note).collect();
    longest.sort_unstable_by(|a, b| b.cmp(a));
    let mut gone = 0;
    let dropped = longest.into_iter().take_while(|(length, _)| {
        let is_needed = gone < excess;
        gone += length;
        is_needed
    });
    let dropped: BTreeSet<Option<(usize, u16)>> = dropped.map(|(_, name)| name).collect();
    for (directory, entries) in directories.into_iter().enumerate() {
        entries.retain(|entry| !dropped.contains(&Some((directory, entry.tag))));
    }
    if dropped.contains(&None) {
        exif.maker_note = None;
    }
    let name = |name: Option<(usize, u16)>| match name {
        Some((_, tag)) => format!("the tag 0x{tag:04X}"),
        None => "the maker note".to_owned(),
    };
    dropped.into_iter().map(name).collect()
}

impl<'a> Directories<'a> {
    /// The directories of a block of its own, for a picture of this size and these colors.
    fn of_block(metadata: &FileMetadata, kept: &'a ExifData, (size, colors): ((u32, u32), ExifColors)) -> Self {
        let (width, height) = size;
        let mut image = Tags::from([
            (tag::X_RESOLUTION, metadata.dpi_in_thousandths()),
            (tag::Y_RESOLUTION, metadata.dpi_in_thousandths()),
            // In inches.
            (tag::RESOLUTION_UNIT, TagValue::Short(vec![2])),
            (tag::YCBCR_POSITIONING, TagValue::Short(vec![1])),
        ]);
        image.extend(metadata.artist.clone().map(|artist| (tag::ARTIST, TagValue::Ascii(artist))));
        image.extend(metadata.copyright.clone().map(|copyright| (tag::COPYRIGHT, TagValue::Ascii(copyright))));
        let components = if colors == ExifColors::Gray { [1, 0, 0, 0] } else { [1, 2, 3, 0] };
        let mut directories = Self::of_tiff(kept, colors);
        directories.photo.extend([
            (tag::COMPONENTS, TagValue::Undefined(components.to_vec())),
            (tag::WIDTH, TagValue::Long(vec![width])),
            (tag::HEIGHT, TagValue::Long(vec![height])),
        ]);
        directories.image = merged(&kept.image, image);
        directories
    }

    /// The directories for a TIFF, whose own tags state its size: that of the picture has the kept tags alone.
    pub(super) fn of_tiff(kept: &'a ExifData, colors: ExifColors) -> Self {
        let photo = Tags::from([
            (tag::EXIF_VERSION, TagValue::Undefined(b"0232".to_vec())),
            (tag::FLASHPIX_VERSION, TagValue::Undefined(b"0100".to_vec())),
            (tag::COLOR_SPACE, TagValue::Short(vec![colors.color_space()])),
        ]);
        let mut photo = merged(&kept.photo, photo);
        let mut fixed = None;
        if let Some(MakerNote { bytes, offset }) = &kept.maker_note {
            let value = match offset {
                Some(offset) => {
                    fixed = Some((bytes.as_slice(), *offset));
                    TagValue::Placed { kind: 7, count: bytes.len(), offset: *offset }
                }
                None => TagValue::Undefined(bytes.clone()),
            };
            photo.insert(tag::MAKER_NOTE, value);
        }
        let mut interoperability = merged(&kept.interoperability, Tags::new());
        if colors == ExifColors::Other {
            // It would state the rules of a color space that the file may not have.
            interoperability.clear();
        }
        if !interoperability.is_empty() {
            // By the rules of sRGB.
            interoperability.insert(tag::INTEROPERABILITY_INDEX, TagValue::Ascii("R98".to_owned()));
        }
        let place = merged(&kept.place, Tags::new());
        Self { image: merged(&kept.image, Tags::new()), photo, place, interoperability, note: fixed }
    }

    /// The directories as a block. The first one is at the start, unless the maker note is in its way.
    fn block(&self) -> Result<Vec<u8>, Cause> {
        // The length of a directory does not depend on the pointers in it.
        let (_, pointers) = self.block_with(Pointers::default())?;
        Ok(self.block_with(pointers)?.0)
    }

    fn block_with(&self, pointers: Pointers) -> Result<(Vec<u8>, Pointers), Cause> {
        let mut data = [ifd::HEADER, [0; 4]].concat();
        let mut image = Vec::new();
        let tags = self.image_with(pointers);
        ifd::append(&mut image, &tags)?;
        let is_in_the_way = self.note.is_some_and(|(_, offset)| data.len() + image.len() > offset);
        if is_in_the_way {
            self.place_note(&mut data);
        }
        let start = u32::try_from(data.len())?.to_le_bytes();
        data[4..8].copy_from_slice(&start);
        ifd::append(&mut data, &tags)?;
        if !is_in_the_way {
            self.place_note(&mut data);
        }
        let pointers = self.append_others(&mut data)?;
        Ok((data, pointers))
    }

    /// The tags of the picture, and pointers to the other directories.
    pub(super) fn image_with(&self, Pointers { photo, place }: Pointers) -> Vec<(u16, TagValue)> {
        let mut tags = self.image.clone();
        tags.insert(tag::PHOTO, TagValue::Long(vec![photo.unwrap_or(0)]));
        if !self.place.is_empty() {
            tags.insert(tag::PLACE, TagValue::Long(vec![place.unwrap_or(0)]));
        }
        tags.into_iter().collect()
    }

    /// Appends the maker note to a file that ends before the place where it has to be.
    pub(super) fn place_note(&self, file: &mut Vec<u8>) {
        if let Some((note, offset)) = self.note {
            file.resize(file.len().max(offset), 0);
            file.extend(note);
            file.resize(file.len().next_multiple_of(2), 0);
        }
    }

    /// Appends the directories other than that of the picture to a file of even length.
    pub(super) fn append_others(&self, file: &mut Vec<u8>) -> Result<Pointers, Cause> {
        let mut append = |tags: &Tags| {
            let start = u32::try_from(file.len())?;
            ifd::append(file, &tags.clone().into_iter().collect::<Vec<_>>())?;
            Ok::<_, Cause>(start)
        };
        let mut photo = self.photo.clone();
        if !self.interoperability.is_empty() {
            photo.insert(tag::INTEROPERABILITY, TagValue::Long(vec![append(&self.interoperability)?]));
        }
        let photo = append(&photo)?;
        let place = if self.place.is_empty() { None } else { Some(append(&self.place)?) };
        Ok(Pointers { photo: Some(photo), place })
    }
}

/// Tags of the source, and the file's own, which take precedence except for [`OF_SOURCE`]. In ascending order.
pub(super) fn with_own(kept: Vec<(u16, TagValue)>, own: Vec<(u16, TagValue)>) -> Vec<(u16, TagValue)> {
    let mut tags: Tags = kept.into_iter().collect();
    add_own(&mut tags, own);
    tags.into_iter().collect()
}

/// The kept tags, and the file's own, as in [`with_own`].
fn merged(kept: &[ExifEntry], own: Tags) -> Tags {
    let kept = kept.iter().map(|ExifEntry { tag, kind, count, bytes }| {
        (*tag, TagValue::Stored { kind: *kind, count: *count, bytes: bytes.clone() })
    });
    let mut tags: Tags = kept.collect();
    add_own(&mut tags, own);
    tags
}

fn add_own(tags: &mut Tags, own: impl IntoIterator<Item = (u16, TagValue)>) {
    for (tag, value) in own {
        if !(OF_SOURCE.contains(&tag) && tags.get(&tag).is_some_and(says_something)) {
            tags.insert(tag, value);
        }
    }
}

/// Whether a value of the source is more than spaces and zeros. Cameras write blank names where none is set.
fn says_something(value: &TagValue) -> bool {
    !matches!(value, TagValue::Stored { bytes, .. } if bytes.iter().all(|byte| matches!(byte, 0 | b' ')))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cutline_core::domain::rendering::{KeepMetadata, Rendering};

    use super::*;
    use crate::photo::ImageMetadata;
    use crate::source_metadata::SourceMetadata;

    #[test]
    fn a_blank_name_of_the_source_gives_way() {
        let own = || Tags::from([(tag::ARTIST, TagValue::Ascii("Ann".to_owned()))]);
        let of_source = |name: &[u8]| {
            let entry = ExifEntry { tag: tag::ARTIST, kind: 2, count: name.len() as u32, bytes: name.to_vec() };
            merged(&[entry], own())
        };
        for blank in [&b"    \0"[..], b"\0\0", b""] {
            assert!(matches!(&of_source(blank)[&tag::ARTIST], TagValue::Ascii(name) if name == "Ann"));
        }
        assert!(matches!(of_source(b"Bo\0")[&tag::ARTIST], TagValue::Stored { count: 3, .. }));
    }

    fn entry(tag: u16, length: usize) -> ExifEntry {
        ExifEntry { tag, kind: 7, count: length as u32, bytes: vec![0xAB; length] }
    }

    fn keeping(exif: ExifData) -> FileMetadata {
        let all = Some(Arc::new(SourceMetadata { exif, ..SourceMetadata::default() }));
        let rendering = Rendering { keep_metadata: Some(KeepMetadata::All), ..Rendering::default() };
        FileMetadata::new(&ImageMetadata { all, ..ImageMetadata::default() }, &rendering)
    }

    fn noted(offset: usize) -> ExifData {
        let maker_note = Some(MakerNote { bytes: b"a maker note".to_vec(), offset: Some(offset) });
        ExifData { image: vec![entry(0x010F, 100)], place: vec![entry(2, 9)], maker_note, ..ExifData::default() }
    }

    #[test]
    fn a_maker_note_is_at_its_old_place() {
        // In the way of the first directory, at once after it, and far from it.
        for offset in [8, 60, 1_000, 20_000] {
            let block = keeping(noted(offset)).exif((40, 30), ExifColors::Srgb).expect("is written");
            assert_eq!(&block[offset..offset + 12], b"a maker note", "{offset}");
            let start = u32::from_le_bytes(block[4..8].try_into().expect("four bytes")) as usize;
            let entries = usize::from(block[start]);
            let tags: Vec<u16> = block[start + 2..]
                .chunks_exact(12)
                .take(entries)
                .map(|entry| u16::from_le_bytes([entry[0], entry[1]]))
                .collect();
            assert!(tags.is_sorted() && tags.contains(&tag::PLACE) && tags.contains(&tag::PHOTO), "{tags:04X?}");
        }
    }

    #[test]
    fn leaves_out_the_longest_values_and_names_them() {
        let exif = ExifData { photo: vec![entry(0x9286, 70_000), entry(0xA420, 33)], ..noted(1_000) };
        let fitted = keeping(exif).exif_within((40, 30), ExifColors::Srgb, 65_527).expect("is written");
        assert!(fitted.block.len() <= 65_527);
        assert_eq!(fitted.left_out, ["the tag 0x9286"]);
        let fitted = keeping(noted(1_000)).exif_within((40, 30), ExifColors::Srgb, 600).expect("is written");
        assert_eq!(fitted.left_out, ["the maker note"]);
        let fitted = keeping(noted(1_000)).exif_within((40, 30), ExifColors::Srgb, 65_527).expect("is written");
        assert!(fitted.left_out.is_empty());
    }

    #[test]
    fn other_colors_are_uncalibrated_also_in_tags_of_the_source() {
        let srgb = ExifEntry { tag: tag::COLOR_SPACE, kind: 3, count: 1, bytes: vec![1, 0] };
        let index = ExifEntry { tag: tag::INTEROPERABILITY_INDEX, kind: 2, count: 4, bytes: b"R98\0".to_vec() };
        let kept = ExifData { photo: vec![srgb], interoperability: vec![index], ..ExifData::default() };
        for (colors, expected, states_rules) in
            [(ExifColors::Srgb, 1, true), (ExifColors::Gray, 1, true), (ExifColors::Other, 0xFFFF, false)]
        {
            let directories = Directories::of_tiff(&kept, colors);
            let space = &directories.photo[&tag::COLOR_SPACE];
            assert!(matches!(space, TagValue::Short(values) if *values == [expected]), "{colors:?}");
            assert_eq!(!directories.interoperability.is_empty(), states_rules, "{colors:?}");
        }
    }
}
