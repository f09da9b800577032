//! The tags of an Exif block or of a TIFF's page, without those that describe the pixels of the file.

use std::collections::BTreeMap;

use crate::decode::metadata::ifd::entries::Entry;
use crate::decode::metadata::ifd::{self, Ifd};
use crate::source_metadata::{ExifData, ExifEntry, MakerNote};

/// Most bytes of all values.
const MAX_BYTES: usize = 1 << 20;
/// The farthest place in its block that a maker note may need: the bytes before it may have to stay empty.
const MAX_NOTE_OFFSET: usize = 32 << 10;

/// Codes of the types that Exif has. Above are pointers to directories, and those of BigTIFF.
const TYPES: std::ops::RangeInclusive<u16> = 1..=12;

const PLACE: u16 = 34_853;
const MAKER_NOTE: u16 = 37_500;
/// The last tag of the directory of the place.
const LAST_OF_PLACE: u16 = 31;
/// Space that Microsoft's programs leave for changes, and what they note about it.
const PADDING: [u16; 2] = [59_932, 59_933];

/// Tags of the first directory that are not kept: the layout of the pixels and their colors (TIFF 6.0), thumbnails,
/// blocks that are read on their own, pointers, where each pixel lies on a map, and what makes a file a raw photograph (from 50,706 on).
fn is_of_the_file(tag: u16) -> bool {
    matches!(tag,
        254..=259 | 262..=266 | 273..=274 | 277..=284 | 288..=293 | 296..=297 | 301 | 317..=325 | 330 | 332..=334
        | 336..=347 | 400..=401 | 512..=521 | 529..=532 | 559 | 700 | 32_995..=32_998 | 33_421..=33_422 | 33_550 | 33_723
        | 33_922 | 34_264 | 34_735..=34_737
        | 34_377 | 34_665 | 34_675 | 34_853 | 37_724 | 40_965 | 50_706..=51_200 | 52_525..=52_560)
        || PADDING.contains(&tag)
}

/// Tags of the photograph's directory that are not kept: size, colors, compression, areas, which are in pixels of the
/// source, and pointers.
fn is_of_the_pixels(tag: u16) -> bool {
    const COMPONENTS: u16 = 37_121;
    const BITS_PER_PIXEL: u16 = 37_122;
    const SUBJECT_AREA: u16 = 37_396;
    const SUBJECT_LOCATION: u16 = 41_492;
    const GAMMA: u16 = 42_240;
    const SIZE: std::ops::RangeInclusive<u16> = 40_961..=40_963;
    SIZE.contains(&tag)
        || matches!(tag, COMPONENTS | BITS_PER_PIXEL | SUBJECT_AREA | SUBJECT_LOCATION | GAMMA)
        || [MAKER_NOTE, ifd::EXIF, PLACE, ifd::INTEROPERABILITY].contains(&tag)
        || PADDING.contains(&tag)
}

/// The version of the rules is all that is true of a new file: the others name its colors and size.
fn is_of_the_colors(tag: u16) -> bool {
    const VERSION: u16 = 2;
    tag != VERSION
}

/// Reads a directory and those that it points to. None of them is read twice, so no loop is followed.
pub(super) fn read(image: &Ifd<'_>, warnings: &mut Vec<String>) -> ExifData {
    let mut reader = Reader { bytes_left: MAX_BYTES, is_complete: true };
    let photo = image.directory(ifd::EXIF);
    let interoperability = photo.and_then(|photo| photo.directory(ifd::INTEROPERABILITY));
    let exif = ExifData {
        image: reader.entries(image, is_of_the_file),
        photo: photo.map(|photo| reader.entries(&photo, is_of_the_pixels)).unwrap_or_default(),
        place: image
            .directory(PLACE)
            .map(|place| reader.entries(&place, |tag| tag > LAST_OF_PLACE))
            .unwrap_or_default(),
        interoperability: interoperability.map(|ifd| reader.entries(&ifd, is_of_the_colors)).unwrap_or_default(),
        maker_note: photo.and_then(|photo| reader.maker_note(&photo, warnings)),
    };
    if !reader.is_complete {
        warnings
            .push("A part of the file's Exif metadata was not kept: together they are longer than 1 MB.".to_owned());
    }
    exif
}

struct Reader {
    bytes_left: usize,
    is_complete: bool,
}

impl Reader {
    /// Whether the budget covers these bytes.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.bytes_left.checked_sub(bytes);
        self.is_complete &= left.is_some();
        self.bytes_left = left.unwrap_or(self.bytes_left);
        left.is_some()
    }

    /// The entries of a directory that are kept. Of repeated tags the first counts.
    fn entries(&mut self, ifd: &Ifd<'_>, is_dropped: impl Fn(u16) -> bool) -> Vec<ExifEntry> {
        let mut kept = BTreeMap::new();
        for Entry { tag, kind, count, bytes } in ifd.entries() {
            let is_kept = TYPES.contains(&kind) && !is_dropped(tag) && !kept.contains_key(&tag);
            if is_kept && self.spend(bytes.len()) {
                let bytes = if ifd.is_big_endian() { swapped(bytes, kind) } else { bytes.to_vec() };
                kept.insert(tag, ExifEntry { tag, kind, count, bytes });
            }
        }
        kept.into_values().collect()
    }

    fn maker_note(&mut self, photo: &Ifd<'_>, warnings: &mut Vec<String>) -> Option<MakerNote> {
        let place = photo.value_range(MAKER_NOTE).filter(|place| !place.is_empty())?;
        let bytes = photo.file().get(place.clone())?;
        // Up to four bytes are in the entry itself, and too few to refer to anything.
        let moves = bytes.len() <= 4 || counts_from_its_start(bytes);
        let offset = (!moves).then_some(place.start);
        let stays = |offset: usize| {
            !photo.is_big_endian() && (8..=MAX_NOTE_OFFSET).contains(&offset) && offset.is_multiple_of(2)
        };
        if !offset.is_none_or(stays) {
            warnings.push(
                "The camera maker's data in Exif (the maker note) were not kept: they cannot be moved.".to_owned(),
            );
            return None;
        }
        self.spend(bytes.len()).then(|| MakerNote { bytes: bytes.to_vec(), offset })
    }
}

/// Whether a maker note is of a kind that refers to places in itself alone, and knows its own byte order.
fn counts_from_its_start(note: &[u8]) -> bool {
    const KINDS: [&[u8]; 6] = [b"Nikon\0\x02", b"OLYMPUS\0", b"OM SYSTEM\0", b"FUJIFILM", b"Apple iOS\0", b"PENTAX \0"];
    KINDS.iter().any(|start| note.starts_with(start))
}

/// Big-endian values as little-endian ones.
fn swapped(bytes: &[u8], kind: u16) -> Vec<u8> {
    let size = match kind {
        3 | 8 => 2,
        // Fractions are two numbers of four bytes.
        4 | 5 | 9 | 10 | 11 => 4,
        12 => 8,
        _ => 1,
    };
    bytes.chunks(size).flat_map(|number| number.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of entries of type `kind`, little-endian or big-endian, whose values are inline or at an offset.
    fn directory(big: bool, entries: &[(u16, u16, u32, [u8; 4])]) -> Vec<u8> {
        let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut bytes = short(entries.len() as u16).to_vec();
        for (tag, kind, count, value) in entries {
            bytes.extend([short(*tag), short(*kind)].concat());
            bytes.extend(long(*count));
            bytes.extend(value);
        }
        bytes.extend([0; 4]);
        bytes
    }

    fn read_block(block: &[u8]) -> (ExifData, Vec<String>) {
        let mut warnings = Vec::new();
        let exif = read(&Ifd::first(block).expect("has a directory"), &mut warnings);
        (exif, warnings)
    }

    #[test]
    fn values_become_little_endian() {
        let entries = [
            (271, 2, 3, *b"Ax\0\0"),
            (274, 3, 1, [0, 6, 0, 0]),
            (4_660, 3, 2, [1, 2, 3, 4]),
            (34_853, 4, 1, 64_u32.to_be_bytes()),
        ];
        let mut block = [b"MM\0*\0\0\0\x08".to_vec(), directory(true, &entries)].concat();
        block.resize(64, 0);
        block.extend(directory(true, &[(2, 5, 1, 100_u32.to_be_bytes())]));
        block.resize(100, 0);
        block.extend([0, 0, 0, 7, 0, 0, 0, 1]);
        let (exif, warnings) = read_block(&block);
        let image: Vec<_> = exif.image.iter().map(|entry| (entry.tag, entry.bytes.as_slice())).collect();
        assert_eq!(image, [(271, &b"Ax\0"[..]), (4_660, &[2, 1, 4, 3])]);
        assert_eq!(exif.place, [ExifEntry { tag: 2, kind: 5, count: 1, bytes: vec![7, 0, 0, 0, 1, 0, 0, 0] }]);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    /// Its first directory at 8, that of the photograph at 40, and a maker note at `offset`.
    fn with_note(offset: u32, note: &[u8]) -> Vec<u8> {
        let mut block = [b"II*\0\x08\0\0\0".to_vec(), directory(false, &[(34_665, 4, 1, [40, 0, 0, 0])])].concat();
        block.resize(40, 0);
        block.extend(directory(false, &[(37_500, 7, note.len() as u32, offset.to_le_bytes())]));
        block.resize(block.len().max(offset as usize), 0);
        block.extend(note);
        block
    }

    #[test]
    fn a_maker_note_keeps_its_place_or_needs_none() {
        let note = |offset, bytes: &[u8]| read_block(&with_note(offset, bytes));
        let (exif, _) = note(100, b"Canon-like");
        assert_eq!(exif.maker_note, Some(MakerNote { bytes: b"Canon-like".to_vec(), offset: Some(100) }));
        let (exif, _) = note(60_000, b"Nikon\0\x02 and so on");
        assert_eq!(exif.maker_note.map(|note| note.offset), Some(None));
        let (exif, warnings) = note(60_000, b"Canon-like");
        assert_eq!((exif.maker_note, warnings.len()), (None, 1));
        let mut tiny = with_note(100, b"");
        tiny[46..54].copy_from_slice(b"\x04\0\0\0tiny");
        let note = read_block(&tiny).0.maker_note;
        assert_eq!(note, Some(MakerNote { bytes: b"tiny".to_vec(), offset: None }), "it is in the entry");
    }

    #[test]
    fn directories_that_point_to_each_other_end() {
        let loops = [(34_665, 4, 1, [8, 0, 0, 0]), (34_853, 4, 1, [8, 0, 0, 0]), (40_965, 4, 1, [8, 0, 0, 0])];
        let (exif, _) = read_block(&[b"II*\0\x08\0\0\0".to_vec(), directory(false, &loops)].concat());
        assert!(exif.is_empty(), "{exif:?}");
    }

    #[test]
    fn values_that_many_entries_share_are_bounded() {
        let entries: Vec<_> = (0..4_000).map(|tag| (1_000 + tag, 7, 60_000, [0, 0, 0, 0])).collect();
        let mut block = [b"II*\0\x08\0\0\0".to_vec(), directory(false, &entries)].concat();
        block.resize(60_000, 0);
        let (exif, warnings) = read_block(&block);
        assert!(exif.image.iter().map(|entry| entry.bytes.len()).sum::<usize>() <= MAX_BYTES);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }
}
