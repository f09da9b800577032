//! Files for tests, built in code so that each test shows what they contain.

use std::io::Cursor;

use cutline_core::domain::kind::ImageKind;
use cutline_imaging::Error;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, RgbImage};

/// Whether an error says that a file of one of the kinds is damaged or truncated. A decoder that panics does not count.
pub(crate) fn is_damaged(error: &Error, expected: impl Fn(ImageKind) -> bool) -> bool {
    matches!(error, Error::Damaged { kind, .. } | Error::Truncated { kind, .. } if expected(*kind))
}

/// An image with four different corners. It is smooth, so that a JPEG of it is close to it.
pub(crate) fn picture(width: u32, height: u32) -> RgbImage {
    let share = |at: u32, of: u32| (at * 200 / of.max(2)) as u8;
    RgbImage::from_fn(width, height, |x, y| image::Rgb([20 + share(x, width), 30 + share(y, height), 90]))
}

/// Encodes an image as `jpeg`, `png` or `webp`, with Exif data if given.
pub(crate) fn write(picture: &DynamicImage, kind: &str, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    match kind {
        "jpeg" => with_exif(JpegEncoder::new_with_quality(&mut file, 100), picture, exif),
        "png" => with_exif(PngEncoder::new(&mut file), picture, exif),
        "webp" => with_exif(WebPEncoder::new_lossless(&mut file), picture, exif),
        other => panic!("cannot write {other}"),
    }
    file.into_inner()
}

fn with_exif(mut encoder: impl ImageEncoder, picture: &DynamicImage, exif: Option<Vec<u8>>) {
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).expect("encodes Exif data");
    }
    picture.write_with_encoder(encoder).expect("encodes");
}

/// A JPEG segment.
pub(crate) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], length.as_slice(), data].concat()
}

/// A baseline JPEG of 8 x 8 gray pixels with `count` scans, each of one of three components, and `before` in front of
/// every scan.
pub(crate) fn scans(count: usize, before: &[u8]) -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8];
    file.extend(segment(0xDB, &[&[0], [1; 64].as_slice()].concat()));
    file.extend(segment(0xC0, &[8, 0, 8, 0, 8, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]));
    // One Huffman table for the DC coefficient and one for the others. Each has a single code, 0: no difference, and
    // end of block.
    for table in [0x00, 0x10] {
        file.extend(segment(0xC4, &[&[table, 1], [0; 16].as_slice()].concat()));
    }
    for scan in 0..count {
        file.extend(before);
        file.extend(segment(0xDA, &[1, scan as u8 % 3 + 1, 0, 0, 63, 0]));
        // The two codes, padded with ones.
        file.push(0b0011_1111);
    }
    file.extend([0xFF, 0xD9]);
    file
}

/// Exif data with only an orientation, 1 to 8.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    // Tag 0x0112, type SHORT, one value, padded to four bytes; no further entries.
    block.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    block
}

/// A PNG chunk.
pub(crate) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    let checksum = crc32(&chunk[4..]);
    chunk.extend(checksum.to_be_bytes());
    chunk
}

/// CRC-32, the checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
