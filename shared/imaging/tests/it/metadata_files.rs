//! Files of every kind with the same metadata, put together by hand, and a reader of Exif blocks that shares nothing with
//! the crate.

use std::collections::BTreeMap;

use image::DynamicImage;

use crate::files::{self, chunk, segment};

/// The size of the pictures in pixels. They are stored upside down.
pub(crate) const SIZE: (u32, u32) = (64, 48);
/// Where the maker note is in its block.
pub(crate) const NOTE_AT: usize = 1_000;
pub(crate) const NOTE: &[u8] = b"A NOTE OF THE MAKER";
pub(crate) const SERIAL: &str = "SERIAL-4711";
pub(crate) const CAPTION: &str = "A cup in Bern";
pub(crate) const THUMBNAIL: &str = "A SMALL PICTURE";
pub(crate) const SOURCE_TYPE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture";
/// Of a property in the extension of a JPEG's packet.
pub(crate) const EXTENDED: &str = "a long history";

/// A tag: its number, the code of its type, the count of its values, and their bytes.
type Tag = (u16, u16, u32, Vec<u8>);

fn ascii(tag: u16, text: &str) -> Tag {
    let bytes = [text.as_bytes(), b"\0"].concat();
    (tag, 2, bytes.len() as u32, bytes)
}

fn short(tag: u16, value: u16) -> Tag {
    (tag, 3, 1, value.to_le_bytes().to_vec())
}

fn long(tag: u16, value: u32) -> Tag {
    (tag, 4, 1, value.to_le_bytes().to_vec())
}

fn fractions(tag: u16, numbers: &[(u32, u32)]) -> Tag {
    let bytes = numbers.iter().flat_map(|(above, below)| [above.to_le_bytes(), below.to_le_bytes()].concat());
    (tag, 5, numbers.len() as u32, bytes.collect())
}

/// A directory at an offset, its values behind it, and the offset of the next one.
fn directory(at: usize, tags: &[Tag], next: u32) -> Vec<u8> {
    let mut bytes = (tags.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let values_at = at + 2 + tags.len() * 12 + 4;
    for (tag, kind, count, value) in tags {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend(count.to_le_bytes());
        if value.len() <= 4 {
            bytes.extend([value.as_slice(), &[0; 4]].concat().iter().take(4));
        } else {
            bytes.extend(((values_at + values.len()) as u32).to_le_bytes());
            values.extend(value);
            values.resize(values.len().next_multiple_of(2), 0);
        }
    }
    bytes.extend(next.to_le_bytes());
    [bytes, values].concat()
}

/// A block with the directories of picture, photograph and place at fixed offsets, a thumbnail, a maker note that refers to
/// its offset, and more tags of the picture.
pub(crate) fn exif_block(more: &[Tag]) -> Vec<u8> {
    const PHOTO_AT: usize = 500;
    const PLACE_AT: usize = 700;
    const THUMBNAIL_AT: usize = 850;
    let mut picture = vec![
        ascii(0x010F, "Acme"),
        short(0x0112, 3),
        fractions(0x011A, &[(240, 1)]),
        short(0x0128, 2),
        ascii(0x013B, "Ann Artist"),
        ascii(0x8298, "(c) Ann"),
        long(0x8769, PHOTO_AT as u32),
        long(0x8825, PLACE_AT as u32),
    ];
    picture.extend_from_slice(more);
    picture.sort_by_key(|tag| tag.0);
    let photo = [
        fractions(0x829A, &[(1, 125)]),
        (0x927C, 7, NOTE.len() as u32, NOTE.to_vec()),
        long(0xA002, 9_999),
        long(0xA003, 8_888),
        ascii(0xA431, SERIAL),
    ];
    let mut photo = directory(PHOTO_AT, &photo, 0);
    // The note is elsewhere: its entry is the second one.
    photo[22..26].copy_from_slice(&(NOTE_AT as u32).to_le_bytes());
    let place = [
        (0, 1, 4, vec![2, 3, 0, 0]),
        ascii(1, "N"),
        fractions(2, &[(46, 1), (57, 1), (30, 1)]),
        (27, 7, 11, b"ASCII\0\0\0GPS".to_vec()),
    ];
    let thumbnail = [long(0x0201, THUMBNAIL_AT as u32 + 50), long(0x0202, THUMBNAIL.len() as u32)];
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    for (at, part) in [
        (8, directory(8, &picture, THUMBNAIL_AT as u32)),
        (PHOTO_AT, photo),
        (PLACE_AT, directory(PLACE_AT, &place, 0)),
        (THUMBNAIL_AT, directory(THUMBNAIL_AT, &thumbnail, 0)),
        (THUMBNAIL_AT + 50, THUMBNAIL.as_bytes().to_vec()),
        (NOTE_AT, NOTE.to_vec()),
    ] {
        assert!(block.len() <= at, "{} bytes before {at}", block.len());
        block.resize(at, 0);
        block.extend(part);
    }
    block
}

/// A packet with these attributes and properties in addition to those of all files.
pub(crate) fn xmp(attributes: &str, properties: &str) -> String {
    format!(
        "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
         xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:aux=\"http://ns.adobe.com/exif/1.0/aux/\">\
         <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
         xmlns:tiff=\"http://ns.adobe.com/tiff/1.0/\" xmlns:ext=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" \
         xmp:Rating=\"4\" tiff:Orientation=\"3\" ext:DigitalSourceType=\"{SOURCE_TYPE}\" {attributes}>\
         <aux:SerialNumber>{SERIAL}</aux:SerialNumber><xmp:Thumbnails>{THUMBNAIL}</xmp:Thumbnails>{properties}\
         </rdf:Description></rdf:RDF></x:xmpmeta>   <?xpacket end=\"w\"?>"
    )
}

/// Data sets with a caption and an orientation.
pub(crate) fn iptc() -> Vec<u8> {
    let set = |number: u8, data: &[u8]| [&[0x1C, 2, number, 0, data.len() as u8], data].concat();
    [set(120, CAPTION.as_bytes()), set(131, b"P")].concat()
}

fn resource(id: u16, data: &[u8]) -> Vec<u8> {
    let mut resource =
        [b"8BIM", id.to_be_bytes().as_slice(), &[0, 0], &(data.len() as u32).to_be_bytes(), data].concat();
    resource.resize(resource.len().next_multiple_of(2), 0);
    resource
}

fn picture() -> DynamicImage {
    DynamicImage::ImageRgb8(files::picture(SIZE.0, SIZE.1))
}

/// A JPEG with this block and packet, the packet's extension if there is one, and IPTC.
pub(crate) fn jpeg(exif: &[u8], xmp: &str, extension: Option<(&str, &str)>) -> Vec<u8> {
    let plain = files::write(&picture(), "jpeg", None);
    let mut segments = segment(0xE1, &[b"Exif\0\0", exif].concat());
    segments.extend(segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()].concat()));
    if let Some((id, extension)) = extension {
        let half = extension.len() / 2;
        for range in [half..extension.len(), 0..half] {
            let numbers = [extension.len() as u32, range.start as u32].map(u32::to_be_bytes).concat();
            let head = [b"http://ns.adobe.com/xmp/extension/\0", id.as_bytes(), &numbers].concat();
            segments.extend(segment(0xE1, &[&head, &extension.as_bytes()[range]].concat()));
        }
    }
    segments.extend(segment(0xED, &[b"Photoshop 3.0\0".as_slice(), &resource(1028, &iptc())].concat()));
    [&plain[..2], &segments, &plain[2..]].concat()
}

fn extended_jpeg() -> Vec<u8> {
    const ID: &str = "0123456789ABCDEF0123456789ABCDEF";
    let note = format!("xmlns:note=\"http://ns.adobe.com/xmp/note/\" note:HasExtendedXMP=\"{ID}\"");
    let extension = format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
         xmlns:t=\"urn:test\"><rdf:Description rdf:about=\"\"><t:Long>{EXTENDED}</t:Long></rdf:Description></rdf:RDF>\
         </x:xmpmeta>"
    );
    jpeg(&exif_block(&[]), &xmp(&note, ""), Some((ID, &extension)))
}

fn png() -> Vec<u8> {
    let plain = files::write(&picture(), "png", None);
    // The signature and the header.
    let (head, rest) = plain.split_at(33);
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), xmp("", "").as_bytes()].concat();
    [head, &chunk(b"eXIf", &exif_block(&[])), &chunk(b"iTXt", &text), rest].concat()
}

fn webp() -> Vec<u8> {
    let plain = files::write(&picture(), "webp", None);
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let length = (data.len() as u32).to_le_bytes();
        [kind.as_slice(), &length, data, &[0][..data.len() % 2]].concat()
    };
    let [width, height] = [SIZE.0, SIZE.1].map(|side| (side - 1).to_le_bytes());
    let extended = chunk(b"VP8X", &[&[0x0C, 0, 0, 0], &width[..3], &height[..3]].concat());
    let (exif, xmp) = (chunk(b"EXIF", &exif_block(&[])), chunk(b"XMP ", xmp("", "").as_bytes()));
    let chunks = [b"WEBP".as_slice(), &extended, &plain[12..], &exif, &xmp].concat();
    [b"RIFF".as_slice(), &(chunks.len() as u32).to_le_bytes(), &chunks].concat()
}

fn tiff() -> Vec<u8> {
    const PIXELS_AT: u32 = 2_000;
    let packet = xmp("", "");
    let block = exif_block(&[
        long(256, SIZE.0),
        long(257, SIZE.1),
        (258, 3, 3, [8, 0, 8, 0, 8, 0].to_vec()),
        short(259, 1),
        short(262, 2),
        long(273, PIXELS_AT),
        short(277, 3),
        long(278, SIZE.1),
        long(279, SIZE.0 * SIZE.1 * 3),
        // Elsewhere, since the first directory has little room.
        (700, 1, packet.len() as u32, PIXELS_AT.to_le_bytes().to_vec()),
        (33_723, 7, iptc().len() as u32, iptc()),
    ]);
    let mut file = block;
    file.resize(PIXELS_AT as usize, 0);
    file.extend(picture().into_bytes());
    let at = (file.len() as u32).to_le_bytes();
    file.extend(packet.as_bytes());
    // The entry of the packet gets its place.
    let entry = [700_u16.to_le_bytes(), 1_u16.to_le_bytes()].concat();
    let entry = file.windows(4).position(|bytes| bytes == entry).expect("has the tag");
    file[entry + 8..entry + 12].copy_from_slice(&at);
    file
}

fn psd() -> Vec<u8> {
    let resources =
        [resource(1028, &iptc()), resource(1058, &exif_block(&[])), resource(1060, xmp("", "").as_bytes())].concat();
    let rgb = files::picture(SIZE.0, SIZE.1);
    let mut file = b"8BPS\0\x01\0\0\0\0\0\0\0\x03".to_vec();
    file.extend([SIZE.1.to_be_bytes(), SIZE.0.to_be_bytes()].concat());
    file.extend([0, 8, 0, 3, 0, 0, 0, 0]);
    file.extend((resources.len() as u32).to_be_bytes());
    file.extend(resources);
    // No layers, and a merged image without compression.
    file.extend([0, 0, 0, 0, 0, 0]);
    for channel in 0..3 {
        file.extend(rgb.pixels().map(|pixel| pixel[channel]));
    }
    file
}

/// The file of a kind, its name, and whether it has Exif and IPTC.
pub(crate) struct Source {
    pub(crate) kind: &'static str,
    pub(crate) file: Vec<u8>,
    pub(crate) has_exif: bool,
    pub(crate) has_iptc: bool,
}

/// A file of every kind that holds metadata.
pub(crate) fn sources() -> Vec<Source> {
    let with = |kind, file, has_iptc| Source { kind, file, has_exif: true, has_iptc };
    vec![
        with("JPEG", extended_jpeg(), true),
        with("PNG", png(), false),
        with("WebP", webp(), false),
        with("TIFF", tiff(), true),
        with("PSD", psd(), true),
        with("AVIF", include_bytes!("../data/kinds/metadata.avif").to_vec(), false),
    ]
}

/// The tags of a little-endian block or TIFF: those of the picture, of the photograph and of the place, each by number.
pub(crate) fn read_exif(block: &[u8]) -> [BTreeMap<u16, Vec<u8>>; 3] {
    assert!(block.starts_with(b"II*\0"), "{:?}", &block[..4]);
    let number = |at: usize, length: usize| {
        block[at..at + length].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let directory = |at: usize| -> BTreeMap<u16, Vec<u8>> {
        let entries = (0..number(at, 2)).map(|entry| at + 2 + entry * 12);
        let read = entries.map(|entry| {
            let size = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4][number(entry + 2, 2)];
            let length = number(entry + 4, 4) * size;
            let value = if length <= 4 { entry + 8 } else { number(entry + 8, 4) };
            (number(entry, 2) as u16, block[value..value + length].to_vec())
        });
        let tags: Vec<_> = read.collect();
        assert!(tags.is_sorted_by(|a, b| a.0 < b.0), "tags are in ascending order");
        tags.into_iter().collect()
    };
    let pointer = |tags: &BTreeMap<u16, Vec<u8>>, tag| {
        let value = tags.get(&tag).map(|value| u32::from_le_bytes(value.as_slice().try_into().expect("four bytes")));
        value.map(|at| directory(at as usize)).unwrap_or_default()
    };
    let picture = directory(number(4, 4));
    let next = number(4, 4) + 2 + picture.len() * 12;
    assert_eq!(number(next, 4), 0, "there is no further directory");
    let (photo, place) = (pointer(&picture, 0x8769), pointer(&picture, 0x8825));
    [picture, photo, place]
}
